package outside

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// gradientOf evaluates a float64 graph of one input, whose cost is a scalar, twice over: it
// returns the cost at x and its gradient.
func gradientOf(t *testing.T, build func(x *G.Node) (*G.Node, error), x []float64, shape ...int) (cost func(x []float64) float64, grad []float64) {
	t.Helper()
	v := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(append([]float64{}, x...)))
	p, err := graph.Compile(tensor.Float64, func(b *graph.Builder) error {
		in := G.NewTensor(b.Graph(), tensor.Float64, len(shape), G.WithName("in"), G.WithShape(shape...), G.WithValue(v))
		c, err := build(in)
		if err != nil {
			return err
		}
		grads, err := b.Gradients(c, in)
		if err != nil {
			return err
		}
		b.Output("cost", c)
		b.Output("grad", grads[0])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cost = func(x []float64) float64 {
		copy(v.Data().([]float64), x)
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		c, err := p.Number("cost")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	cost(x)
	grad = make([]float64, len(x))
	if err := graph.Copy(p, "grad", grad); err != nil {
		t.Fatal(err)
	}
	return cost, grad
}

// checkGradient holds the gradient of a graph to central differences. The program runs
// many times, so an operation that keeps something from the run before is found as well.
func checkGradient(t *testing.T, build func(x *G.Node) (*G.Node, error), x []float64, shape ...int) {
	t.Helper()
	const h = 1e-5
	cost, grad := gradientOf(t, build, x, shape...)
	for j := range x {
		moved := append([]float64{}, x...)
		moved[j] = x[j] + h
		up := cost(moved)
		moved[j] = x[j] - h
		down := cost(moved)
		if want := (up - down) / (2 * h); !(math.Abs(grad[j]-want) <= 1e-6*max(1, math.Abs(want))) {
			t.Errorf("gradient %d is %v, differences give %v", j, grad[j], want)
		}
	}
}

// data adds numbers that have no gradient.
func data(g *G.ExprGraph, name string, v []float64, shape ...int) *G.Node {
	return G.NewTensor(g, tensor.Float64, len(shape), G.WithName(name), G.WithShape(shape...),
		G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))))
}
