// Package simd holds the numeric kernels of govae on plain slices: matrix
// product, the layers' nonlinearities, the terms of the ELBO with their
// gradients, and the optimiser's step. It knows no Gorgonia.
//
// Every kernel is generic in the precision: models train in float32, gradient
// checks run the same code in float64. In float32 there are three levels, chosen
// once at start (Level); float64 and the portable level are plain Go, where
// transcendental functions are evaluated in float64 and rounded once. Rows are
// shared out over the cores; a row is always summed by one core in a fixed
// order, so results do not depend on their number.
//
// Slices must not overlap unless a kernel says so. Sizes: B rows (images), X
// pixels, H inputs or outputs of a layer, Z latent dimensions.
package simd

// Float is the precision of a kernel.
type Float interface{ float32 | float64 }

// Activation is the nonlinearity of a layer.
type Activation uint8

const (
	Identity Activation = iota // a
	ReLU                       // max(0, a)
	Tanh                       // tanh a
	Softplus                   // log(1 + exp a)
)
