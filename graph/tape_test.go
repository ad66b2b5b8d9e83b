package graph

import (
	"hash"
	"reflect"
	"runtime"
	"testing"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Gorgonia's tape machine still lets us run its program in this goroutine, and
// RunAll still does not: when it does, tape can go.
func TestTapeRunsHere(t *testing.T) {
	g := G.NewGraph()
	x := G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithShape(2), G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 2}))))
	y := G.Must(G.ApplyOp(&whereOp{}, x))
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	run := tape(vm)
	if reflect.ValueOf(run).Pointer() == reflect.ValueOf(vm.RunAll).Pointer() {
		t.Fatal("the instructions were not found")
	}
	here := goroutine()
	if err := run(); err != nil {
		t.Fatal(err)
	}
	op := y.Op().(*whereOp)
	if op.ran != here {
		t.Errorf("the program ran in %s, not in %s", op.ran, here)
	}
	vm.Reset()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	if op.ran == here {
		t.Error("RunAll runs in the caller's goroutine")
	}
}

// goroutine names the current goroutine.
func goroutine() string {
	b := make([]byte, 64)
	b = b[:runtime.Stack(b, false)]
	for i, c := range b {
		if c == '[' {
			return string(b[:i])
		}
	}
	return string(b)
}

// whereOp is the identity, and remembers the goroutine that it ran in.
type whereOp struct {
	G.Op
	ran string
}

func (o *whereOp) Arity() int { return 1 }

func (o *whereOp) Type() hm.Type {
	v := G.TensorType{Dims: 1, Of: tensor.Float64}
	return hm.NewFnType(v, v)
}

func (o *whereOp) InferShape(s ...G.DimSizer) (tensor.Shape, error) { return s[0].(tensor.Shape), nil }

func (o *whereOp) Do(in ...G.Value) (G.Value, error) {
	o.ran = goroutine()
	return in[0], nil
}

func (o *whereOp) ReturnsPtr() bool      { return true }
func (o *whereOp) CallsExtern() bool     { return false }
func (o *whereOp) OverwritesInput() int  { return -1 }
func (o *whereOp) WriteHash(h hash.Hash) { h.Write([]byte("where")) }
func (o *whereOp) Hashcode() uint32      { return 1 }
func (o *whereOp) String() string        { return "where" }
