package dist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

func seeded(seed uint64) *rand.PCG { return rand.NewPCG(seed, 5) }

// normal is n draws from N(0,1), rounded to float32.
func normals(seed uint64, n int) []float64 {
	r := rand.New(seeded(seed))
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(r.NormFloat64()))
	}
	return x
}

func set(dst *tensor.Dense, src []float64) {
	switch d := dst.Data().(type) {
	case []float64:
		copy(d, src)
	case []float32:
		for i := range d {
			d[i] = float32(src[i])
		}
	}
}

func numbers(t testing.TB, v G.Value) (x []float64) {
	t.Helper()
	if d, err := graph.Slice64(v); err == nil {
		return append(x, d...)
	}
	d, err := graph.Slice32(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range d {
		x = append(x, float64(e))
	}
	return x
}

// testGraph is a graph with inputs, an output and the gradients of Σ weight·output.
type testGraph struct {
	in  []*tensor.Dense // the inputs, then the weights
	out []G.Value       // the output, then the gradients
	vm  G.VM
}

// newGraph has inputs [batch, width] of the given widths; build returns the output
// and the nodes that gradients are wanted for.
func newGraph(t testing.TB, dt tensor.Dtype, batch int, widths []int, build func(in []*G.Node) (out *G.Node, wrt G.Nodes, err error)) *testGraph {
	t.Helper()
	var shapes []tensor.Shape
	for _, w := range widths {
		shapes = append(shapes, tensor.Shape{batch, w})
	}
	return newShaped(t, dt, shapes, build)
}

// newShaped is newGraph with inputs of any shapes.
func newShaped(t testing.TB, dt tensor.Dtype, shapes []tensor.Shape, build func(in []*G.Node) (out *G.Node, wrt G.Nodes, err error)) *testGraph {
	t.Helper()
	g, gr := G.NewGraph(), &testGraph{}
	input := func(name string, shape ...int) *G.Node {
		v := tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
		gr.in = append(gr.in, v)
		return G.NewTensor(g, dt, len(shape), G.WithName(name), G.WithShape(shape...), G.WithValue(v))
	}
	var in []*G.Node
	for i, s := range shapes {
		in = append(in, input(fmt.Sprint("input ", i), s...))
	}
	out, wrt, err := build(in)
	if err != nil {
		t.Fatal(err)
	}
	w := input("weights", out.Shape()...)
	grads, err := G.Grad(G.Must(G.Sum(G.Must(G.HadamardProd(w, out)))), wrt...)
	if err != nil {
		t.Fatal(err)
	}
	nodes := append(G.Nodes{out}, grads...)
	gr.out = make([]G.Value, len(nodes))
	for i, n := range nodes {
		G.Read(n, &gr.out[i])
	}
	gr.vm = G.NewTapeMachine(g)
	return gr
}

func (gr *testGraph) run(t testing.TB, in ...[]float64) (out [][]float64) {
	t.Helper()
	for i, v := range in {
		set(gr.in[i], v)
	}
	gr.vm.Reset()
	if err := gr.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	for _, v := range gr.out {
		out = append(out, numbers(t, v))
	}
	return out
}

// within reports numbers that differ by more than rel of the largest of want, or
// of least where that is more.
func within(t testing.TB, what string, got, want []float64, rel, least float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	scale := least
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i := range want {
		if d := math.Abs(got[i] - want[i]); !(d <= rel*scale) {
			t.Errorf("%s: element %d is %v, want %v (off by %.2g of %.2g)", what, i, got[i], want[i], d, scale)
			return
		}
	}
}

// precisionsOf are the types with the error that a value in them may have.
var precisionsOf = map[tensor.Dtype]float64{tensor.Float64: 1e-12, tensor.Float32: 1e-5}

// distortion is −log p(x), from the definition.
func distortion(f Family, params, x []float64) float64 { return -f.At(params).LogProb(x) }

// distortionNode is the same on the graph.
func distortionNode(f Family, params, x *G.Node) (*G.Node, error) {
	d, err := f.On(params)
	if err != nil {
		return nil, err
	}
	return NegLogProb(d, x)
}

// meansOf and sampled are those of one row.
func meansOf(f Family, params []float32) []float32 { return Means(f, params, len(params)/f.Outputs(1)) }

func sampled(f Family, params []float32, src rand.Source) []float32 {
	return Samples(f, params, len(params)/f.Outputs(1), src)
}
