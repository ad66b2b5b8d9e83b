package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// Linear computes y = act(x·Wᵀ + b) with x [B,I], W [O,I], b [O], y [B,O]; the
// orientation of W is PyTorch's. A layer whose x is data (a graph input) has no
// gradient for it: that product would be a fifth of all the work of a step.
func Linear(x, w, b *G.Node, act simd.Activation) (*G.Node, error) {
	return dense(x, w, b, act, false)
}

// dense is Linear; with fixed it passes a gradient to x alone.
func dense(x, w, b *G.Node, act simd.Activation, fixed bool) (*G.Node, error) {
	xs, ws, bs := x.Shape(), w.Shape(), b.Shape()
	if xs.Dims() != 2 || ws.Dims() != 2 || bs.Dims() != 1 || xs[1] != ws[1] || ws[0] != bs[0] {
		return nil, fmt.Errorf("op: linear: input %v, weight %v, bias %v, want [B,I], [O,I], [O]", xs, ws, bs)
	}
	shape := tensor.Shape{xs[0], ws[0]} // [B,O]
	k := kernel{linear[float32](act), linear[float64](act)}
	dwk := kernel{linearDW[float32](ws), linearDW[float64](ws)}
	data := x.IsVar()
	if data {
		k.f32, dwk.f32 = dataLinear(act)
	}
	grad := func(y, dy *G.Node) (G.Nodes, error) {
		var s steps
		da := dy // [B,O]
		if act != simd.Identity {
			da = s.do(apply("linear.da", shape, kernel{activationGrad[float32](act), activationGrad[float64](act)}, nil, nil, dy, y))
		}
		var dx, dw, db *G.Node
		if !fixed {
			dw = s.do(apply("linear.dw", ws, dwk, nil, nil, da, x))                                           // [O,I]
			db = s.do(apply("linear.db", bs, kernel{columnSums[float32], columnSums[float64]}, nil, nil, da)) // [O]
		}
		if !data {
			dx = s.do(apply("linear.dx", xs, kernel{linearDX[float32](ws), linearDX[float64](ws)}, nil, nil, da, w)) // [B,I]
		}
		return G.Nodes{dx, dw, db}, s.err
	}
	return apply("linear", shape, k, []bool{!data, !fixed, !fixed}, grad, x, w, b)
}

func linear[T simd.Float](act simd.Activation) func(y []T, in [][]T) {
	return func(y []T, in [][]T) { simd.Linear(y, in[0], in[1], in[2], act) }
}

func activationGrad[T simd.Float](act simd.Activation) func(da []T, in [][]T) {
	return func(da []T, in [][]T) { simd.ActivationGrad(da, in[0], in[1], act) }
}

// linearDW is dW = daᵀ·x.
func linearDW[T simd.Float](w tensor.Shape) func(dw []T, in [][]T) {
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
func linearDX[T simd.Float](w tensor.Shape) func(dx []T, in [][]T) {
	o, i := w[0], w[1]
	return func(dx []T, in [][]T) {
		da, w := in[0], in[1]
		simd.Gemm(false, false, len(da)/o, i, o, 1, da, o, w, i, 0, dx, i)
	}
}

func columnSums[T simd.Float](db []T, in [][]T) { simd.ColumnSums(db, in[0]) }

// Columns cuts columns from … to−1 out of a [B,N], giving [B,to−from]. It parts
// the two heads of an encoder that were computed by one matrix product.
func Columns(a *G.Node, from, to int) (*G.Node, error) {
	as := a.Shape()
	if as.Dims() != 2 || from < 0 || from >= to || to > as[1] {
		return nil, fmt.Errorf("op: columns %d to %d of shape %v", from, to, as)
	}
	n := as[1]
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		da, err := apply("columns.da", as, kernel{pad[float32](n, from, to), pad[float64](n, from, to)}, nil, nil, dout)
		return G.Nodes{da}, err
	}
	k := kernel{cut[float32](n, from, to), cut[float64](n, from, to)}
	return apply("columns", tensor.Shape{as[0], to - from}, k, []bool{true}, grad, a)
}

func cut[T simd.Float](n, from, to int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		w := to - from
		for i := range len(out) / w {
			copy(out[i*w:(i+1)*w], in[0][i*n+from:i*n+to])
		}
	}
}

func pad[T simd.Float](n, from, to int) func(da []T, in [][]T) {
	return func(da []T, in [][]T) {
		w := to - from
		clear(da) // Gorgonia may have added another gradient to it in place
		for i := range len(da) / n {
			copy(da[i*n+from:i*n+to], in[0][i*w:(i+1)*w])
		}
	}
}

// GLU is the gated linear unit a·sigmoid(g) of h = [a, g] side by side: h [B,2N],
// the result [B,N].
//
// Source: Dauphin et al. 2017, eq. 1, arXiv:1612.08083.
func GLU(h *G.Node) (*G.Node, error) {
	hs := h.Shape()
	if hs.Dims() != 2 || hs[1]%2 != 0 {
		return nil, fmt.Errorf("op: glu: input %v, want [B,2N]", hs)
	}
	n := hs[1] / 2
	grad := func(_, dy *G.Node) (G.Nodes, error) {
		dh, err := apply("glu.dh", hs, kernel{gluGrad[float32](n), gluGrad[float64](n)}, nil, nil, dy, h) // [B,2N]
		return G.Nodes{dh}, err
	}
	return apply("glu", tensor.Shape{hs[0], n}, kernel{glu[float32](n), glu[float64](n)}, []bool{true}, grad, h)
}

func glu[T simd.Float](n int) func(y []T, in [][]T) {
	return func(y []T, in [][]T) {
		for i := 0; i < len(y); i += n {
			y, a, g := y[i:i+n], in[0][2*i:2*i+n], in[0][2*i+n:2*i+2*n]
			simd.Sigmoid(y, g)
			for j, v := range a {
				y[j] *= v
			}
		}
	}
}

// gluGrad is da = dy·s, dg = dy·a·s·(1−s), with s = sigmoid(g).
func gluGrad[T simd.Float](n int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		for i := 0; i < len(in[0]); i += n {
			dy, a, g := in[0][i:i+n], in[1][2*i:2*i+n], in[1][2*i+n:2*i+2*n]
			da, dg := dh[2*i:2*i+n], dh[2*i+n:2*i+2*n]
			simd.Sigmoid(da, g)
			for j, s := range da {
				da[j], dg[j] = dy[j]*s, dy[j]*a[j]*s*(1-s)
			}
		}
	}
}

// steps keeps the first error of a sequence of operations, so that the sequence
// reads as its equations.
type steps struct{ err error }

func (s *steps) do(n *G.Node, err error) *G.Node {
	if s.err == nil {
		s.err = err
	}
	return n
}
