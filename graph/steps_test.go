package graph

import (
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// After an error the operations that follow in a sequence do nothing, in either precision and
// nested in any way. Err is the first error, and so is that of a program which has such a node.
func TestStepsAfterAnError(t *testing.T) {
	const want = "columns"
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		build := func(b *Builder) (*Steps, *G.Node) {
			var s Steps
			x := b.Input("x", 2, 3)
			bad := s.Do(Columns(x, 2, 9))
			sum := s.Do(Combine([]float64{1, 1}, x, s.Do(Affine(bad, x, bad))))
			if n := sum.Shape()[1]; n < 1 {
				t.Errorf("%d columns", n)
			}
			return &s, s.Do(Mean(s.Do(RowSums(s.Do(G.Add(sum, s.Do(G.Exp(bad))))))))
		}
		for name, use := range map[string]func(b *Builder) error{
			"Err":       func(b *Builder) error { s, _ := build(b); return s.Err() },
			"Output":    func(b *Builder) error { _, n := build(b); b.Output("y", n); return nil },
			"Gradients": func(b *Builder) error { _, n := build(b); _, err := b.Gradients(n, b.Input("z", 1, 1)); return err },
			"Apply": func(b *Builder) error {
				_, n := build(b)
				_, err := Op{Name: "mine", Run: Each(func(v []float64) float64 { return v[0] })}.Apply(b.Input("z", 1, 1), n)
				return err
			},
		} {
			if _, err := Compile(dt, use); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, %s: error %v, want %s", dt, name, err, want)
			}
		}
	}
	if _, err := Stop(nil); err == nil || err.Error() != "graph: stop: input 0 is no node" {
		t.Errorf("an input that is nil: %v", err)
	}
}
