package vae

import "govae/klreg"

func init() { RegisterObjective("iwae", func(o Objective) Bound { return iwae{o} }) }

// iwae is the importance-weighted bound of k draws an image,
//
//	L_k = E log 1/k Σ_i w_i,   w_i = p(x|z_i)·p(z_i) / q(z_i|x),   z_i ~ q(z|x)
//
// which is the ELBO for k = 1, never falls with k, and stays below log p(x). Its
// gradient weighs that of each log w_i by the normalised weight w_i / Σ_j w_j.
//
// Source: Burda, Grosse & Salakhutdinov 2016, eq. 8 and 14, arXiv:1509.00519.
type iwae struct{ Objective }

// Check implements Bound.
func (o iwae) Check(_ *Model, w klreg.Weight) error {
	return Takes{Draws: true, Backward: true}.Check(o.Objective, w)
}

// Loss implements Bound: log q passes its whole gradient.
func (o iwae) Loss(p *Pass) (LossNodes, error) {
	return p.Importance(o.Objective, Walk{Densities: true}, nil)
}
