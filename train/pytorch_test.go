package train_test

import (
	"context"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"govae/checkpoint"
	"govae/internal/stream"
	"govae/klreg"
	"govae/mnist"
	"govae/optim"
	"govae/samples"
	"govae/vae"
)

var update = flag.Bool("update", false, "write the recorded files of testdata anew (needs PyTorch)")

const (
	script    = "testdata/pytorch/vae.py"
	recording = "testdata/pytorch/recording.safetensors"
	tolerance = 1e-4 // of the largest number of a tensor: float32 with other orders of summation
)

// python returns an interpreter that has PyTorch, or skips the test.
func python(t *testing.T) string {
	t.Helper()
	py := withPyTorch()
	if py == "" {
		t.Skip("no PyTorch here: Debian's package is python3-torch")
	}
	return py
}

// withPyTorch is looked for once: to import PyTorch takes seconds.
var withPyTorch = sync.OnceValue(func() string {
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(p, "-c", "import torch, numpy").Run() == nil {
			return p
		}
	}
	return ""
})

// record runs PyTorch on 80 real images and returns the path of its recording.
func record(t *testing.T) string {
	t.Helper()
	py := python(t)
	_, test := load(t)
	x := make([]uint8, 0, 80*784)
	for _, v := range test.Prepare(mnist.Threshold, nil).Pixels[:80*784] {
		x = append(x, v/255)
	}
	images, out := filepath.Join(t.TempDir(), "images"), filepath.Join(t.TempDir(), "recording")
	if err := checkpoint.Write(images, &checkpoint.File{Tensors: []checkpoint.Tensor{{Name: "images", Shape: []int{80, 784}, Data: x}}}); err != nil {
		t.Fatal(err)
	}
	if b, err := exec.Command(py, script, "record", out, images).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return out
}

func TestPyTorchRecording(t *testing.T) { compareRecording(t, recording) }

// The script still makes a recording that we agree with, on this machine's PyTorch.
func TestPyTorchRecordsAnew(t *testing.T) {
	if testing.Short() {
		t.Skip("PyTorch trains for seconds; TestPyTorchRecording has what it came to")
	}
	fresh := record(t)
	compareRecording(t, fresh)
	if *update {
		b, err := os.ReadFile(fresh)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recording, b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// compareRecording holds loss, mu, logvar, logits and all gradients of a batch,
// and the losses of ten Adam steps, to what PyTorch computed from the same
// weights, images and noise.
func compareRecording(t *testing.T, path string) {
	t.Helper()
	f, err := checkpoint.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	get := func(name string) []float32 {
		tensor, ok := f.Lookup(name)
		if !ok {
			t.Fatalf("the recording lacks %s", name)
		}
		return tensor.Data.([]float32)
	}
	cfg := vae.DefaultConfig()
	cfg.Hidden, cfg.Latent = []int{24}, 5
	m, err := vae.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	weights := &checkpoint.File{}
	for _, p := range m.Params() {
		for _, w := range vae.Tensors(p, p.Value.Data(), "") {
			w.Data = get("weight." + w.Name)
			weights.Tensors = append(weights.Tensors, w)
		}
	}
	if err := m.Restore(weights); err != nil {
		t.Fatal(err)
	}
	const batch = 8
	pixels, _ := f.Lookup("x")
	x := make([]float32, len(pixels.Data.([]uint8)))
	for i, v := range pixels.Data.([]uint8) {
		x[i] = float32(v)
	}
	eps := get("eps")

	first := x[:batch*784]
	mu, logvar, err := m.Encode(first)
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "mu", mu, get("mu"))
	closeTo(t, "logvar", logvar, get("logvar"))
	z := make([]float32, len(mu))
	for i := range z {
		z[i] = mu[i] + float32(math.Exp(float64(logvar[i])/2))*eps[i]
	}
	logits, err := m.DecodeParams(z)
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "logits", logits, get("logits"))
	terms, err := m.ELBO(first, eps[:batch*5])
	if err != nil {
		t.Fatal(err)
	}
	var distortion, rate []float32
	for _, e := range terms {
		distortion, rate = append(distortion, float32(e.Distortion)), append(rate, float32(e.Rate))
	}
	closeTo(t, "distortion", distortion, get("distortion"))
	closeTo(t, "rate", rate, get("rate"))

	step, err := m.NewStep(batch, klreg.DefaultWeight())
	if err != nil {
		t.Fatal(err)
	}
	var params [][]float32
	for _, p := range m.Params() {
		params = append(params, p.Value.Data().([]float32))
	}
	adam, err := optim.NewAdam(params, optim.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	var losses []float32
	for i := range len(get("losses")) {
		copy(step.X(), x[i*batch*784:])
		copy(step.Eps(), eps[i*batch*5:])
		loss, err := step.Run(1)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, float32(loss.Loss))
		if i == 0 {
			for k, p := range m.Params() {
				for _, g := range vae.Tensors(p, step.Grads()[k], "") {
					closeTo(t, "gradient of "+g.Name, g.Data.([]float32), get("grad."+g.Name))
				}
			}
		}
		adam.Step(step.Grads(), 1e-3, 1)
	}
	closeTo(t, "losses", losses, get("losses"))
}

