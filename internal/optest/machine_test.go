package optest

import (
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// machine is a graph of an output and its gradients, with a tape machine to run it.
type machine struct {
	vm    G.VM
	in    []*tensor.Dense // the inputs' values
	cot   *tensor.Dense   // weights of the output's elements in the cost
	out   []*G.Node       // the output, the gradients asked for, what else is wanted
	value []G.Value       // where Read copies those that no operation of ours owns
}

// newMachine builds a graph: inputs of the given shapes, the output of build, and
// the gradients of Σ weight·output with respect to the inputs wrt. It reads values
// as package vae does.
func newMachine(t testing.TB, dt tensor.Dtype, shapes [][]int, build func(in []*G.Node) (*G.Node, error), wrt ...int) *machine {
	t.Helper()
	return newMachineKeeping(t, dt, shapes, func(in []*G.Node) (G.Nodes, error) {
		out, err := build(in)
		return G.Nodes{out}, err
	}, wrt...)
}

// newMachineKeeping is newMachine for a build that returns, after the output,
// intermediate nodes whose values are wanted too; they come after the gradients.
func newMachineKeeping(t testing.TB, dt tensor.Dtype, shapes [][]int, build func(in []*G.Node) (G.Nodes, error), wrt ...int) *machine {
	t.Helper()
	g := G.NewGraph()
	m := &machine{}
	var in []*G.Node
	for i, s := range shapes {
		m.in = append(m.in, tensor.New(tensor.Of(dt), tensor.WithShape(s...)))
		in = append(in, G.NewTensor(g, dt, len(s), G.WithName(string(rune('a'+i))), G.WithShape(s...), G.WithValue(m.in[i])))
	}
	built, err := build(in)
	if err != nil {
		t.Fatal(err)
	}
	out := built[0]
	m.out = append(m.out, out)
	if len(wrt) > 0 {
		cost := out
		if !out.IsScalar() {
			s := out.Shape()
			m.cot = tensor.New(tensor.Of(dt), tensor.WithShape(s...))
			cot := G.NewTensor(g, dt, s.Dims(), G.WithName("weights"), G.WithShape(s...), G.WithValue(m.cot))
			cost = G.Must(G.Sum(G.Must(G.HadamardProd(cot, out))))
		}
		var nodes G.Nodes
		for _, i := range wrt {
			nodes = append(nodes, in[i])
		}
		grads, err := G.Grad(cost, nodes...)
		if err != nil {
			t.Fatal(err)
		}
		m.out = append(m.out, grads...)
	}
	m.out = append(m.out, built[1:]...)
	m.compile(t, g)
	return m
}

func (m *machine) compile(t testing.TB, g *G.ExprGraph) {
	t.Helper()
	var keep G.Nodes
	m.value = make([]G.Value, len(m.out))
	for i, n := range m.out {
		if graph.Owns(n) {
			keep = append(keep, n)
		} else {
			G.Read(n, &m.value[i])
		}
	}
	if len(keep) > 0 {
		if err := graph.Keep(keep...); err != nil {
			t.Fatal(err)
		}
	}
	m.vm = G.NewTapeMachine(g)
}

// run gives the inputs and weights their values and returns copies of the output
// and the gradients.
func (m *machine) run(t testing.TB, in [][]float64, cot []float64) [][]float64 {
	t.Helper()
	for i, v := range in {
		set(m.in[i], v)
	}
	if m.cot != nil {
		set(m.cot, cot)
	}
	m.vm.Reset()
	if err := m.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for i, n := range m.out {
		v := m.value[i]
		if v == nil {
			v = n.Value()
		}
		out = append(out, numbers(t, v))
	}
	return out
}

func set(dst *tensor.Dense, src []float64) {
	switch d := dst.Data().(type) {
	case []float64:
		copy(d, src)
	case []float32:
		for i, v := range src {
			d[i] = float32(v)
		}
	}
}

func numbers(t testing.TB, v G.Value) []float64 {
	t.Helper()
	if d, err := graph.Slice64(v); err == nil {
		return append([]float64{}, d...)
	}
	d, err := graph.Slice32(v)
	if err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, v := range d {
		out = append(out, float64(v))
	}
	return out
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 2)) }

// normal is n draws from N(0, sigma²), rounded to float32 so that both precisions
// see the same numbers.
func normal(r *rand.Rand, n int, sigma float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(sigma * r.NormFloat64()))
	}
	return x
}

func size(shape []int) int { return tensor.Shape(shape).TotalSize() }

// check compares element by element; the error may be rel of scale, which is
// |want| where scale is nil.
func check(t testing.TB, what string, got, want, scale []float64, rel float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		s := math.Abs(want[i])
		if scale != nil {
			s = math.Abs(scale[i])
		}
		if d := math.Abs(got[i] - want[i]); !(d <= rel*s) {
			t.Errorf("%s: element %d is %v, want %v (off by %.2g of %.2g)", what, i, got[i], want[i], d, s)
			return
		}
	}
}

// precision is a type with the error that a value in it may have, relative to
// the numbers that it is a sum of.
type precision struct {
	dt  tensor.Dtype
	rel float64
}

var precisions = []precision{{tensor.Float64, 1e-12}, {tensor.Float32, 1e-5}}
