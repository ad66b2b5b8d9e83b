package nn

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/simd"
)

// Dense computes y = act(x·Wᵀ + b) with x [B,I], W [O,I], b [O], y [B,O]: what a Linear
// layer is, of nodes of one's own. An x that is data (graph.IsData) has no gradient. It is
// an error if the shapes do not fit.
func Dense(x, w, b *G.Node, act Activation) (*G.Node, error) {
	return dense(x, w, b, simd.Activation(act), false)
}

// dense computes y = act(x·Wᵀ + b) with x [B,I], W [O,I], b [O], y [B,O]. An x that is
// data (a graph input) has no gradient: that product would be a fifth of all the work of
// a step. With fixed, W and b have none.
func dense(x, w, b *G.Node, act simd.Activation, fixed bool) (*G.Node, error) {
	xs, ws, bs := x.Shape(), w.Shape(), b.Shape()
	if xs.Dims() != 2 || ws.Dims() != 2 || bs.Dims() != 1 || xs[1] != ws[1] || ws[0] != bs[0] {
		return nil, fmt.Errorf("nn: linear: input %v, weight %v, bias %v, want [B,I], [O,I], [O]", xs, ws, bs)
	}
	shape := tensor.Shape{xs[0], ws[0]} // [B,O]
	k := graph.Both(linear[float32](act), linear[float64](act))
	dwk := graph.Both(linearDW[float32](ws), linearDW[float64](ws))
	data := graph.IsData(x)
	if data {
		k.F32, dwk.F32 = dataLinear(act)
	}
	grad := func(y, dy *G.Node) (G.Nodes, error) {
		var s graph.Steps
		da := dy // [B,O]
		if act != simd.Identity {
			da = s.Do(graph.Compute("linear.da", shape, graph.Both(activationGrad[float32](act), activationGrad[float64](act)), dy, y))
		}
		var dx, dw, db *G.Node
		if !fixed {
			dw = s.Do(graph.Compute("linear.dw", ws, dwk, da, x))                                               // [O,I]
			db = s.Do(graph.Compute("linear.db", bs, graph.Both(columnSums[float32], columnSums[float64]), da)) // [O]
		}
		if !data {
			dx = s.Do(graph.Compute("linear.dx", xs, graph.Both(linearDX[float32](ws), linearDX[float64](ws)), da, w)) // [B,I]
		}
		return G.Nodes{dx, dw, db}, s.Err()
	}
	return graph.Op{Name: "linear", Shape: shape, Run: k, Wrt: []bool{!data, !fixed, !fixed}, Diff: grad}.Apply(x, w, b)
}

func linear[T graph.Float](act simd.Activation) func(y []T, in [][]T) {
	return func(y []T, in [][]T) { simd.Linear(y, in[0], in[1], in[2], act) }
}

func activationGrad[T graph.Float](act simd.Activation) func(da []T, in [][]T) {
	return func(da []T, in [][]T) { simd.ActivationGrad(da, in[0], in[1], act) }
}

// linearDW is dW = daᵀ·x.
func linearDW[T graph.Float](w tensor.Shape) func(dw []T, in [][]T) {
	o, i := w[0], w[1]
	return func(dw []T, in [][]T) {
		da, x := in[0], in[1]
		simd.Gemm(true, false, o, i, len(da)/o, 1, da, o, x, i, 0, dw, i)
	}
}

// dataLinear is linear and linearDW for an x that is data, whose columns of zeros
// are left out.
func dataLinear(act simd.Activation) (linear, dw func(out []float32, in [][]float32)) {
	x := new(simd.Columns)
	linear = func(y []float32, in [][]float32) {
		x.Set(in[0], len(in[1])/len(in[2]))
		x.Linear(y, in[1], in[2], act)
	}
	return linear, func(dw []float32, in [][]float32) { x.WeightGrad(dw, in[0]) }
}

// linearDX is dx = da·W.
func linearDX[T graph.Float](w tensor.Shape) func(dx []T, in [][]T) {
	o, i := w[0], w[1]
	return func(dx []T, in [][]T) {
		da, w := in[0], in[1]
		simd.Gemm(false, false, len(da)/o, i, o, 1, da, o, w, i, 0, dx, i)
	}
}

func columnSums[T graph.Float](db []T, in [][]T) { simd.ColumnSums(db, in[0]) }
