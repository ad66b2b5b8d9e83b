package outside

import (
	"context"
	"testing"

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
