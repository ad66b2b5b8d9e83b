package dist

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The graph has the value of the definition, with the gradients of all parameters and of x,
// for components of several families, one component and several.
func TestMixtureOfBatch(t *testing.T) {
	const rows = 3
	for _, tt := range []struct {
		f   MixtureOf
		dim int
	}{
		{MixtureOf{Normal{}, 3}, 2}, {MixtureOf{Laplace{}, 1}, 3}, {MixtureOf{Laplace{}, 4}, 2}, {MixtureOf{FullNormal{}, 2}, 2},
		{MixtureOf{Bernoulli{}, 2}, 3}, {MixtureOf{Categorical{3}, 2}, 6}, {MixtureOf{MixtureOf{Normal{}, 2}, 2}, 2},
	} {
		nodeCheck{name: tt.f.Name(), shapes: []tensor.Shape{{rows, tt.f.Outputs(tt.dim)}, {rows, tt.dim}}, wrt: []int{0, 1},
			build: func(in []*G.Node) (*G.Node, error) {
				d, err := tt.f.On(in[0])
				if err != nil {
					return nil, err
				}
				return d.LogProb(in[1])
			},
			value: func(in, _ [][]float64) []float64 {
				return rowsOf(rows, in[0], in[1], func(p, x []float64) []float64 { return []float64{tt.f.At(p).LogProb(x)} })
			}}.check(t)
	}
}

// Of Gaussians it is the mixture that there is for them, and of one component its base.
func TestMixtureOfIsMixture(t *testing.T) {
	const c, dim = 3, 2
	params, x := normals(91, MixtureOf{Normal{}, c}.Outputs(dim)), normals(92, dim)
	v := MixtureOf{Normal{}, c}.At(params)
	same := MixtureValue{Weights: v.(MixtureOfValue).Weights}
	for k := range c {
		part := params[c+2*k*dim:]
		same.Parts = append(same.Parts, NormalValue{part[:dim], part[dim : 2*dim]})
	}
	within(t, "sum of the weights", []float64{same.Weights[0] + same.Weights[1] + same.Weights[2]}, []float64{1}, 1e-15, 0)
	within(t, "log-density", []float64{v.LogProb(x)}, []float64{same.LogProb(x)}, 1e-14, 0)
	within(t, "mean", v.Mean(), same.Mean(), 1e-14, 0)
	within(t, "draw", v.Sample(seeded(93)), same.Sample(seeded(93)), 0, 0)
	one := MixtureOf{Laplace{}, 1}.At(append([]float64{7}, normals(94, 4)...))
	within(t, "one component", []float64{one.LogProb(x)}, []float64{Laplace{}.At(normals(94, 4)).LogProb(x)}, 1e-14, 0)
}

// Where components are far apart, the density is that of the near one, and the other one's
// share is 0 without being undefined.
func TestMixtureOfFar(t *testing.T) {
	gr := newGraph(t, tensor.Float32, 1, []int{6, 1}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
		d, err := MixtureOf{Laplace{}, 2}.On(in[0])
		if err != nil {
			return nil, nil, err
		}
		l, err := d.LogProb(in[1])
		return l, in, err
	})
	out := gr.run(t, []float64{0, 0, 1, 0, 1e6, 0}, []float64{0}, []float64{1})
	within(t, "density", out[0], []float64{-1 - 2*math.Ln2}, 1e-6, 0)
	within(t, "parameters", out[1], []float64{0.5, -0.5, -1, 0, 0, 0}, 1e-6, 0)
	within(t, "x", out[2], []float64{1}, 1e-6, 0)
}

// The density integrates to 1, with the mean that Mean gives, and draws have its moments.
func TestMixtureOfSample(t *testing.T) {
	v := MixtureOf{Normal{}, 2}.At([]float64{0, 1, -1.5, 0.5, -0.5, 0.5, 1, -0.5, 0.5, -1})
	mean, square := gridMoments(t, v)
	within(t, "mean", v.Mean(), mean, 1e-6, 1)
	moments(t, "Sample", 100_000, sampler(v, seeded(95)), mean, square)
}

func TestMixtureOfFamily(t *testing.T) {
	f := MixtureOf{Laplace{}, 2}
	if f.Name() != "laplace-mixture" || f.Domain() != Real || f.Outputs(3) != 14 || len(f.Params()) != 0 {
		t.Errorf("%s, %v, %d outputs", f.Name(), f.Domain(), f.Outputs(3))
	}
	g := G.NewGraph()
	node := func(shape ...int) *G.Node { return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...)) }
	_, err := f.On(node(2, 7))
	refused(t, "width", err, "dist: laplace-mixture: parameters of shape (2, 7), want logits and components [R,2·(1+P)]")
	_, err = f.On(node(2, 2))
	refused(t, "logits alone", err, "dist: laplace-mixture: parameters of shape (2, 2)")
	_, err = f.On(node(8))
	refused(t, "vector", err, "dist: laplace-mixture: parameters of shape (8)")
	_, err = f.On(node(2, 8))
	refused(t, "component", err, "dist: laplace: parameters of shape (2, 3)")
	_, err = MixtureOf{Laplace{}, 0}.On(node(2, 8))
	refused(t, "no component", err, "dist: a mixture of 0 components of family laplace, want at least 1")
	_, err = MixtureOf{nil, 2}.On(node(2, 8))
	refused(t, "no base", err, "dist: a mixture of 2 components without a Base, want a family")
	d, err := f.On(node(2, 10))
	if err != nil {
		t.Fatal(err)
	}
	m := d.(*MixtureOfBatch)
	if m.Rows() != 2 {
		t.Errorf("%d rows", m.Rows())
	}
	_, err = d.LogProb(node(2, 3))
	refused(t, "x", err, "dist: laplace: parameters (2, 4) and rows (2, 3)")
	_, err = (&MixtureOfBatch{node(2, 3), m.Parts}).LogProb(node(2, 2))
	refused(t, "logits", err, "dist: a mixture of 2 components with logits of shape (2, 3), want [R,2]")
	_, err = (&MixtureOfBatch{node(5, 2), m.Parts}).LogProb(node(2, 2))
	refused(t, "rows", err, "dist: mixture: a component's log-density of shape (2), want [5]")
	defer func() {
		if r := recover(); r != "dist: 7 parameters of a mixture of 2 components" {
			t.Errorf("panic %v", r)
		}
	}()
	f.At(make([]float64, 7))
}
