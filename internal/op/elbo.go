package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// Reparameterize computes z = mu + exp(logvar/2)·eps, all [B,Z]. It passes
// gradients to mu and logvar and none to eps.
func Reparameterize(mu, logvar, eps *G.Node) (*G.Node, error) {
	const name = "reparameterize"
	if err := sameShape(name, mu, logvar, eps); err != nil {
		return nil, err
	}
	shape := mu.Shape() // [B,Z]
	grad := func(_, dz *G.Node) (G.Nodes, error) {
		dlogvar, err := apply("reparameterize.dlogvar", shape, kernel{reparameterizeGrad[float32], reparameterizeGrad[float64]}, nil, nil, dz, logvar, eps)
		return G.Nodes{dz, dlogvar, nil}, err
	}
	return apply(name, shape, kernel{reparameterize[float32], reparameterize[float64]}, []bool{true, true, false}, grad, mu, logvar, eps)
}

func reparameterize[T simd.Float](z []T, in [][]T) { simd.Reparameterize(z, in[0], in[1], in[2]) }

func reparameterizeGrad[T simd.Float](dlogvar []T, in [][]T) {
	simd.ReparameterizeGrad(dlogvar, in[0], in[1], in[2])
}

// GaussianKL computes ½(mu² + exp(logvar) − 1 − logvar) of each dimension, all
// [B,Z], in nats.
func GaussianKL(mu, logvar *G.Node) (*G.Node, error) {
	const name = "gaussianKL"
	if err := sameShape(name, mu, logvar); err != nil {
		return nil, err
	}
	shape := mu.Shape() // [B,Z]
	grad := func(_, dkl *G.Node) (G.Nodes, error) {
		var s steps
		dmu := s.do(apply("gaussianKL.dmu", shape, kernel{mul[float32], mul[float64]}, nil, nil, dkl, mu))
		dlogvar := s.do(apply("gaussianKL.dlogvar", shape, kernel{gaussianKLGrad[float32], gaussianKLGrad[float64]}, nil, nil, dkl, logvar))
		return G.Nodes{dmu, dlogvar}, s.err
	}
	return apply(name, shape, kernel{gaussianKL[float32], gaussianKL[float64]}, []bool{true, true}, grad, mu, logvar)
}

func gaussianKL[T simd.Float](kl []T, in [][]T) { simd.GaussianKL(kl, in[0], in[1]) }

func gaussianKLGrad[T simd.Float](dlogvar []T, in [][]T) {
	simd.GaussianKLGrad(dlogvar, in[0], in[1])
}

func mul[T simd.Float](c []T, in [][]T) { simd.Mul(c, in[0], in[1]) }

// RowSums computes the sum of each row: a [B,Z] to [B].
func RowSums(a *G.Node) (*G.Node, error) {
	as := a.Shape()
	if as.Dims() != 2 {
		return nil, fmt.Errorf("op: row sums of shape %v, want [B,N]", as)
	}
	grad := func(_, ds *G.Node) (G.Nodes, error) {
		da, err := apply("rowSums.da", as, kernel{rowRepeat[float32], rowRepeat[float64]}, nil, nil, ds)
		return G.Nodes{da}, err
	}
	return apply("rowSums", tensor.Shape{as[0]}, kernel{rowSums[float32], rowSums[float64]}, []bool{true}, grad, a)
}

func rowSums[T simd.Float](s []T, in [][]T)   { simd.RowSums(s, in[0]) }
func rowRepeat[T simd.Float](a []T, in [][]T) { simd.RowRepeat(a, in[0]) }

// Bernoulli computes the distortion −log p(x|z) = Σ softplus(l) − x·l in nats,
// [B], of pixels x under logits l, both [B,X]. It passes a gradient to the
// logits and none to x.
func Bernoulli(logits, x *G.Node) (*G.Node, error) {
	return likelihood("bernoulli", 1, distortion{simdBernoulli[float32], simdBernoulli[float64]}, logits, x)
}

func simdBernoulli[T simd.Float](d, resid []T, in [][]T) { simd.Bernoulli(d, resid, in[0], in[1]) }

// Gaussian computes the distortion −log p(x|z) = Σ ½((x−m)²/var + log 2π·var) in
// nats, [B], of pixels x under means m, both [B,X], and one fixed variance.
func Gaussian(mean, x *G.Node, variance float64) (*G.Node, error) {
	return likelihood(fmt.Sprintf("gaussian(%v)", variance), 1,
		distortion{simdGaussian[float32](variance), simdGaussian[float64](variance)}, mean, x)
}

func simdGaussian[T simd.Float](variance float64) func(d, resid []T, in [][]T) {
	return func(d, resid []T, in [][]T) { simd.Gaussian(d, resid, in[0], in[1], variance) }
}

// Mean computes the mean of a vector [B]: a scalar.
func Mean(a *G.Node) (*G.Node, error) {
	as := a.Shape()
	if as.Dims() != 1 {
		return nil, fmt.Errorf("op: mean of shape %v, want [B]", as)
	}
	grad := func(_, dm *G.Node) (G.Nodes, error) {
		da, err := apply("mean.da", as, kernel{spread[float32], spread[float64]}, nil, nil, dm)
		return G.Nodes{da}, err
	}
	return apply("mean", tensor.ScalarShape(), kernel{mean[float32], mean[float64]}, []bool{true}, grad, a)
}

func mean[T simd.Float](m []T, in [][]T) {
	simd.RowSums(m, in[0])
	m[0] /= T(len(in[0]))
}

func spread[T simd.Float](da []T, in [][]T) {
	for i := range da {
		da[i] = in[0][0] / T(len(da))
	}
}

// FreeBits computes Σ_j max(floor, mean_i kl[i,j]) of kl [B,Z]: a scalar. A
// dimension whose mean is at or below the floor passes no gradient.
func FreeBits(kl *G.Node, floor float64) (*G.Node, error) {
	ks := kl.Shape()
	if ks.Dims() != 2 {
		return nil, fmt.Errorf("op: free bits of shape %v, want [B,Z]", ks)
	}
	z := ks[1]
	grad := func(_, ds *G.Node) (G.Nodes, error) {
		dkl, err := apply("freeBits.dkl", ks, kernel{freeBitsGrad[float32](z, floor), freeBitsGrad[float64](z, floor)}, nil, nil, ds, kl)
		return G.Nodes{dkl}, err
	}
	return apply(fmt.Sprintf("freeBits(%v)", floor), tensor.ScalarShape(), kernel{freeBits[float32](z, floor), freeBits[float64](z, floor)}, []bool{true}, grad, kl)
}

func columnMean[T simd.Float](kl []T, z, j int) float64 {
	sum := 0.0
	for i := j; i < len(kl); i += z {
		sum += float64(kl[i])
	}
	return sum / float64(len(kl)/z)
}

func freeBits[T simd.Float](z int, floor float64) func(s []T, in [][]T) {
	return func(s []T, in [][]T) {
		sum := 0.0
		for j := range z {
			sum += max(floor, columnMean(in[0], z, j))
		}
		s[0] = T(sum)
	}
}

func freeBitsGrad[T simd.Float](z int, floor float64) func(dkl []T, in [][]T) {
	return func(dkl []T, in [][]T) {
		ds, kl := in[0][0], in[1]
		for j := range z {
			g := ds / T(len(kl)/z)
			if columnMean(kl, z, j) <= floor {
				g = 0
			}
			for i := j; i < len(kl); i += z {
				dkl[i] = g
			}
		}
	}
}
