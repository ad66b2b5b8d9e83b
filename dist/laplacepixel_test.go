package dist

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The graph has the value of the definition and its gradient along the parameters, with a
// bound and without one. No difference of the test crosses the kink at x = m.
func TestLaplacePixelBatch(t *testing.T) {
	const rows, dim = 3, 4
	for _, least := range []float64{0, 0.3} {
		f := LaplacePixel{least}
		nodeCheck{name: "laplace pixels", shapes: []tensor.Shape{{rows, 2 * dim}, {rows, dim}}, wrt: []int{0},
			build: func(in []*G.Node) (*G.Node, error) {
				d, err := f.On(in[0])
				if err != nil {
					return nil, err
				}
				return NegLogProb(d, in[1])
			},
			value: func(in, _ [][]float64) []float64 {
				return rowsOf(rows, in[0], in[1], func(p, x []float64) []float64 { return []float64{-f.At(p).LogProb(x)} })
			}}.check(t)
	}
}

// By hand: without a bound it is Laplace; with one, and log-scales that are far below it,
// b is the bound, and where x = m the gradient is 0. Without a bound in float32 no log-scale
// makes the distortion infinite.
func TestLaplacePixelKnownAnswers(t *testing.T) {
	params, x := normals(31, 6), normals(32, 3)
	within(t, "no bound", []float64{LaplacePixel{}.At(params).LogProb(x)}, []float64{Laplace{}.At(params).LogProb(x)}, 1e-9, 0)
	within(t, "b = 1 + exp 0", []float64{LaplacePixel{1}.At([]float64{0, 0}).LogProb([]float64{3})}, []float64{-1.5 - math.Log(4)}, 1e-15, 0)
	gr := newGraph(t, tensor.Float32, 1, []int{2, 1}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
		d, err := LaplacePixel{0.5}.On(in[0])
		if err != nil {
			return nil, nil, err
		}
		l, err := NegLogProb(d, in[1])
		return l, in[:1], err
	})
	out := gr.run(t, []float64{3, -1e30}, []float64{3}, []float64{2})
	within(t, "at the bound", out[0], []float64{0}, 0, 1e-6)
	within(t, "its gradient", out[1], []float64{0, 0}, 0, 0)
	out = gr.run(t, []float64{3, 0}, []float64{0}, []float64{1})
	within(t, "b = 1.5", out[0], []float64{2 + math.Log(3)}, 1e-6, 0)
	within(t, "its gradient", out[1], []float64{1 / 1.5, -1 / 1.5}, 1e-6, 0)
	if d := -(LaplacePixel{}).At([]float64{0, -1e30}).LogProb([]float64{0}); math.IsInf(d, 0) || math.IsNaN(d) {
		t.Errorf("distortion %v", d)
	}
}

func TestLaplacePixelFamily(t *testing.T) {
	f := LaplacePixel{0.1}
	if f.Name() != "laplace" || f.Domain() != Real || f.Outputs(3) != 6 || len(f.Params()) != 0 {
		t.Errorf("%s, %v, %d outputs", f.Name(), f.Domain(), f.Outputs(3))
	}
	g := G.NewGraph()
	params, x := G.NewMatrix(g, tensor.Float32, G.WithName("p"), G.WithShape(2, 6)), G.NewMatrix(g, tensor.Float32, G.WithName("x"), G.WithShape(2, 4))
	d, err := f.On(params)
	if err != nil {
		t.Fatal(err)
	}
	_, err = NegLogProb(d, x)
	refused(t, "shapes", err, "dist: laplacePixel(0.1): shapes (2, 6) and (2, 4), want [B,2N] and [B,N]")
	for _, bad := range []float64{-1, math.NaN(), math.Inf(1)} {
		_, err := LaplacePixel{bad}.On(params)
		refused(t, "bound", err, "dist: laplace likelihood with a least scale of ")
	}
	v := f.At([]float64{1, -1, math.Log(0.4), math.Log(1.9)}).(LaplaceValue)
	moments(t, "Sample", 100_000, sampler(v, seeded(33)), []float64{1, -1}, []float64{1 + 0.5, 1 + 8})
}
