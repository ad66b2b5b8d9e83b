package train

import (
	"math"

	"govae/internal/simd"
	"govae/nn"
)

// Adam is the optimiser of Kingma & Ba 2015, Algorithm 1, arXiv:1412.6980:
//
//	m = β1·m + (1−β1)·g         v = β2·v + (1−β2)·g²
//	w = w − lr·m̂ / (√v̂ + ε),    m̂ = m/(1−β1ᵗ), v̂ = v/(1−β2ᵗ)
//
// Its whole state is M, V and T. The moments have the order and sizes of the
// parameters. Moments below the smallest normal float32 are taken as zero.
type Adam struct {
	Beta1, Beta2, Eps float64
	M, V              [][]float32 // first and second moment of each parameter
	T                 int         // steps taken

	weights [][]float32
}

// NewAdam makes the optimiser of float32 parameters, with β1 = 0.9, β2 = 0.999.
func NewAdam(params []*nn.Param, eps float64) *Adam {
	a := &Adam{Beta1: 0.9, Beta2: 0.999, Eps: eps}
	for _, p := range params {
		w := p.Value.Data().([]float32)
		a.weights = append(a.weights, w)
		a.M = append(a.M, make([]float32, len(w)))
		a.V = append(a.V, make([]float32, len(w)))
	}
	return a
}

// Step changes the weights by one step of the given size along gradients that
// are multiplied by scale first.
func (a *Adam) Step(grads [][]float32, lr, scale float64) {
	a.T++
	c1, c2 := 1-math.Pow(a.Beta1, float64(a.T)), 1-math.Pow(a.Beta2, float64(a.T))
	for i, w := range a.weights {
		simd.Adam(w, grads[i], a.M[i], a.V[i], lr, a.Beta1, a.Beta2, a.Eps, c1, c2, scale)
	}
}
