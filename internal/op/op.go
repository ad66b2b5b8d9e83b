// Package op holds the Gorgonia operations of govae, each fused from one kernel
// of internal/simd, with its own symbolic gradient, in float32 and float64.
//
// An operation owns its output buffer: it is allocated once and overwritten by
// the next run of its graph, so a training step allocates nothing. Whoever wants
// to keep a value copies it. For the same reason one operation value belongs to
// one node, and a graph to one goroutine at a time.
//
// Sizes: B rows (images), I and O a layer's inputs and outputs, X pixels,
// Z latent dimensions.
package op

import (
	"fmt"
	"hash"
	"hash/fnv"
	"sync/atomic"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	// Gorgonia refuses to start on a Go it does not know unless this is in.
	_ "go4.org/unsafe/assume-no-moving-gc"

	"govae/internal/simd"
)

// fused is an operation described by data: what Gorgonia asks of an Op, it
// answers from these fields.
type fused struct {
	id     uint64 // makes the hash unique: Gorgonia merges nodes whose ops hash alike
	name   string
	in     []hm.Type
	out    hm.Type
	shape  tensor.Shape // of the output
	run32  func(out []float32, in [][]float32)
	run64  func(out []float64, in [][]float64)
	wrt    []bool                                             // inputs that have a gradient
	grad   func(out, dout *G.Node) (grads G.Nodes, err error) // one per input, nil where wrt is false
	buffer G.Value
	args32 [][]float32
	args64 [][]float64
}

var lastID atomic.Uint64

// kernel pairs the two instances of a generic kernel.
type kernel struct {
	f32 func(out []float32, in [][]float32)
	f64 func(out []float64, in [][]float64)
}

// apply adds the operation to the graph of its inputs. grad may be nil for an
// operation that is itself part of a gradient.
func apply(name string, shape tensor.Shape, k kernel, wrt []bool, grad func(out, dout *G.Node) (G.Nodes, error), in ...*G.Node) (*G.Node, error) {
	dt := in[0].Dtype()
	o := &fused{id: lastID.Add(1), name: name, shape: shape, run32: k.f32, run64: k.f64, wrt: wrt, grad: grad}
	for _, n := range in {
		if n.Dtype() != dt {
			return nil, fmt.Errorf("op: %s: inputs of %v and of %v", name, dt, n.Dtype())
		}
		o.in = append(o.in, n.Type())
	}
	if wrt == nil {
		o.wrt = make([]bool, len(in))
	}
	n := shape.TotalSize()
	switch {
	case dt == tensor.Float32 && shape.IsScalar():
		o.out, o.buffer = dt, G.NewF32(0)
	case dt == tensor.Float64 && shape.IsScalar():
		o.out, o.buffer = dt, G.NewF64(0)
	case dt == tensor.Float32:
		o.buffer = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(make([]float32, n)))
	case dt == tensor.Float64:
		o.buffer = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(make([]float64, n)))
	default:
		return nil, fmt.Errorf("op: %s: inputs of %v, want float32 or float64", name, dt)
	}
	if o.out == nil {
		o.out = G.TensorType{Dims: shape.Dims(), Of: dt}
	}
	o.args32, o.args64 = make([][]float32, len(in)), make([][]float64, len(in))
	node, err := G.ApplyOp(o, in...)
	if err != nil {
		return nil, fmt.Errorf("op: %s: %w", name, err)
	}
	return node, nil
}

// Owns reports whether the node's value stays where it is from one run of its
// graph to the next: an operation of this package has computed it.
func Owns(n *G.Node) bool {
	_, ok := n.Op().(*fused)
	return ok
}

// Keep adds a node that uses all the given ones (at least one), so that their
// values are there when a run is over. It is called when the graph is complete:
// Gorgonia runs nodes in the order in which they were made. A value that nothing uses any more may be overwritten
// within the run: Gorgonia gives its register, and the buffer with it, to one of
// its own operations. (For the same reason a kernel writes all of its output.)
func Keep(nodes ...*G.Node) error {
	_, err := apply("keep", tensor.ScalarShape(), kernel{keep[float32], keep[float64]}, nil, nil, nodes...)
	return err
}

func keep[T simd.Float](out []T, _ [][]T) { out[0] = 0 }

// Slice32 and Slice64 give a value's numbers without copying them.
func Slice32(v G.Value) ([]float32, error) {
	switch v := v.(type) {
	case *G.F32:
		return []float32{float32(*v)}, nil
	case *tensor.Dense:
		if err := byRows(v); err != nil {
			return nil, err
		}
		if d, ok := v.Data().([]float32); ok {
			return d, nil
		}
		if d, ok := v.Data().(float32); ok {
			return []float32{d}, nil
		}
	}
	return nil, fmt.Errorf("op: a value of %T, want float32", v)
}

// Slice64 is Slice32 in float64.
func Slice64(v G.Value) ([]float64, error) {
	switch v := v.(type) {
	case *G.F64:
		return []float64{float64(*v)}, nil
	case *tensor.Dense:
		if err := byRows(v); err != nil {
			return nil, err
		}
		if d, ok := v.Data().([]float64); ok {
			return d, nil
		}
		if d, ok := v.Data().(float64); ok {
			return []float64{d}, nil
		}
	}
	return nil, fmt.Errorf("op: a value of %T, want float64", v)
}

// byRows refuses a tensor whose numbers do not lie row by row in memory, such as
// a column of a matrix.
func byRows(v *tensor.Dense) error {
	if v.RequiresIterator() || v.DataOrder().IsColMajor() {
		return fmt.Errorf("op: a view of a tensor, want its numbers row by row")
	}
	return nil
}

// Do runs the kernel. A panic would kill the process, since Gorgonia runs
// operations in a goroutine of its own, so it is turned into an error.
func (o *fused) Do(in ...G.Value) (out G.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("op: %s: %v", o.name, r)
		}
	}()
	switch buf := o.buffer.(type) {
	case *G.F32:
		if err = gather(o.args32, in, Slice32); err == nil {
			var v [1]float32
			o.run32(v[:], o.args32)
			*buf = G.F32(v[0])
		}
	case *G.F64:
		if err = gather(o.args64, in, Slice64); err == nil {
			var v [1]float64
			o.run64(v[:], o.args64)
			*buf = G.F64(v[0])
		}
	case *tensor.Dense:
		if data, ok := buf.Data().([]float32); ok {
			if err = gather(o.args32, in, Slice32); err == nil {
				o.run32(data, o.args32)
			}
		} else if err = gather(o.args64, in, Slice64); err == nil {
			o.run64(buf.Data().([]float64), o.args64)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("op: %s: %w", o.name, err)
	}
	return o.buffer, nil
}

func gather[T simd.Float](args [][]T, in []G.Value, slice func(G.Value) ([]T, error)) (err error) {
	for i, v := range in {
		if args[i], err = slice(v); err != nil {
			return err
		}
	}
	return nil
}

// SymDiff implements gorgonia.SDOp.
func (o *fused) SymDiff(_ G.Nodes, out, dout *G.Node) (G.Nodes, error) {
	if o.grad == nil {
		return nil, fmt.Errorf("op: %s has no gradient", o.name)
	}
	return o.grad(out, dout)
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

// sameShape returns an error unless all nodes are [B,N] of one shape.
func sameShape(name string, nodes ...*G.Node) error {
	for _, n := range nodes {
		if n.Shape().Dims() != 2 || !n.Shape().Eq(nodes[0].Shape()) {
			return fmt.Errorf("op: %s: shapes %v and %v, want one shape [B,N]", name, nodes[0].Shape(), n.Shape())
		}
	}
	return nil
}
