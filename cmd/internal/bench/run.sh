#!/usr/bin/env bash
# Installs the peers that bench compares with (Debian's packages, where they are
# missing), builds OpenBLAS's program, and runs bench with the given flags.
#
# run.sh -against REVISION [flags] compares with the bench of an earlier revision instead,
# turn by turn, and needs no peers.
set -euo pipefail
cd "$(dirname "$0")/../../.."

if [ "${1-}" = -against ]; then
	build=$(mktemp -d)
	trap 'git worktree remove --force "$build/tree" 2>/dev/null; rm -rf "$build"' EXIT
	trap 'exit 1' INT TERM
	git worktree add --quiet --detach "$build/tree" "$2"
	for dir in cmd/internal/bench internal/bench bench; do # the places where it has stood
		[ -d "$build/tree/$dir" ] && break
	done
	(cd "$build/tree" && go build -o "$build/earlier" "./$dir")
	go build -o "$build/bench" ./cmd/internal/bench
	"$build/bench" -earlier "$build/earlier" "${@:3}"
	exit
fi

packages=(python3-torch python3-numpy libopenblas0-openmp gcc libc6-dev)
if command -v apt-get >/dev/null; then
	for p in "${packages[@]}"; do
		if [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" != installed ]; then
			sudo=$([ "$(id -u)" = 0 ] || echo sudo)
			$sudo apt-get update -qq
			$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
			break
		fi
	done
fi

# The OpenMP build: the other one brings a second pool of threads, which fights
# with PyTorch's.
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
trap 'exit 1' INT TERM
peers=()
if lib=$(dpkg -L libopenblas0-openmp 2>/dev/null | grep '/libopenblas\.so\.0$'); then
	gcc -O2 -o "$build/gemm" cmd/internal/bench/openblas/gemm.c "$lib" -Wl,-rpath,"$(dirname "$lib")"
	peers=(-blas "$(dirname "$lib")" -openblas "$build/gemm")
fi
go build -o "$build/bench" ./cmd/internal/bench
"$build/bench" "${peers[@]}" "$@"
