package dist

import (
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The graph has the value of the definition, with gradients to the logits and to x. As a
// likelihood it passes none to x.
func TestBernoulliBatch(t *testing.T) {
	const rows, dim = 3, 4
	nodeCheck{name: "Bernoulli", shapes: []tensor.Shape{{rows, dim}, {rows, dim}}, wrt: []int{0, 1},
		build: func(in []*G.Node) (*G.Node, error) {
			d, err := Bernoulli{}.On(in[0])
			if err != nil {
				return nil, err
			}
			return d.LogProb(in[1])
		},
		value: func(in, _ [][]float64) []float64 {
			return rowsOf(rows, in[0], in[1], func(l, x []float64) []float64 { return []float64{Bernoulli{}.At(l).LogProb(x)} })
		}}.check(t)
	g := G.NewGraph()
	logits, x := G.NewMatrix(g, tensor.Float64, G.WithName("l"), G.WithShape(rows, dim)), G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(rows, dim))
	b := &BernoulliBatch{logits}
	if b.Rows() != rows {
		t.Errorf("%d rows", b.Rows())
	}
	d, err := b.NegLogProb(x)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(G.Must(G.Sum(d)), x); err == nil {
		t.Error("a likelihood has a gradient along x")
	}
}
