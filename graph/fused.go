package graph

import (
	"fmt"
	"hash"
	"hash/fnv"
	"slices"
	"sync/atomic"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/panics"
)

// fused is an operation described by data: what Gorgonia asks of an Op, it
// answers from these fields.
type fused struct {
	id     uint64 // makes the hash unique: Gorgonia merges nodes whose ops hash alike
	name   string
	in     []hm.Type
	out    hm.Type
	shape  tensor.Shape // of the output
	run    Kernel
	wrt    []bool // inputs that have a gradient
	diff   func(out, dout *G.Node) (grads G.Nodes, err error)
	buffer G.Value
	saves  bool    // the kernel has one more input:
	saved  G.Value // nil for nothing to save
	args32 [][]float32
	args64 [][]float64
	cause  error // of a node that stands for none: why there is none
}

var lastID atomic.Uint64

func (o *fused) apply(name string, shape tensor.Shape, k Kernel, in []*G.Node) (*G.Node, error) {
	o.id, o.name, o.shape, o.run = lastID.Add(1), name, shape, k
	dt := in[0].Dtype()
	for _, n := range in {
		if n.Dtype() != dt {
			return nil, fmt.Errorf("graph: %s: inputs of %v and of %v", name, dt, n.Dtype())
		}
		o.in = append(o.in, n.Type())
	}
	switch {
	case dt != tensor.Float32 && dt != tensor.Float64:
		return nil, fmt.Errorf("graph: %s: inputs of %v, want float32 or float64", name, dt)
	case dt == tensor.Float32 && k.F32 == nil || dt == tensor.Float64 && k.F64 == nil:
		return nil, fmt.Errorf("graph: %s: no kernel for %v", name, dt)
	case shape.IsScalar() && dt == tensor.Float32:
		o.out, o.buffer = dt, G.NewF32(0)
	case shape.IsScalar():
		o.out, o.buffer = dt, G.NewF64(0)
	default:
		o.out, o.buffer = G.TensorType{Dims: shape.Dims(), Of: dt}, zeros(dt, shape...)
	}
	args := len(in)
	if o.saves {
		args++
	}
	o.args32, o.args64 = make([][]float32, args), make([][]float64, args)
	node, err := G.ApplyOp(o, in...)
	if err != nil {
		return nil, fmt.Errorf("graph: %s: %w", name, err)
	}
	return node, nil
}

// zeros makes a tensor, and asks for its memory at once.
func zeros(dt tensor.Dtype, shape ...int) *tensor.Dense {
	n := tensor.Shape(shape).TotalSize()
	if dt == tensor.Float32 {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(make([]float32, n)))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(make([]float64, n)))
}

// Owns reports whether the node's value stays where it is from one run of its
// graph to the next: an operation of this package has computed it.
func Owns(n *G.Node) bool {
	_, ok := n.Op().(*fused)
	return ok
}

// IsData reports whether a node passes no gradient on: it is an input of the Builder that
// makes its graph, or an operation of this package that has no gradient for any of its inputs.
// A parameter is no data. In a graph that no Builder makes every variable counts as data.
func IsData(n *G.Node) bool {
	if n.IsVar() {
		b := underway.Load()
		return b == nil || b.g != n.Graph() || slices.ContainsFunc(b.inputs, func(in *input) bool { return in.node == n })
	}
	o, ok := n.Op().(*fused)
	return ok && !slices.Contains(o.wrt, true)
}

// failure is an error of a kernel.
type failure struct{ error }

// Unwrap is the error.
func (f failure) Unwrap() error { return f.error }

// Do runs the kernel. A panic would kill the process, since Gorgonia runs
// operations in a goroutine of its own, so it is turned into an error.
func (o *fused) Do(in ...G.Value) (out G.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = failure{fmt.Errorf("graph: %s: %w", o.name, panics.Error(r))}
		}
	}()
	switch buf := o.buffer.(type) {
	case *G.F32:
		if err = gather(o.args32, in, o.saved, Slice32); err == nil {
			var v [1]float32
			o.run.F32(v[:], o.args32)
			*buf = G.F32(v[0])
		}
	case *G.F64:
		if err = gather(o.args64, in, o.saved, Slice64); err == nil {
			var v [1]float64
			o.run.F64(v[:], o.args64)
			*buf = G.F64(v[0])
		}
	case *tensor.Dense:
		if data, ok := buf.Data().([]float32); ok {
			if err = gather(o.args32, in, o.saved, Slice32); err == nil {
				o.run.F32(data, o.args32)
			}
		} else if err = gather(o.args64, in, o.saved, Slice64); err == nil {
			o.run.F64(buf.Data().([]float64), o.args64)
		}
	}
	if err != nil {
		return nil, failure{fmt.Errorf("graph: %s: %w", o.name, err)}
	}
	return o.buffer, nil
}

func gather[T Float](args [][]T, in []G.Value, saved G.Value, slice func(G.Value) ([]T, error)) (err error) {
	for i, v := range in {
		if args[i], err = slice(v); err != nil {
			return err
		}
	}
	if saved != nil {
		args[len(in)], err = slice(saved)
	}
	return err
}

// SymDiff implements gorgonia.SDOp.
func (o *fused) SymDiff(in G.Nodes, out, dout *G.Node) (G.Nodes, error) {
	if o.diff == nil {
		return nil, fmt.Errorf("graph: %s has no gradient", o.name)
	}
	grads, err := o.diff(out, dout)
	switch {
	case err != nil:
		return nil, err
	case len(grads) != len(in):
		return nil, fmt.Errorf("graph: %s: %d gradients of %d inputs", o.name, len(grads), len(in))
	}
	for i, g := range grads {
		switch {
		case !o.wrt[i]:
		case g == nil:
			return nil, fmt.Errorf("graph: %s: no gradient of input %d", o.name, i)
		case !g.Shape().Eq(in[i].Shape()):
			return nil, fmt.Errorf("graph: %s: the gradient of input %d has the shape %v, want the input's, %v", o.name, i, g.Shape(), in[i].Shape())
		}
	}
	return grads, nil
}

// DiffWRT implements gorgonia.SDOp.
func (o *fused) DiffWRT(int) []bool { return o.wrt }

// Arity implements gorgonia.Op.
func (o *fused) Arity() int { return len(o.in) }

// Type implements gorgonia.Op. The caller gives the type back to a pool, so each
// call makes a new one.
func (o *fused) Type() hm.Type { return hm.NewFnType(append(append([]hm.Type{}, o.in...), o.out)...) }

// InferShape implements gorgonia.Op.
func (o *fused) InferShape(...G.DimSizer) (tensor.Shape, error) { return o.shape.Clone(), nil }

// ReturnsPtr implements gorgonia.Op.
func (o *fused) ReturnsPtr() bool { return true }

// CallsExtern implements gorgonia.Op.
func (o *fused) CallsExtern() bool { return false }

// OverwritesInput implements gorgonia.Op: the output buffer is the op's own.
func (o *fused) OverwritesInput() int { return -1 }

// WriteHash implements gorgonia.Op.
func (o *fused) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%s#%d", o.name, o.id) }

// Hashcode implements gorgonia.Op.
func (o *fused) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// String implements fmt.Stringer.
func (o *fused) String() string { return o.name }
