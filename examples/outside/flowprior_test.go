package outside

import (
	"testing"

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

// A flow starts as the identity, and training changes it.
func TestFlowPriorIsTrained(t *testing.T) {
	c := small(func(c *vae.Config) { c.Prior = "flow" })
	fresh, trained := newModel(t, c), lifecycle(t, c, sampled)
	src := func(m *vae.Model) []float32 {
		z, err := m.Prior().Sample(1, nil, 1, seeded())
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	a, b := src(fresh), src(trained)
	for j := range a {
		if a[j] != b[j] {
			return
		}
	}
	t.Errorf("the prior still gives %v", a)
}
