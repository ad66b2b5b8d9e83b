package graph

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// Repeat writes each row of a [B,N] k times: [B·k,N]. Its gradient adds the k rows
// up; there is none if a is an input that is data (IsData).
func Repeat(a *G.Node, k int) (*G.Node, error) {
	as := a.Shape()
	if as.Dims() != 2 || k < 1 {
		return nil, fmt.Errorf("graph: repeat shape %v %d times, want [B,N], at least once", as, k)
	}
	n, data := as[1], a.IsVar() && IsData(a)
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		if data {
			return G.Nodes{nil}, nil
		}
		da, err := Compute(fmt.Sprintf("repeat(%d).da", k), as, Both(repeatGrad[float32](n, k), repeatGrad[float64](n, k)), dout)
		return G.Nodes{da}, err
	}
	return Op{Name: fmt.Sprintf("repeat(%d)", k), Shape: tensor.Shape{as[0] * k, n}, Run: Both(repeat[float32](n, k), repeat[float64](n, k)), Wrt: []bool{!data}, Diff: grad}.Apply(a)
}

func repeat[T simd.Float](n, k int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		for i := range len(out) / n {
			copy(out[i*n:(i+1)*n], in[0][i/k*n:])
		}
	}
}

func repeatGrad[T simd.Float](n, k int) func(da []T, in [][]T) {
	return func(da []T, in [][]T) {
		clear(da)
		for i := range len(in[0]) / n {
			row := da[i/k*n : (i/k+1)*n]
			for j, v := range in[0][i*n : (i+1)*n] {
				row[j] += v
			}
		}
	}
}

// negligible is the normalised weight below which a draw passes no gradient: far
// below the rounding of a sum of weights that is 1. Without it most gradients of k =
// 50 draws would be denormal numbers, on which arithmetic is many times slower.
const negligible = 0x1p-64

// LogMeanExp computes log 1/k Σ_i exp(a_i) of each k neighbours of a [B·k]: [B].
// Its gradient is the softmax of the k, times the one that comes in; a softmax below
// 2⁻⁶⁴ counts as zero.
func LogMeanExp(a *G.Node, k int) (*G.Node, error) {
	as := a.Shape()
	if as.Dims() != 1 || k < 1 || as[0]%k != 0 {
		return nil, fmt.Errorf("graph: log-mean-exp of %d of shape %v, want [B·k]", k, as)
	}
	shape := tensor.Shape{as[0] / k}
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		da, err := Compute(fmt.Sprintf("logMeanExp(%d).da", k), as, Both(logMeanExpGrad[float32](k), logMeanExpGrad[float64](k)), dout, a)
		return G.Nodes{da}, err
	}
	return Op{Name: fmt.Sprintf("logMeanExp(%d)", k), Shape: shape, Run: Both(logMeanExp[float32](k), logMeanExp[float64](k)), Wrt: []bool{true}, Diff: grad}.Apply(a)
}

func logMeanExp[T simd.Float](k int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		simd.LogSumExpRows(out, in[0])
		for i := range out {
			out[i] -= T(math.Log(float64(k)))
		}
	}
}

// logMeanExpGrad does not use the output: the rounding of a log of 1e4 in float32 would
// be a factor of 1.0005 in the weights.
func logMeanExpGrad[T simd.Float](k int) func(da []T, in [][]T) {
	return func(da []T, in [][]T) {
		softmax[T](k)(da, in[1:])
		for i := range da {
			da[i] *= in[0][i/k]
		}
	}
}

// Softmax computes the normalised weights exp(a_i) / Σ exp(a) among each k
// neighbours of a [B·k]: [B·k]; what is below 2⁻⁶⁴ becomes zero. It passes no
// gradient.
func Softmax(a *G.Node, k int) (*G.Node, error) {
	as := a.Shape()
	if as.Dims() != 1 || k < 1 || as[0]%k != 0 {
		return nil, fmt.Errorf("graph: softmax of %d of shape %v, want [B·k]", k, as)
	}
	return Compute(fmt.Sprintf("softmax(%d)", k), as, Both(softmax[float32](k), softmax[float64](k)), a)
}

func softmax[T simd.Float](k int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		for lo := 0; lo < len(out); lo += k {
			row := in[0][lo : lo+k]
			top := math.Inf(-1)
			for _, v := range row {
				top = max(top, float64(v))
			}
			sum := 0.0
			for i, v := range row {
				e := math.Exp(float64(v) - top)
				sum += e
				out[lo+i] = T(e)
			}
			for i, e := range out[lo : lo+k] {
				w := float64(e) / sum
				if w < negligible {
					w = 0
				}
				out[lo+i] = T(w)
			}
		}
	}
}

