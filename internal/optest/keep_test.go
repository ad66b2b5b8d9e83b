package optest

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// consumers use a value last, with operations of Gorgonia that work in place on
// their first input.
var consumers = map[string]func(z, other *G.Node){
	"add":    func(z, other *G.Node) { G.Must(G.Add(z, other)) },
	"chain":  func(z, other *G.Node) { G.Must(G.Add(G.Must(G.Tanh(G.Must(G.Add(z, other)))), other)) },
	"sub":    func(z, other *G.Node) { G.Must(G.Neg(G.Must(G.Sub(z, other)))) },
	"square": func(z, other *G.Node) { G.Must(G.HadamardProd(z, z)) },
}

// runKeep runs z = mu + exp(logvar/2)·eps twice and returns z's value, read where
// it lies, and what it should be.
func runKeep(t *testing.T, use func(z, other *G.Node)) (got, want []float64) {
	t.Helper()
	v := []float64{1, 2, 3, 4}
	g := G.NewGraph()
	var in []*G.Node
	for _, name := range []string{"mu", "logvar", "eps", "other"} {
		in = append(in, G.NewMatrix(g, tensor.Float64, G.WithName(name), G.WithShape(2, 2),
			G.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(append([]float64{}, v...))))))
	}
	z, err := reparameterize(in[0], in[1], in[2])
	if err != nil {
		t.Fatal(err)
	}
	use(z, in[3])
	vm := G.NewTapeMachine(g)
	for range 2 {
		vm.Reset()
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range in {
		check(t, n.Name(), numbers(t, n.Value()), v, nil, 0) // inputs are never overwritten
	}
	for _, x := range v {
		want = append(want, x+math.Exp(x/2)*x)
	}
	return numbers(t, z.Value()), want
}

func keepOrFail(t *testing.T, nodes ...*G.Node) {
	t.Helper()
	if err := graph.Keep(nodes...); err != nil {
		t.Fatal(err)
	}
}

func TestKeep(t *testing.T) {
	for name, consume := range consumers {
		got, want := runKeep(t, func(z, other *G.Node) {
			consume(z, other)
			keepOrFail(t, z)
		})
		check(t, name, got, want, nil, 1e-15)
	}
}

// Keep is a use at the time at which it runs, and nodes run in the order in which
// they were made: it must be called when the graph is complete.
func TestKeepComesLast(t *testing.T) {
	got, want := runKeep(t, func(z, other *G.Node) {
		keepOrFail(t, z)
		consumers["add"](z, other)
	})
	if got[0] == want[0] {
		t.Error("Keep protects from what comes after it: say so in its comment, and delete this test")
	}
}

func TestKeepErrors(t *testing.T) {
	g := G.NewGraph()
	a := G.NewVector(g, tensor.Float32, G.WithName("a"), G.WithShape(2))
	b := G.NewVector(g, tensor.Float64, G.WithName("b"), G.WithShape(2))
	if err := graph.Keep(a, b); err == nil {
		t.Error("two precisions: no error")
	}
}

func TestOwns(t *testing.T) {
	g := G.NewGraph()
	a := G.NewMatrix(g, tensor.Float32, G.WithName("a"), G.WithShape(2, 2))
	sums, err := graph.RowSums(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		n    *G.Node
		want bool
	}{{a, false}, {sums, true}, {G.Must(G.Add(sums, sums)), false}} {
		if got := graph.Owns(tt.n); got != tt.want {
			t.Errorf("Owns(%v) = %v", tt.n, got)
		}
	}
}
