// Package graph makes Gorgonia's graphs fast and plain: an operation that is fused from
// one kernel and has a gradient of its own (Op), the operations that everything else
// needs, and compiled programs whose inputs, scalars and outputs have names (Program,
// Rows). It knows no layer, no distribution and no model.
//
// An operation owns its output buffer: it is allocated once and overwritten by
// the next run of its graph, so a training step allocates nothing. Whoever wants
// to keep a value copies it. For the same reason one operation value belongs to
// one node, and a graph to one goroutine at a time.
//
// The functions that add an operation return an error if the shapes of its inputs are not
// those that their comments give, or if their precisions differ.
//
// Sizes: B rows (images), I and O a layer's inputs and outputs, X pixels,
// Z latent dimensions.
package graph

import (
	"errors"
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	// Gorgonia refuses to start on a Go it does not know unless this is in.
	_ "go4.org/unsafe/assume-no-moving-gc"
)

// Float is the precision of a graph's numbers.
type Float interface{ float32 | float64 }

// A Kernel computes the numbers of an operation's output from those of its inputs, row
// by row, in either precision. It writes the whole of out, and keeps nothing.
type Kernel struct {
	F32 func(out []float32, in [][]float32)
	F64 func(out []float64, in [][]float64)
}

// Both makes a Kernel of the two instances of a generic function.
func Both(f32 func(out []float32, in [][]float32), f64 func(out []float64, in [][]float64)) Kernel {
	return Kernel{f32, f64}
}

// none reports whether there is no kernel.
func (k Kernel) none() bool { return k.F32 == nil && k.F64 == nil }

// Op describes a fused operation with its own gradient. Name and Run are needed. An
// operation of which neither Grads nor Diff is set passes no gradient.
//
//	func Swish(a *G.Node) (*G.Node, error) {
//		return graph.Op{Name: "swish", Run: graph.Both(swish[float32], swish[float64]),
//			Grads: []graph.Kernel{graph.Both(swishGrad[float32], swishGrad[float64])}}.Apply(a)
//	}
type Op struct {
	// Name says what the operation is. It stands in errors, and in drawings of the graph.
	Name string
	// Shape is that of the output; nil for that of the first input. A scalar's is
	// tensor.ScalarShape().
	Shape tensor.Shape
	// Run computes the output.
	Run Kernel
	// Grads are the gradients of a cost with respect to each input, from the gradient
	// dout with respect to the output; an empty Kernel, or none at the end, stands for an
	// input that has no gradient, such as data. The inputs of these kernels are dout, the
	// output, then the inputs of the operation.
	Grads []Kernel
	// Saved is how many numbers Run leaves for Grads; 0 for none. They are one more
	// input, the last, of Run and of all of Grads. While nobody differentiates the
	// operation, Run finds nil there and need not compute them. An operation that saves is
	// differentiated once: a second time is an error.
	Saved int
	// InPlace says that the room for what Run saves is the output of the first of Grads,
	// which finds the numbers there and changes them. Saved is then the size of the
	// first input, and need not be set.
	InPlace bool

	// Diff takes the place of Grads where a gradient is more than one kernel an input:
	// it returns a node for each input, nil where Wrt, which goes with it, is false. Its
	// arguments are the output and dout.
	Diff func(out, dout *G.Node) (grads G.Nodes, err error)
	Wrt  []bool
}

// Apply adds the operation to the graph of its inputs, all float32 or all float64. It is an
// error if there is no input, or an input that is nil or without numbers, if their precisions
// differ, or if Run has no kernel for theirs. It is also one if there are more gradients than
// inputs, both Grads and Diff, or Diff without Wrt. When the graph is differentiated, Diff
// must return a node of the input's shape for each input that Wrt names, or that is an error.
// If a kernel panics, the run of the graph returns an error that says which and where.
func (o Op) Apply(in ...*G.Node) (*G.Node, error) {
	switch {
	case len(in) == 0:
		return nil, fmt.Errorf("graph: %s: no inputs", o.Name)
	case len(o.Grads) > len(in) || len(o.Wrt) > len(in):
		return nil, fmt.Errorf("graph: %s: gradients of %d inputs, and there are %d", o.Name, max(len(o.Grads), len(o.Wrt)), len(in))
	case o.Diff != nil && (o.Grads != nil || o.Wrt == nil):
		return nil, fmt.Errorf("graph: %s: Diff goes with Wrt, and without Grads", o.Name)
	}
	for i, n := range in {
		if n == nil {
			return nil, fmt.Errorf("graph: %s: input %d is no node", o.Name, i)
		}
		if f, ok := n.Op().(*fused); ok && f.cause != nil {
			return nil, f.cause
		}
		if n.Shape().TotalSize() == 0 {
			return nil, fmt.Errorf("graph: %s: input %d of shape %v, which has no numbers", o.Name, i, n.Shape())
		}
	}
	if o.Shape == nil {
		o.Shape = in[0].Shape()
	}
	if err := checkSize(o.Shape); err != nil {
		return nil, fmt.Errorf("graph: %s: output: %w", o.Name, err)
	}
	wrt := make([]bool, len(in))
	for i := range wrt {
		wrt[i] = i < len(o.Wrt) && o.Wrt[i] || i < len(o.Grads) && !o.Grads[i].none()
	}
	f := &fused{wrt: wrt, diff: o.Diff}
	if o.Diff == nil && len(o.Grads) > 0 {
		if o.InPlace {
			o.Saved = in[0].Shape().TotalSize()
		}
		f.saves = o.Saved > 0
		f.diff = func(out, dout *G.Node) (G.Nodes, error) { return o.diff(f, in, out, dout) }
	}
	return f.apply(o.Name, o.Shape, o.Run, in)
}

