package optest

import (
	"fmt"
	"testing"

	"gorgonia.org/tensor"
)

// Each operation has the value of its definition, in both precisions, at ordinary
// points and at extremes.
func TestValues(t *testing.T) {
	for _, c := range append(allCases(), estimatorCases()...) {
		for _, p := range precisions {
			t.Run(fmt.Sprintf("%s/%v", c.name, p.dt), func(t *testing.T) {
				m := newMachine(t, p.dt, c.shapes, c.build)
				r := seeded(1)
				for range 5 { // one machine: its buffers are used again
					in := c.points(r)
					want, scale := c.value(in)
					check(t, "ordinary", m.run(t, in, nil)[0], want, scale, p.rel)
				}
				for range 20 {
					if c.edge == nil {
						break
					}
					in := c.edge(r)
					want, scale := c.value(in)
					check(t, fmt.Sprintf("extreme %v", in), m.run(t, in, nil)[0], want, scale, p.rel)
				}
			})
		}
	}
}

// The result of an operation has the shape that its comment states.
func TestShapes(t *testing.T) {
	want := map[string]tensor.Shape{"linear act 0 data true": {5, 6}, "columns 2 to 3": {5, 1}, "reparameterize": {5, 3},
		"gaussianKL": {5, 3}, "rowSums": {5}, "bernoulli": {5}, "gaussian": {5}, "continuousBernoulli": {5},
		"gaussianPixel": {5}, "logistic256": {5}, "mean": {}, "freeBits": {}}
	for _, c := range allCases() {
		w, ok := want[c.name]
		if !ok {
			continue
		}
		delete(want, c.name)
		m := newMachine(t, tensor.Float32, c.shapes, c.build)
		m.run(t, c.points(seeded(1)), nil)
		if got := m.out[0].Shape(); !got.Eq(w) {
			t.Errorf("%s: shape %v, want %v", c.name, got, w)
		}
		if got := m.out[0].Value().Shape(); !got.Eq(w) {
			t.Errorf("%s: value of shape %v, want %v", c.name, got, w)
		}
	}
	if len(want) > 0 {
		t.Errorf("no case for %v", want)
	}
}
