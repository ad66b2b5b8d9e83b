package vae

import "govae/klreg"

func init() { RegisterObjective("miwae", func(o Objective) Bound { return miwae{o} }) }

// miwae is the mean of m independent importance-weighted bounds of k draws each,
//
//	1/m Σ_j log 1/k Σ_i w_ij
//
// It lies between the ELBO averaged over m·k draws (k = 1) and L_mk (m = 1): k
// tightens the bound, m lowers the variance of its gradient, which for the encoder
// drowns in noise as k grows.
//
// Source: Rainforth et al. 2018, eq. 8, arXiv:1802.04537.
type miwae struct{ Objective }

// Check implements Bound.
func (o miwae) Check(_ *Model, w klreg.Weight) error {
	return Takes{Draws: true, Bounds: true, Backward: true}.Check(o.Objective, w)
}

// Loss implements Bound: each k neighbours of an image's m·k draws are one bound.
func (o miwae) Loss(p *Pass) (LossNodes, error) {
	return p.Importance(o.Objective, Walk{Densities: true}, nil)
}
