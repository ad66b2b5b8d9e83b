package outside

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"govae/graph"
	"govae/train"
	"govae/vae"
)

func conditional(c *vae.Config) {
	whole := Conditional()
	c.Labels, c.Prior = whole.Labels, whole.Prior
}

// After a short training a 1 has less ink than a 0.
func TestConditionalSamples(t *testing.T) {
	m := newModel(t, small(conditional))
	cfg := short(t, func(c *train.Config) { c.Epochs, c.LR, c.Out = 100, 5e-3, "" })
	if _, err := train.Run(context.Background(), m, load(t), cfg, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	ink := func(digit uint8) (sum float64) {
		given, err := m.GivenLabels([]uint8{digit})
		if err != nil {
			t.Fatal(err)
		}
		x, err := given.Sample(32, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range x {
			sum += float64(v) / 32
		}
		return sum
	}
	zero, one := ink(0), ink(1)
	t.Logf("ink of a 0: %.1f pixels, of a 1: %.1f", zero, one)
	if !(one < 0.85*zero) {
		t.Errorf("a 1 has %.1f pixels of ink, a 0 %.1f", one, zero)
	}
}

// The graph of the prior is held to its value, of other weights than those at the start.
func TestLabelPrior(t *testing.T) {
	m := newModel(t, small(conditional))
	prior := m.Prior().(LabelPrior)
	r := rand.New(seeded())
	prior.Layer.W.Fill(r.NormFloat64)
	prior.Layer.B.Fill(r.NormFloat64)
	for digit := range 10 {
		y, z := make([]float64, 10), make([]float64, prior.Dim)
		y[digit] = 1
		for j := range z {
			z[j] = r.NormFloat64()
		}
		p, err := graph.Compile(tensor.Float32, func(b *graph.Builder) error {
			on, err := prior.On(b.Graph(), b.Input("y", 1, 10))
			if err != nil {
				return err
			}
			l, err := on.LogProb(b.Input("z", 1, prior.Dim))
			b.Output("log p", l)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range map[string][]float64{"y": y, "z": z} {
			for j := range v {
				p.Input(name)[j] = float32(v[j])
			}
		}
		if err := p.Take(); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		value, err := prior.At(y)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Number("log p")
		if want := value.LogProb(z); err != nil || math.Abs(got-want) > 1e-5*math.Abs(want) { // float32
			t.Errorf("digit %d: the graph gives %v (%v), the value %v", digit, got, err, want)
		}
	}
}
