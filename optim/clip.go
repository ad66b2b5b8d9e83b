package optim

import (
	"fmt"
	"math"

	"govae/internal/simd"
)

// NotFiniteError says which gradient holds a NaN or an infinity.
type NotFiniteError struct{ Index int } // in the list of gradients, the first such

// Error implements error.
func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("optim: gradient %d is not finite", e.Index)
}

// ClipNorm returns the scale that takes the gradients, seen as one vector, to a norm of
// at most limit:
//
//	min(1, limit/‖g‖)
//
// The gradients themselves are left as they are: Step takes the scale. A limit of 0 (or
// below, or NaN) is none; the scale then is 1 and nobody looks at the gradients.
// Otherwise a gradient that is not finite gives a *NotFiniteError. PyTorch's
// clip_grad_norm_ adds 1e-6 to the norm, which ClipNorm does not.
//
// Source: Pascanu, Mikolov & Bengio 2013, Algorithm 1, arXiv:1211.5063.
func ClipNorm(grads [][]float32, limit float64) (scale float64, err error) {
	if !(limit > 0) {
		return 1, nil
	}
	norm := 0.0
	for i, g := range grads {
		sq := simd.SumSquares(g)
		if math.IsNaN(sq) || math.IsInf(sq, 0) {
			return 0, &NotFiniteError{i}
		}
		norm += sq
	}
	if norm = math.Sqrt(norm); norm > limit {
		return limit / norm, nil
	}
	return 1, nil
}