// diff makes the nodes of Grads.
func (o Op) diff(f *fused, in []*G.Node, out, dout *G.Node) (G.Nodes, error) {
	if f.saves && f.saved != nil {
		return nil, fmt.Errorf("graph: %s is differentiated a second time: make another node of it", o.Name)
	}
	var room G.Value
	if f.saves && !o.InPlace {
		room = zeros(in[0].Dtype(), o.Saved)
	}
	var s Steps
	grads, args := make(G.Nodes, len(in)), append([]*G.Node{dout, out}, in...)
	for i, k := range o.Grads {
		if k.none() {
			continue
		}
		d := &fused{wrt: make([]bool, len(args)), saves: f.saves, saved: room}
		grads[i] = s.Do(d.apply(fmt.Sprintf("%s.d%d", o.Name, i), in[i].Shape(), k, args))
		if s.err == nil && o.InPlace && room == nil {
			room, d.saved = d.buffer, d.buffer
		}
	}
	f.saved = room
	return grads, s.err
}

// Compute adds an operation without a gradient to the graph of its inputs: one that is
// itself part of a gradient, or that computes what is not differentiated. A shape of nil
// is that of the first input.
func Compute(name string, shape tensor.Shape, k Kernel, in ...*G.Node) (*G.Node, error) {
	return Op{Name: name, Shape: shape, Run: k}.Apply(in...)
}

// Steps keeps the first error of a sequence of operations, so that the sequence reads as
// its equations:
//
//	var s graph.Steps
//	mean := s.Do(graph.Mean(s.Do(graph.RowSums(x))))
//	return mean, s.Err()
type Steps struct{ err error }

// Do returns the node, and keeps the error if it is the first one. After an error it returns
// a node [1,1] that stands for none, so that what follows fails and does not panic. Err is
// asked at the latest before the nodes are used for anything but further operations.
func (s *Steps) Do(n *G.Node, err error) *G.Node {
	if s.err == nil {
		s.err = err
	}
	if s.err != nil {
		return missing(s.err)
	}
	return n
}

// missing is a node that stands for one that could not be made, in a graph of its own.
func missing(cause error) *G.Node {
	x := G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithName("x"), G.WithShape(1, 1))
	n, err := (&fused{cause: cause}).apply("missing", x.Shape(), Both(pass[float32], pass[float64]), G.Nodes{x})
	return G.Must(n, err) // of such an x, it cannot fail
}

// sound returns an error unless the node is one of the graph.
func sound(g *G.ExprGraph, n *G.Node) error {
	switch {
	case n == nil:
		return errors.New("no node")
	case n.Graph() == g:
		return nil
	}
	if o, ok := n.Op().(*fused); ok && o.cause != nil {
		return fmt.Errorf("missing: %w", o.cause)
	}
	return errors.New("a node of another graph")
}

// Err returns the first error.
func (s *Steps) Err() error { return s.err }

// Keep adds a node that uses all the given ones (at least one), so that their
// values are there when a run is over. It is called when the graph is complete:
// Gorgonia runs nodes in the order in which they were made. A value that nothing uses any more may be overwritten
// within the run: Gorgonia gives its register, and the buffer with it, to one of
// its own operations. (For the same reason a kernel writes all of its output.)
func Keep(nodes ...*G.Node) error {
	_, err := Compute("keep", tensor.ScalarShape(), Both(keep[float32], keep[float64]), nodes...)
	return err
}

func keep[T Float](out []T, _ [][]T) { out[0] = 0 }