func closeTo(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", name, len(got), len(want))
	}
	var worst, scale float64
	for i := range got {
		worst = max(worst, math.Abs(float64(got[i])-float64(want[i])))
		scale = max(scale, math.Abs(float64(want[i])))
	}
	if !(worst <= tolerance*scale) || scale == 0 {
		t.Errorf("%s: differs from PyTorch by %.2g of %.2g", name, worst, scale)
	}
}

// PyTorch loads a saved model by renaming its tensors, and finds the same rate
// and distortion of 100 test images at fixed noise.
func TestPyTorchLoadsModel(t *testing.T) {
	py := python(t)
	_, test := load(t)
	models := map[string]func() (*vae.Model, error){"the trained model of samples": samples.Model}
	for name, hidden := range map[string][]int{"one hidden layer": {32}, "two hidden layers": {24, 16}, "none": nil} {
		if testing.Short() && len(hidden) < 2 { // each starts PyTorch anew
			continue
		}
		models[name] = func() (*vae.Model, error) {
			cfg := vae.DefaultConfig()
			cfg.Hidden, cfg.Latent, cfg.Activation = hidden, 6, "tanh"
			return vae.New(cfg)
		}
	}
	for name, build := range models {
		t.Run(name, func(t *testing.T) {
			m, err := build()
			if err != nil {
				t.Fatal(err)
			}
			model, data := filepath.Join(t.TempDir(), "model"), filepath.Join(t.TempDir(), "data")
			if err := m.Save(model); err != nil {
				t.Fatal(err)
			}
			const n = 100
			latent := m.Config().Latent
			x, eps := make([]float32, n*784), make([]float32, n*latent)
			index := make([]int, n)
			for i := range index {
				index[i] = i
			}
			test.Fill(x, index, mnist.Dynamic, stream.New(1, stream.Binarize, 0))
			stream.Normal(eps, stream.New(1, stream.Eps, 0))
			terms, err := m.ELBO(x, eps)
			if err != nil {
				t.Fatal(err)
			}
			d, r := make([]float32, n), make([]float32, n)
			for i, e := range terms {
				d[i], r[i] = float32(e.Distortion), float32(e.Rate)
			}
			err = checkpoint.Write(data, &checkpoint.File{Tensors: []checkpoint.Tensor{
				{Name: "x", Shape: []int{n, 784}, Data: x}, {Name: "eps", Shape: []int{n, latent}, Data: eps},
				{Name: "distortion", Shape: []int{n}, Data: d}, {Name: "rate", Shape: []int{n}, Data: r},
			}})
			if err != nil {
				t.Fatal(err)
			}
			b, err := exec.Command(py, script, "check", model, data).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, b)
			}
			t.Logf("%s", b)
		})
	}
}

// PyTorch finds the same importance-weighted estimate of log p(x), to 1e-3 nats, of
// the trained model at the same noise.
func TestPyTorchIWAE(t *testing.T) {
	py := python(t)
	_, test := load(t)
	m, err := samples.Model()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	model, data := filepath.Join(dir, "model"), filepath.Join(dir, "data")
	if err := m.Save(model); err != nil {
		t.Fatal(err)
	}
	const n, seed = 20, 7
	latent := m.Noise()
	x, index := make([]float32, n*784), make([]int, n)
	for i := range index {
		index[i] = i
	}
	test.Fill(x, index, mnist.Dynamic, stream.New(1, stream.Binarize, 0))
	ks := []int{50}
	if !testing.Short() {
		ks = []int{1, 50, 500}
	}
	for _, k := range ks {
		estimates, err := m.Importance(context.Background(), x, k, seed)
		if err != nil {
			t.Fatal(err)
		}
		eps, logp, ess := make([]float32, n*k*latent), make([]float64, n), make([]float64, n)
		for i, e := range estimates {
			stream.Normal(eps[i*k*latent:(i+1)*k*latent], stream.New(seed, stream.Evaluate, uint64(i)))
			logp[i], ess[i] = e.LogP, e.ESS
		}
		err = checkpoint.Write(data, &checkpoint.File{Tensors: []checkpoint.Tensor{
			{Name: "x", Shape: []int{n, 784}, Data: x}, {Name: "eps", Shape: []int{n, k, latent}, Data: eps},
			{Name: "logp", Shape: []int{n}, Data: logp}, {Name: "ess", Shape: []int{n}, Data: ess},
		}})
		if err != nil {
			t.Fatal(err)
		}
		b, err := exec.Command(py, script, "iwae", model, data).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, b)
		}
		t.Logf("%s", b)
	}
}
