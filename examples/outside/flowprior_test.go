package outside

import (
	"context"
	"slices"
	"testing"

	"govae/train"
	"govae/vae"
)

func TestFlowOptions(t *testing.T) {
	for _, layers := range []string{"0", "-1", "two", "65"} {
		c := small(func(c *vae.Config) { c.Prior, c.Options = "flow", map[string]string{"flow.layers": layers} })
		if _, err := vae.New(c); err == nil {
			t.Errorf("flow.layers of %s is no error", layers)
		}
	}
}

// A flow starts as the identity, and training changes the prior.
func TestFlowPriorIsTrained(t *testing.T) {
	c := small(func(c *vae.Config) { c.Prior = "flow" })
	fresh, trained := newModel(t, c), newModel(t, c)
	cfg := short(t, func(c *train.Config) { sampled(c); c.Epochs, c.Out = 1, "" })
	if _, err := train.Run(context.Background(), trained, load(t), cfg, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	draw := func(m *vae.Model) []float32 {
		z, err := m.Prior().Sample(1, nil, 1, seeded())
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	if a, b := draw(fresh), draw(trained); slices.Equal(a, b) {
		t.Errorf("the prior still gives %v", a)
	}
}
