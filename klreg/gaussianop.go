package klreg

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/simd"
)

// gaussianKLNode computes ½(mu² + exp(logvar) − 1 − logvar) of each dimension, in nats, of
// parameters h [R,2Z] (mu, then logvar): [R,Z]. Its gradients are mu and ½(exp(logvar) − 1).
func gaussianKLNode(h *G.Node) (*G.Node, error) {
	hs := h.Shape()
	if hs.Dims() != 2 || hs[1]%2 != 0 {
		return nil, fmt.Errorf("klreg: gaussianKL of shape %v, want means and log-variances [R,2Z]", hs)
	}
	z := hs[1] / 2
	return graph.Op{Name: "gaussianKL", Shape: tensor.Shape{hs[0], z}, Run: graph.Both(gaussianKL[float32](z), gaussianKL[float64](z)),
		Grads: []graph.Kernel{graph.Both(gaussianKLGrad[float32](z), gaussianKLGrad[float64](z))}}.Apply(h)
}

func gaussianKL[T graph.Float](z int) func(kl []T, in [][]T) {
	return func(kl []T, in [][]T) { simd.GaussianKLRows(kl, in[0], z) }
}

// gaussianKLGrad is dh, from dkl, kl and h.
func gaussianKLGrad[T graph.Float](z int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) { simd.GaussianKLRowsGrad(dh, in[0], in[2], z) }
}
