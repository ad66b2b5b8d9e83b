package vae

import "govae/klreg"

func init() { RegisterObjective("stl", func(o Objective) Bound { return stl{o} }) }

// stl is the importance-weighted bound (for k = 1 the ELBO) with the gradient of
// "sticking the landing": log q(z|x) passes a gradient along z, the path, and none
// along the parameters of q, the score
//
//	∇_φ log q_φ(z|x) at fixed z
//
// For k = 1 the expectation of the score is zero, so the gradient stays unbiased without
// it. Where q is the posterior itself (and beta 1), the encoder's gradient is zero for
// every draw.
// For k > 1 the score's expectation is not zero: the gradient is biased then, and
// dreg is the remedy. It assumes that all codes are reparameterized; with several
// stochastic layers z is all of them, and the path leads from each through those above.
//
// Source: Roeder, Wu & Duvenaud 2017, eq. 8, arXiv:1703.09194.
type stl struct{ Objective }

// Check implements Bound.
func (o stl) Check(_ *Model, w klreg.Weight) error {
	return Takes{Draws: true, Backward: true}.Check(o.Objective, w)
}

// Loss implements Bound: the walk leaves the score out.
func (o stl) Loss(p *Pass) (LossNodes, error) {
	return p.Importance(o.Objective, Walk{Densities: true, Path: true}, nil)
}
