package vae

import (
	"fmt"
	"math"
	"testing"

	"gorgonia.org/tensor"

	"govae/internal/op"
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
			mach, err := m.compileStep(batch, c.weight, DefaultObjective())
			if err != nil {
				t.Fatal(err)
			}
			x, eps := make([]float32, batch*cfg.Pixels()), make([]float32, batch*cfg.Latent)
			for i := range x {
				x[i] = float32(i * 7 % 3 % 2)
			}
			stream.Normal(eps, stream.New(1, stream.Eps, 0))
			load(mach.in[0], 0, x)
			load(mach.in[1], 0, eps)
			if err := mach.set(0, c.beta); err != nil {
				t.Fatal(err)
			}
			run := func() float64 {
				t.Helper()
				if err := mach.run(); err != nil {
					t.Fatal(err)
				}
				loss, err := op.Slice64(*mach.out[0])
				if err != nil {
					t.Fatal(err)
				}
				return loss[0]
			}
			loss := run()
			var grads [][]float64 // copies: each run overwrites them
			for k := range m.Params() {
				out, err := op.Slice64(*mach.out[3+k])
				if err != nil {
					t.Fatal(err)
				}
				grads = append(grads, append([]float64{}, out...))
			}
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
