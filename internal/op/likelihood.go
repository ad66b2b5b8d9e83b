package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// ContinuousBernoulli computes the distortion −log p(x|z) = Σ (log((eˡ−1)/l) − x·l)
// in nats, [B], of pixels x in [0,1] under logits l, both [B,X].
func ContinuousBernoulli(logits, x *G.Node) (*G.Node, error) {
	return likelihood("continuousBernoulli", 1,
		distortion{simdContinuousBernoulli[float32], simdContinuousBernoulli[float64]}, logits, x)
}

func simdContinuousBernoulli[T simd.Float](d, resid []T, in [][]T) {
	simd.ContinuousBernoulli(d, resid, in[0], in[1])
}

// GaussianPixel computes the distortion −log p(x|z) = Σ ½((x−m)²/var + log(2π·var))
// in nats, [B], of pixels x [B,X], where params [B,2X] are the means and then the
// log-variances l of the pixels: var = least + eˡ, least > 0.
func GaussianPixel(params, x *G.Node, least float64) (*G.Node, error) {
	return likelihood(fmt.Sprintf("gaussianPixel(%v)", least), 2,
		distortion{simdGaussianPixel[float32](least), simdGaussianPixel[float64](least)}, params, x)
}

func simdGaussianPixel[T simd.Float](least float64) func(d, resid []T, in [][]T) {
	return func(d, resid []T, in [][]T) { simd.GaussianPixel(d, resid, in[0], in[1], least) }
}

// Logistic256 computes the distortion −log P(x|z) in nats, [B], of pixels x [B,X]
// that are multiples of 1/255, where params [B,2X] are the means and then the
// log-scales l of logistic distributions: s = least + eˡ, least > 0.
func Logistic256(params, x *G.Node, least float64) (*G.Node, error) {
	return likelihood(fmt.Sprintf("logistic256(%v)", least), 2,
		distortion{simdLogistic256[float32](least), simdLogistic256[float64](least)}, params, x)
}

func simdLogistic256[T simd.Float](least float64) func(d, resid []T, in [][]T) {
	return func(d, resid []T, in [][]T) { simd.Logistic256(d, resid, in[0], in[1], least) }
}

// GaussianLearned is Gaussian with one variance least + exp(logvar) for all pixels,
// least > 0; logvar is [1], and has a gradient.
func GaussianLearned(mean, x, logvar *G.Node, least float64) (*G.Node, error) {
	name := fmt.Sprintf("gaussianLearned(%v)", least)
	if s := logvar.Shape(); s.Dims() != 1 || s[0] != 1 {
		return nil, fmt.Errorf("op: %s: log-variance of shape %v, want [1]", name, s)
	}
	return likelihood(name, 1, distortion{simdGaussianLearned[float32](least), simdGaussianLearned[float64](least)}, mean, x,
		own{logvar, func(d, dd *G.Node) (*G.Node, error) {
			w := mean.Shape()[1]
			k := kernel{gaussianLearnedGrad[float32](w, least), gaussianLearnedGrad[float64](w, least)}
			return apply(name+".dlogvar", logvar.Shape(), k, nil, nil, dd, d, logvar) // [1]
		}})
}

func simdGaussianLearned[T simd.Float](least float64) func(d, resid []T, in [][]T) {
	return func(d, resid []T, in [][]T) {
		simd.GaussianLearned(d, resid, in[0], in[1], float64(in[2][0]), least)
	}
}

func gaussianLearnedGrad[T simd.Float](w int, least float64) func(dlogvar []T, in [][]T) {
	return func(dlogvar []T, in [][]T) {
		dlogvar[0] = T(simd.GaussianLearnedGrad(in[0], in[1], w, float64(in[2][0]), least))
	}
}

// distortion pairs the two instances of a kernel that computes d [B] and, unless
// resid is nil, the derivative of d with respect to in[0].
type distortion struct {
	f32 func(d, resid []float32, in [][]float32)
	f64 func(d, resid []float64, in [][]float64)
}

// own is a parameter of a likelihood itself, with its gradient from the distortion
// d and its gradient dd, both [B].
type own struct {
	node *G.Node
	grad func(d, dd *G.Node) (*G.Node, error)
}

// likelihood is an operation params [B,per·X], x [B,X] → d [B] that passes a
// gradient to params and to what the likelihood owns, and none to x.
func likelihood(name string, per int, k distortion, params, x *G.Node, owns ...own) (*G.Node, error) {
	shape, xs := params.Shape(), x.Shape()
	if shape.Dims() != 2 || xs.Dims() != 2 || shape[0] != xs[0] || shape[1] != per*xs[1] {
		want := "one shape [B,N]"
		if per > 1 {
			want = fmt.Sprintf("[B,%dN] and [B,N]", per)
		}
		return nil, fmt.Errorf("op: %s: shapes %v and %v, want %s", name, shape, xs, want)
	}
	// The forward kernel leaves the derivative in the backward operation's buffer.
	// Without a backward pass there is none, and it is not computed.
	var r32 []float32
	var r64 []float64
	forward := kernel{
		func(d []float32, in [][]float32) { k.f32(d, r32, in) },
		func(d []float64, in [][]float64) { k.f64(d, r64, in) },
	}
	grad := func(out, dd *G.Node) (G.Nodes, error) {
		if r32 != nil || r64 != nil {
			return nil, fmt.Errorf("op: %s is differentiated a second time: make another node of it", name)
		}
		backward := kernel{
			func(dl []float32, in [][]float32) { simd.RowScale(dl, in[0], dl) },
			func(dl []float64, in [][]float64) { simd.RowScale(dl, in[0], dl) },
		}
		var s steps
		// out is an input only so that the backward pass runs after the forward one.
		dl := s.do(apply(name+".dparams", shape, backward, nil, nil, dd, out))
		grads := G.Nodes{dl, nil}
		for _, o := range owns {
			grads = append(grads, s.do(o.grad(out, dd)))
		}
		if s.err != nil {
			return nil, s.err
		}
		switch r := dl.Op().(*fused).buffer.(*tensor.Dense).Data().(type) {
		case []float32:
			r32 = r
		case []float64:
			r64 = r
		}
		return grads, nil
	}
	in, wrt := G.Nodes{params, x}, []bool{true, false}
	for _, o := range owns {
		in, wrt = append(in, o.node), append(wrt, true)
	}
	return apply(name, tensor.Shape{shape[0]}, forward, wrt, grad, in...)
}
