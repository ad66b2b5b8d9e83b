# check   formatting, vet, staticcheck, go.mod, other platforms
# test    all tests (SHORT=1 for those under two minutes)
# bench   govae beside PyTorch, OpenBLAS and gonum, run by run; writes docs/performance.md
#         (BENCH=-quick for a look, BENCH='-against REVISION' for an earlier revision beside this one); go test -bench . ./... has the single kernels
# torture all tests of reliability, such as 200 kills; writes docs/reliability.md (SCALE=0.1 for a tenth)
# core    count the lines that a default training step passes through
# samples train the model that govae comes with, and draw the committed figures

.PHONY: check test bench torture core samples

TOOL := go tool -modfile=.ci/tools.mod

check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	$(TOOL) staticcheck ./...
	go mod tidy -diff
	GOARCH=arm64 go vet ./...
	for os in linux darwin windows; do for arch in amd64 arm64; do \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch go build ./... || exit 1; done; done

test:
	go test $(if $(SHORT),-short) ./...

bench:
	cmd/internal/bench/run.sh $(BENCH)

torture:
	go run ./cmd/internal/torture $(if $(SCALE),-scale $(SCALE))

core:
	.ci/core

# samples/README.md explains these commands.
samples:
	rm -rf runs/samples runs/latent2 runs/sweep
	go run ./cmd/train -out runs/samples
	cp runs/samples/model.safetensors samples/model.safetensors
	go run ./cmd/sample -out samples/prior.png
	go run ./cmd/sample -kind reconstruct -out samples/reconstruct.png
	go run ./cmd/sample -kind interpolate -out samples/interpolate.png
	go run ./cmd/sample -kind traverse -out samples/traverse.png
	cp runs/samples/curves.png samples/curves.png
	go run ./cmd/train -latent 2 -out runs/latent2
	go run ./cmd/sample -model runs/latent2/model.safetensors -kind manifold -out samples/manifold.png
	go run ./cmd/sample -model runs/latent2/model.safetensors -kind scatter -out samples/scatter.png
	go run ./cmd/sweep -out runs/sweep
	cp runs/sweep/rate-distortion.png samples/rate-distortion.png
