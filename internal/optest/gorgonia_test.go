package optest

import (
	"hash"
	"testing"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// What Gorgonia 0.9.18 does and this project works around. Each test fails on the
// day that the behaviour is gone, and the workaround with it.

// RunAll continues at its program counter, which after a whole run stands at the
// end: it runs nothing and returns nil. So vae resets a machine before each run.
func TestGorgoniaRunAllWithoutResetDoesNothing(t *testing.T) {
	g := G.NewGraph()
	x := G.NewScalar(g, tensor.Float64, G.WithName("x"), G.WithValue(1.0))
	var out G.Value
	G.Read(G.Must(G.Neg(x)), &out)
	vm := G.NewTapeMachine(g)
	run := func() float64 {
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		return out.Data().(float64)
	}
	if got := run(); got != -1 {
		t.Fatalf("first run: %v, want -1", got)
	}
	if err := G.Let(x, 2.0); err != nil {
		t.Fatal(err)
	}
	if got := run(); got != -1 {
		t.Errorf("without Reset the second run gives %v: Reset before each run is not needed any more", got)
	}
	vm.Reset()
	if got := run(); got != -2 {
		t.Errorf("with Reset: %v, want -2", got)
	}
}

// A graph keeps one node for each hash, and an input's hash is that of its type,
// shape and name. So names of parameters are unique (vae.Assemble), and Param.Node
// looks a node up before it makes one.
func TestGorgoniaMergesInputsOfOneName(t *testing.T) {
	g := G.NewGraph()
	a := G.NewScalar(g, tensor.Float64, G.WithName("same"), G.WithValue(1.0))
	b := G.NewScalar(g, tensor.Float64, G.WithName("same"), G.WithValue(2.0))
	if a != b {
		t.Error("two inputs of one name are two nodes")
	}
	if other := G.NewScalar(g, tensor.Float64, G.WithName("other"), G.WithValue(2.0)); other == a {
		t.Error("two inputs of two names are one node")
	}
}

// constantOp gives its value whatever its input. Its hash forgets the value.
type constantOp struct {
	value float64
	hash  uint32
}

func (c constantOp) Arity() int    { return 1 }
func (c constantOp) Type() hm.Type { return hm.NewFnType(tensor.Float64, tensor.Float64) }
func (c constantOp) InferShape(...G.DimSizer) (tensor.Shape, error) {
	return tensor.ScalarShape(), nil
}
func (c constantOp) Do(...G.Value) (G.Value, error) { return G.NewF64(c.value), nil }
func (c constantOp) ReturnsPtr() bool               { return true }
func (c constantOp) CallsExtern() bool              { return false }
func (c constantOp) OverwritesInput() int           { return -1 }
func (c constantOp) WriteHash(h hash.Hash)          { h.Write([]byte{'c', byte(c.hash)}) }
func (c constantOp) Hashcode() uint32               { return c.hash }
func (c constantOp) String() string                 { return "constant" }

// Operations with equal hashes on the same inputs become one node, even if they
// compute different things: hence the id in the hash of ours, each of which owns a
// buffer and so must have a node of its own.
func TestGorgoniaMergesOpsOfOneHash(t *testing.T) {
	g := G.NewGraph()
	x := G.NewScalar(g, tensor.Float64, G.WithName("x"), G.WithValue(1.0))
	a := G.Must(G.ApplyOp(constantOp{1, 7}, x))
	if b := G.Must(G.ApplyOp(constantOp{2, 7}, x)); a != b {
		t.Error("two operations of one hash are two nodes")
	}
	if c := G.Must(G.ApplyOp(constantOp{2, 8}, x)); a == c {
		t.Error("two operations of two hashes are one node")
	}
	m := G.NewMatrix(g, tensor.Float64, G.WithName("m"), G.WithShape(2, 2))
	if p, q := G.Must(graph.RowSums(m)), G.Must(graph.RowSums(m)); p == q || p.Hashcode() == q.Hashcode() {
		t.Error("our operations share a node")
	}
}

// A value that nothing uses any more loses its register to the next operation that
// works in place, and with it the buffer that we own: hence Keep, and hence every
// kernel writes all of its output.
func TestGorgoniaOverwritesDeadValues(t *testing.T) {
	got, want := runKeep(t, consumers["add"])
	if got[0] == want[0] {
		t.Error("the value survives: Keep is not needed any more")
	}
	if got[0] != want[0]+1 {
		t.Errorf("the value is %v, want that of the sum, %v", got[0], want[0]+1)
	}
}

// Nodes run in the order in which they were made, wherever they hang in the graph.
// Keep relies on it.
func TestGorgoniaRunsInOrderOfCreation(t *testing.T) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(2, 2), G.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.Of(tensor.Float64))))
	var ran []int
	node := func(i int, in *G.Node) *G.Node {
		k := func(_ []float64, _ [][]float64) { ran = append(ran, i) }
		return G.Must(graph.Compute("trace", tensor.Shape{2, 2}, graph.Kernel{F64: k}, in))
	}
	a := node(0, x)
	b := node(1, x)
	c := node(2, a)
	node(3, b)
	d := node(4, x)
	node(5, c)
	node(6, a)
	node(7, d)
	if err := G.NewTapeMachine(g).RunAll(); err != nil {
		t.Fatal(err)
	}
	for i, v := range ran {
		if i != v {
			t.Fatalf("order %v", ran)
		}
	}
	if len(ran) != 8 {
		t.Errorf("%d operations ran, want 8", len(ran))
	}
}