// ScaleGrad passes z [R,Z] through; in the backward pass it multiplies row r of the
// gradient by w_r, for the node w [R] that the function returns when the graph is
// differentiated. So w may itself depend on z.
func ScaleGrad(z *G.Node, w func() *G.Node) (*G.Node, error) {
	zs := z.Shape()
	if zs.Dims() != 2 {
		return nil, fmt.Errorf("graph: scale the gradient of shape %v, want [R,Z]", zs)
	}
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		scale := w()
		if scale == nil || scale.Shape().Dims() != 1 || scale.Shape()[0] != zs[0] {
			return nil, fmt.Errorf("graph: scale the gradient of shape %v without one number a row", zs)
		}
		dz, err := Compute("scaleGrad.dz", zs, Both(scaleRows[float32], scaleRows[float64]), dout, scale)
		return G.Nodes{dz}, err
	}
	return Op{Name: "scaleGrad", Shape: zs, Run: Both(pass[float32], pass[float64]), Wrt: []bool{true}, Diff: grad}.Apply(z)
}

func pass[T simd.Float](out []T, in [][]T)      { copy(out, in[0]) }
func scaleRows[T simd.Float](out []T, in [][]T) { simd.RowScale(out, in[1], in[0]) }

// Clip computes min(max(a, 0), 1) of each element of a [B,N]. Its gradient is that
// of the identity inside [0,1] and zero outside.
func Clip(a *G.Node) (*G.Node, error) {
	if err := SameShape("clip", a); err != nil {
		return nil, err
	}
	shape := a.Shape()
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		da, err := Compute("clip.da", shape, Both(clipGrad[float32], clipGrad[float64]), dout, a)
		return G.Nodes{da}, err
	}
	return Op{Name: "clip", Shape: shape, Run: Both(clip[float32], clip[float64]), Wrt: []bool{true}, Diff: grad}.Apply(a)
}

func clip[T simd.Float](out []T, in [][]T) {
	for i, v := range in[0] {
		out[i] = min(max(v, 0), 1)
	}
}

func clipGrad[T simd.Float](da []T, in [][]T) {
	for i, v := range in[1] {
		da[i] = 0
		if v >= 0 && v <= 1 {
			da[i] = in[0][i]
		}
	}
}

// Combine computes the weighted sum Σ_i c_i·a_i of nodes of one shape.
func Combine(c []float64, a ...*G.Node) (*G.Node, error) {
	if len(a) == 0 {
		return nil, fmt.Errorf("graph: combine no nodes")
	}
	shape := a[0].Shape()
	for _, n := range a {
		if !n.Shape().Eq(shape) || len(c) != len(a) {
			return nil, fmt.Errorf("graph: combine %d nodes of shapes %v and %v with %d factors", len(a), shape, n.Shape(), len(c))
		}
	}
	wrt := make([]bool, len(a))
	for i := range wrt {
		wrt[i] = true
	}
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		var s Steps
		grads := make(G.Nodes, len(a))
		for i, f := range c {
			grads[i] = s.Do(Compute(fmt.Sprintf("combine(%v).da", f), shape, Both(scale[float32](f), scale[float64](f)), dout))
		}
		return grads, s.err
	}
	return Op{Name: fmt.Sprintf("combine(%v)", c), Shape: shape, Run: Both(combine[float32](c), combine[float64](c)), Wrt: wrt, Diff: grad}.Apply(a...)
}

func combine[T simd.Float](c []float64) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		for i := range out {
			sum := T(c[0]) * in[0][i]
			for j, f := range c[1:] {
				sum += T(f) * in[j+1][i]
			}
			out[i] = sum
		}
	}
}

func scale[T simd.Float](f float64) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		for i, v := range in[0] {
			out[i] = T(f) * v
		}
	}
}

// Scale multiplies a by a scalar that is data: it gets no gradient.
func Scale(a, s *G.Node) (*G.Node, error) {
	if !s.IsScalar() {
		return nil, fmt.Errorf("graph: scale by shape %v, want a scalar", s.Shape())
	}
	shape := a.Shape()
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		da, err := Compute("scale.da", shape, Both(times[float32], times[float64]), dout, s)
		return G.Nodes{da, nil}, err
	}
	return Op{Name: "scale", Shape: shape, Run: Both(times[float32], times[float64]), Wrt: []bool{true, false}, Diff: grad}.Apply(a, s)
}

// FromOne computes (1 − s) + s·a of each element of a [R], for a scalar s: 1 for s = 0,
// a for s = 1. It passes no gradient.
func FromOne(a, s *G.Node) (*G.Node, error) {
	if !s.IsScalar() || a.Shape().Dims() != 1 {
		return nil, fmt.Errorf("graph: from one to shape %v by shape %v, want [R] and a scalar", a.Shape(), s.Shape())
	}
	return Compute("fromOne", a.Shape(), Both(fromOne[float32], fromOne[float64]), a, s)
}

func fromOne[T simd.Float](out []T, in [][]T) {
	s := in[1][0]
	for i, v := range in[0] {
		out[i] = (1 - s) + s*v
	}
}

func times[T simd.Float](out []T, in [][]T) {
	for i, v := range in[0] {
		out[i] = v * in[1][0]
	}
}
