package optim

import (
	"math"

	"govae/internal/simd"
)

func init() {
	Register("adam", func(weights [][]float32, cfg Config) (Optimizer, error) { return NewAdam(weights, cfg) })
}

// Adam scales each step by running means of the gradient and of its square:
//
//	m = β1·m + (1−β1)·g         v = β2·v + (1−β2)·g²
//	w = w − lr·m̂ / (√v̂ + ε),    m̂ = m/(1−β1ᵗ), v̂ = v/(1−β2ᵗ)
//
// at step t, counted from 1. Its state is adam.m and adam.v. Moments below the
// smallest normal float32 are taken as zero. NewAdam makes one.
//
// Source: Kingma & Ba 2015, Algorithm 1, arXiv:1412.6980.
type Adam struct {
	cfg     Config
	weights [][]float32
	m, v    [][]float32
	steps   int
}

// NewAdam makes the optimiser, with Beta1, Beta2 and Eps of the settings. An error
// names the setting that is wrong, or that Adam does not take.
func NewAdam(weights [][]float32, cfg Config) (*Adam, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := cfg.without("adam", true, true); err != nil {
		return nil, err
	}
	return newAdam(weights, cfg), nil
}

func newAdam(weights [][]float32, cfg Config) *Adam {
	return &Adam{cfg: cfg.Whole(), weights: weights, m: moment(weights), v: moment(weights)}
}

// Step implements Optimizer.
func (a *Adam) Step(grads [][]float32, lr, scale float64) {
	a.steps++
	b1, b2 := a.cfg.Beta1, a.cfg.Beta2
	c1, c2 := 1-math.Pow(b1, float64(a.steps)), 1-math.Pow(b2, float64(a.steps))
	for i, w := range a.weights {
		simd.Adam(w, grads[i], a.m[i], a.v[i], lr, b1, b2, a.cfg.Eps, c1, c2, scale)
	}
}

// State implements Optimizer: the moments adam.m and adam.v.
func (a *Adam) State() []Moment { return []Moment{{"adam.m", a.m}, {"adam.v", a.v}} }

// SetSteps implements Optimizer: the next step is number n+1, which its correction of
// the moments follows.
func (a *Adam) SetSteps(n int) { a.steps = n }
