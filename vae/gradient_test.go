package vae

import (
	"fmt"
	"math"
	"testing"

	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/stream"
	"govae/klreg"
)

// The gradient of the whole training loss, with respect to every weight of a
// small model in float64, agrees with central differences.
func TestLossGradient(t *testing.T) {
	base := Config{Rows: 2, Cols: 3, Hidden: []int{5, 4}, Latent: 2, Activation: "tanh", Likelihood: "bernoulli", Init: "pytorch", Seed: 3}
	for name, c := range map[string]struct {
		change func(*Config)
		weight klreg.Weight
		beta   float64
	}{
		"tanh":           {func(*Config) {}, klreg.DefaultWeight(), 1},
		"softplus":       {func(c *Config) { c.Activation = "softplus" }, klreg.DefaultWeight(), 1},
		"gated":          {func(c *Config) { c.Activation = "gated" }, klreg.DefaultWeight(), 1},
		"relu":           {func(c *Config) { c.Activation = "relu" }, klreg.DefaultWeight(), 1},
		"no hidden":      {func(c *Config) { c.Hidden = nil }, klreg.DefaultWeight(), 1},
		"gaussian":       {func(c *Config) { c.Likelihood, c.Sigma = "gaussian", 0.3 }, klreg.DefaultWeight(), 1},
		"beta 4":         {func(*Config) {}, klreg.DefaultWeight(), 4},
		"beta 0":         {func(*Config) {}, klreg.DefaultWeight(), 0},
		"free bits":      {func(*Config) {}, klreg.Weight{Beta: 1, FreeBits: 0.05}, 1},
		"all bits free":  {func(*Config) {}, klreg.Weight{Beta: 1, FreeBits: 5}, 1},
		"free bits beta": {func(*Config) {}, klreg.Weight{Beta: 1, FreeBits: 0.001}, 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := base
			c.change(&cfg)
			m, err := newModel(cfg, tensor.Float64)
			if err != nil {
				t.Fatal(err)
			}
			const batch = 4
			p := programOf(t, m, batch, c.weight, DefaultObjective())
			x, eps := make([]float32, batch*cfg.Pixels()), make([]float32, batch*cfg.Latent)
			for i := range x {
				x[i] = float32(i * 7 % 3 % 2)
			}
			stream.Normal(eps, stream.New(1, stream.Eps, 0))
			feed(t, p, map[string][]float32{"x": x, "eps": eps}, c.beta)
			run := func() float64 {
				t.Helper()
				if err := p.Run(); err != nil {
					t.Fatal(err)
				}
				loss, err := p.Number("loss")
				if err != nil {
					t.Fatal(err)
				}
				return loss
			}
			loss := run()
			grads := gradsOf(t, m, p)
			for k, p := range m.Params() {
				grad := grads[k]
				scale := 0.0
				for _, g := range grad {
					scale = max(scale, math.Abs(g))
				}
				w := data64(p)
				for i := range w {
					const h = 1e-5
					was := w[i]
					w[i] = was + h
					up := run()
					w[i] = was - h
					down := run()
					w[i] = was
					// Rounding of the loss itself: a few ulp over 2h.
					floor := 8 * math.Abs(loss) * 0x1p-52 / h
					if got, want := grad[i], (up-down)/(2*h); math.Abs(got-want) > 1e-7*scale+floor {
						t.Errorf("%s[%d]: %.12g, central difference %.12g", fmt.Sprint(p.Names), i, got, want)
					}
				}
			}
			if again := run(); again != loss {
				t.Errorf("the same weights give %v, then %v", loss, again)
			}
		})
	}
}

// programOf is the program of a step, which a Step has for float32 alone.
func programOf(t testing.TB, m *Model, batch int, w klreg.Weight, o Objective) *graph.Program {
	t.Helper()
	p, err := graph.Compile(m.dtype(), func(b *graph.Builder) error { return m.buildStep(b, batch, w, o, &Step{}) })
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func feed(t testing.TB, p *graph.Program, in map[string][]float32, beta float64) {
	t.Helper()
	for name, v := range in {
		if err := p.Load(name, 0, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Set("beta", beta); err != nil {
		t.Fatal(err)
	}
	if err := p.Take(); err != nil {
		t.Fatal(err)
	}
}

// gradsOf copies the gradients of the last run, one for each parameter.
func gradsOf(t testing.TB, m *Model, p *graph.Program) (grads [][]float64) {
	t.Helper()
	for _, param := range m.Params() {
		g := make([]float64, param.Value.Shape().TotalSize())
		if err := graph.Copy(p, "grad "+param.Names[0], g); err != nil {
			t.Fatal(err)
		}
		grads = append(grads, g)
	}
	return grads
}
