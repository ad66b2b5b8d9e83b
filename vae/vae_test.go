package vae

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorgonia.org/tensor"

	"govae/checkpoint"
	"govae/decoder"
	"govae/dist"
	"govae/encoder"
	"govae/internal/stream"
	"govae/klreg"
	"govae/nn"
)

func small(t *testing.T) *Model {
	t.Helper()
	m, err := New(Config{Rows: 4, Cols: 5, Hidden: []int{16}, Latent: 3, Activation: "relu", Likelihood: "bernoulli", Init: "pytorch", Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// binary returns n images of X pixels 0 or 1, and noise for each.
func binary(m *Model, n int) (x, eps []float32) {
	r := rand.New(rand.NewPCG(1, 3))
	x, eps = make([]float32, n*m.pixels), make([]float32, n*m.latent)
	for i := range x {
		x[i] = float32(r.IntN(2))
	}
	stream.Normal(eps, stream.New(1, stream.Eps, 9))
	return x, eps
}

// widen returns the same numbers in float64.
func widen(a []float32) []float64 {
	b := make([]float64, len(a))
	for i, v := range a {
		b[i] = float64(v)
	}
	return b
}

// The model's terms are those of the definitions, computed one image at a time
// from its own encoder and decoder.
func TestELBOAgainstDefinition(t *testing.T) {
	m := small(t)
	const n = 70
	x, eps := binary(m, n)
	terms, err := m.ELBO(x, eps)
	if err != nil {
		t.Fatal(err)
	}
	mu, logvar, err := m.Encode(x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		row := func(a []float32, w int) []float64 { return widen(a[i*w : (i+1)*w]) }
		z := make([]float64, m.latent)
		ReparameterizeValue(z, row(mu, m.latent), row(logvar, m.latent), row(eps, m.latent))
		z32 := make([]float32, len(z))
		for j, v := range z {
			z32[j] = float32(v)
		}
		params, err := m.DecodeParams(z32)
		if err != nil {
			t.Fatal(err)
		}
		rate := klreg.Gaussian(row(mu, m.latent), row(logvar, m.latent))
		distortion := distortionOf(m, widen(params), row(x, m.pixels))
		if got := terms[i]; math.Abs(got.Rate-rate) > 1e-5*rate || math.Abs(got.Distortion-distortion) > 1e-5*distortion {
			t.Errorf("image %d: %+v, want distortion %v and rate %v", i, got, distortion, rate)
		}
		if got := terms[i].ELBO(); got != -(terms[i].Distortion+terms[i].Rate) || got >= 0 {
			t.Errorf("image %d: ELBO %v of %+v", i, got, terms[i])
		}
	}
}

// An image's result does not depend on the images beside it, whatever their number.
func TestAnyBatchSize(t *testing.T) {
	m := small(t)
	const n = 600
	x, eps := binary(m, n)
	want, err := m.ELBO(x, eps)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want { // one at a time
		got, err := m.ELBO(x[i*m.pixels:(i+1)*m.pixels], eps[i*m.latent:(i+1)*m.latent])
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(got[0].ELBO()-w.ELBO()) > 1e-5 {
			t.Errorf("image %d alone: %v, of %d: %v", i, got[0], n, w)
		}
	}
	for _, k := range []int{0, 1, 2, 7, 8, 9, 63, 64, 65, 511, 512, 513} {
		got, err := m.ELBO(x[:k*m.pixels], eps[:k*m.latent])
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != k {
			t.Fatalf("%d images: %d results", k, len(got))
		}
		for i := range got {
			if math.Abs(got[i].ELBO()-want[i].ELBO()) > 1e-5 {
				t.Errorf("image %d of %d: %v, of %d: %v", i, k, got[i], n, want[i])
			}
		}
	}
}

// Several goroutines use one model at once; run with the race detector.
func TestConcurrentInference(t *testing.T) {
	m := small(t)
	x, eps := binary(m, 70)
	want, err := m.ELBO(x, eps)
	if err != nil {
		t.Fatal(err)
	}
	sample, err := m.Sample(9, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 5 {
				got, err := m.ELBO(x, eps)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("ELBO beside others: %v, %v", got, err)
				}
				if _, err := m.LogLikelihood(context.Background(), x[:m.pixels], 20, 1); err != nil {
					t.Error(err)
				}
				if s, err := m.Sample(9, 1, 1); err != nil || !slices.Equal(s, sample) {
					t.Errorf("Sample beside others: %v, %v", s, err)
				}
			}
		}()
	}
	wg.Wait()
}

// Two models train side by side without touching one another's graphs.
func TestConcurrentTraining(t *testing.T) {
	losses := make([]float64, 3)
	var wg sync.WaitGroup
	for i := range losses {
		wg.Add(1)
		go func() {
			defer wg.Done()
			m := small(t)
			s, err := m.NewStep(8, klreg.DefaultWeight())
			if err != nil {
				t.Error(err)
				return
			}
			x, eps := binary(m, 8)
			for range 20 {
				copy(s.X(), x)
				copy(s.Eps(), eps)
				loss, err := s.Run(1)
				if err != nil {
					t.Error(err)
				}
				losses[i] = loss.Loss
				for k, p := range m.Params() {
					w := p.Value.Data().([]float32)
					for j, g := range s.Grads()[k] {
						w[j] -= 0.01 * g
					}
				}
			}
		}()
	}
	wg.Wait()
	if losses[0] != losses[1] || losses[1] != losses[2] {
		t.Errorf("three equal trainings end at %v", losses)
	}
}

func TestSaveLoad(t *testing.T) {
	m := small(t)
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Params() {
		if !slices.Equal(p.Value.Data().([]float32), again.Params()[i].Value.Data().([]float32)) {
			t.Errorf("%v differ after loading", p.Names)
		}
	}
	f, err := checkpoint.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, shape := range map[string][]int{
		"encoder.hidden.0.weight": {16, 20}, "encoder.hidden.0.bias": {16}, "encoder.mu.weight": {3, 16}, "encoder.mu.bias": {3},
		"encoder.logvar.weight": {3, 16}, "encoder.logvar.bias": {3}, "decoder.hidden.0.weight": {16, 3}, "decoder.hidden.0.bias": {16},
		"decoder.output.weight": {20, 16}, "decoder.output.bias": {20},
	} {
		if _, err := f.Float32(name, shape...); err != nil {
			t.Error(err)
		}
	}
	if len(f.Tensors) != 10 {
		t.Errorf("%d tensors saved, want 10", len(f.Tensors))
	}
}

// A file that does not fit is refused, and the model is as it was.
func TestRestoreRefuses(t *testing.T) {
	m := small(t)
	f, err := m.File(nil)
	if err != nil {
		t.Fatal(err)
	}
	other := Config{Rows: 4, Cols: 5, Hidden: []int{17}, Latent: 3, Activation: "relu", Likelihood: "bernoulli", Init: "pytorch", Seed: 2}
	o, err := New(other)
	if err != nil {
		t.Fatal(err)
	}
	before := append([]float32{}, o.Params()[0].Value.Data().([]float32)...)
	if err := o.Restore(f); err == nil || !strings.Contains(err.Error(), "encoder.hidden.0.weight") {
		t.Errorf("another shape: %v", err)
	}
	f.Tensors = f.Tensors[:len(f.Tensors)-1]
	same := small(t)
	if err := same.Restore(f); err == nil || !strings.Contains(err.Error(), "decoder.output.bias") {
		t.Errorf("a tensor is missing: %v", err)
	}
	if !slices.Equal(before, o.Params()[0].Value.Data().([]float32)) {
		t.Error("a refused file changed the model")
	}
	if _, err := FromFile(&checkpoint.File{}); err == nil {
		t.Error("a file without a model was accepted")
	}
}

func TestConfigErrors(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"0×28":               func(c *Config) { c.Rows = 0 },
		"28×-1":              func(c *Config) { c.Cols = -1 },
		"latent":             func(c *Config) { c.Latent = 0 },
		"hidden layer":       func(c *Config) { c.Hidden = []int{3, 0} },
		"at most":            func(c *Config) { c.Hidden = []int{1 << 40} },
		"unknown likelihood": func(c *Config) { c.Likelihood = "poisson" },
		"sigma":              func(c *Config) { c.Likelihood = "gaussian" },
		"relu, softplus":     func(c *Config) { c.Activation = "gelu" },
		"glorot":             func(c *Config) { c.Init = "zero" },
	} {
		c := DefaultConfig()
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArgumentErrors(t *testing.T) {
	m := small(t)
	_, _, encode := m.Encode(make([]float32, 21))
	_, decode := m.Decode(make([]float32, 4))
	_, elbo := m.ELBO(make([]float32, 20), make([]float32, 2))
	_, negative := m.Sample(-1, 1, 1)
	_, hot := m.Sample(1, 1, math.NaN())
	_, none := m.LogLikelihood(context.Background(), make([]float32, 20), 0, 1)
	_, batch := m.NewStep(0, klreg.DefaultWeight())
	for i, err := range []error{encode, decode, elbo, negative, hot, none, batch} {
		if err == nil || !strings.HasPrefix(err.Error(), "vae: ") {
			t.Errorf("case %d: %v", i, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.LogLikelihood(ctx, make([]float32, 20), 5, 1); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAssembleErrors(t *testing.T) {
	enc := func(x, z int, dt tensor.Dtype) nn.Network {
		e, err := encoder.NewMLP(encoder.Config{In: x, Latent: z, Activation: "relu", Init: "glorot"}, dt, rand.NewPCG(1, 1))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	dec, err := decoder.NewMLP(decoder.Config{Outputs: 4, Latent: 2, Activation: "relu", Init: "glorot"}, tensor.Float32, rand.NewPCG(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]nn.Network{"pixels": enc(5, 2, tensor.Float32), "latent": enc(4, 3, tensor.Float32), "float": enc(4, 2, tensor.Float64)} {
		if _, err := Assemble(Parts{Encoder: e, Decoder: dec, Likelihood: dist.Bernoulli{}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Assemble(Parts{Encoder: enc(4, 2, tensor.Float32), Decoder: dec, Likelihood: dist.Bernoulli{}}); err != nil {
		t.Error(err)
	}
}

func TestLogSumExp(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want float64
	}{
		{nil, math.Inf(-1)},
		{[]float64{math.Inf(-1)}, math.Inf(-1)},
		{[]float64{-1000, -1000}, -1000 + math.Ln2},
		{[]float64{1000, 0}, 1000},
		{[]float64{0, 1000, math.Inf(-1)}, 1000},
		{[]float64{0, math.Log(2), math.Log(3)}, math.Log(6)},
	} {
		var l dist.LogSumExp
		for _, v := range c.in {
			l.Add(v)
		}
		if got := l.Value(); got != c.want && math.Abs(got-c.want) > 1e-12*math.Abs(c.want) {
			t.Errorf("%v: %v, want %v", c.in, got, c.want)
		}
	}
}

func TestLatentPaths(t *testing.T) {
	z, err := Interpolate([]float32{0, 4}, []float32{2, 0}, 3)
	if want := []float32{0, 4, 1, 2, 2, 0}; err != nil || !slices.Equal(z, want) {
		t.Errorf("Interpolate: %v, %v, want %v", z, err, want)
	}
	z, err = Traverse([]float32{5, 6}, 1, 3, 2)
	if want := []float32{5, -2, 5, 0, 5, 2}; err != nil || !slices.Equal(z, want) {
		t.Errorf("Traverse: %v, %v, want %v", z, err, want)
	}
	// Φ⁻¹(3/4) = 0.67448975, from any table of the normal distribution.
	z, err = Manifold(2)
	const q = 0.67448975
	if want := []float32{-q, q, q, q, -q, -q, q, -q}; err != nil || !slices.Equal(z, want) {
		t.Errorf("Manifold: %v, %v, want %v", z, err, want)
	}
	for i, f := range []func() ([]float32, error){
		func() ([]float32, error) { return Interpolate([]float32{1}, []float32{1, 2}, 3) },
		func() ([]float32, error) { return Interpolate([]float32{1}, []float32{2}, 1) },
		func() ([]float32, error) { return Traverse([]float32{1}, 1, 3, 1) },
		func() ([]float32, error) { return Traverse([]float32{1}, 0, 1, 1) },
		func() ([]float32, error) { return Manifold(0) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("case %d: no error", i)
		}
	}
}

// A pixel outside the likelihood's domain is an error that names both.
func TestPixelsOutsideTheDomain(t *testing.T) {
	for likelihood, bad := range map[string]float32{"bernoulli": 1.5, "continuous-bernoulli": -0.1, "gaussian": float32(math.Inf(1)),
		"gaussian-learned": float32(math.NaN()), "gaussian-pixel": float32(math.NaN()), "logistic256": 0.3} {
		cfg := tiny()
		cfg.Likelihood, cfg.Sigma = likelihood, 0.5
		m, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for at, want := range map[float32]string{bad: "dist: " + likelihood + " likelihood: pixel 7 is ", 1: ""} {
			x := make([]float32, 2*m.pixels)
			x[7] = at
			_, elbo := m.ELBO(x, make([]float32, 2*m.noise))
			_, logp := m.LogLikelihood(context.Background(), x, 2, 1)
			for _, err := range []error{elbo, logp} {
				if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
					t.Errorf("%s, pixel %v: error %v, want %q", likelihood, at, err, want)
				}
			}
		}
	}
}

// A file from before there were flows, deep models and priors loads, and a model
// without them is saved under the same configuration.
func TestOldFileLoads(t *testing.T) {
	const old = `{"rows":2,"cols":3,"hidden":[5],"latent":2,"activation":"tanh","likelihood":"bernoulli","init":"pytorch","seed":3}`
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.File(nil)
	if err != nil {
		t.Fatal(err)
	}
	if f.Metadata[configKey] != old {
		t.Errorf("configuration %s, of an old file %s", f.Metadata[configKey], old)
	}
	again, err := FromFile(&checkpoint.File{Metadata: map[string]string{configKey: old}, Tensors: f.Tensors})
	if err != nil {
		t.Fatal(err)
	}
	x, eps := binary(m, 3)
	a, err := m.ELBO(x, eps)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := again.ELBO(x, eps); err != nil || !slices.Equal(a, b) {
		t.Errorf("ELBO %v, of the old file %v, %v", a, b, err)
	}
}

// Drawn pixels lie in the likelihood's domain, are other ones for another seed, and
// have the mean that Sample gives for the same codes: here all of them one, at
// temperature 0, so that the mean over 4000 images is held to 4 standard errors, of 6
// pixels and 6 likelihoods: of all seeds 1 in 400 fails.
func TestSamplePixels(t *testing.T) {
	for _, likelihood := range []string{"bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned", "gaussian-pixel", "laplace", "logistic256"} {
		cfg := tiny()
		cfg.Likelihood, cfg.Sigma = likelihood, 0.5
		m, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		const n = 4000
		x, err := m.SamplePixels(n, 1, 0)
		if err != nil || len(x) != n*m.pixels {
			t.Fatalf("%s: %d numbers, %v", likelihood, len(x), err)
		}
		if err := dist.Check(m.Likelihood(), x); err != nil {
			t.Error(err)
		}
		mean, err := m.Sample(1, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		for j, want := range mean {
			d := make([]float64, n)
			for i := range d {
				d[i] = float64(x[i*m.pixels+j]) - float64(want)
			}
			if z := zScore(d); !(math.Abs(z) <= 4) {
				t.Errorf("%s: the mean of pixel %d is off by %.1f standard errors", likelihood, j, z)
			}
		}
		again, err := m.SamplePixels(n, 1, 0)
		if err != nil || !slices.Equal(x, again) {
			t.Errorf("%s: one seed, two samples: %v", likelihood, err)
		}
		if other, err := m.SamplePixels(n, 2, 0); err != nil || slices.Equal(x, other) {
			t.Errorf("%s: two seeds, one sample: %v", likelihood, err)
		}
	}
}
