package vae

import (
	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/klreg"
)

func init() { RegisterObjective("dreg", func(o Objective) Bound { return dreg{o} }) }

// dreg is the importance-weighted bound with the doubly reparameterized
// gradient. For the encoder's parameters φ it is
//
//	∇_φ L_k = E Σ_i ŵ_i²·(∂log w_i/∂z_i)·(∂z_i/∂φ),   ŵ_i = w_i / Σ_j w_j
//
// It has no score of q and is unbiased. Its signal-to-noise ratio grows with k, where that
// of the plain gradient falls. The decoder and the prior have the plain gradient, with ŵ_i;
// so has the encoder where it makes a VampPrior. With beta before log q(z|x) − log p(z) in
// log w, the score has the factor beta too, and ŵ_i² becomes
//
//	ŵ_i·((1 − beta) + beta·ŵ_i)
//
// It assumes that all codes are reparameterized. With several stochastic layers z is all of
// them, and the gradient that an encoder above passes down has been multiplied already. The
// gradient is biased while k is above 1 and the share of the layers above in log w is below
// 1 (klreg.Weight.WarmupAbove): the score of each layer would need a factor of its own.
//
// Source: Tucker, Lawson, Gu & Maddison 2019, eq. 8, arXiv:1810.04152; with several
// stochastic layers Bauer & Mnih 2021, arXiv:2101.11046.
type dreg struct{ Objective }

// Check implements Bound.
func (o dreg) Check(_ *Model, w klreg.Weight) error {
	return Takes{Draws: true, Backward: true}.Check(o.Objective, w)
}

// Loss implements Bound: the walk leaves the score out, and what arrives at z_i, already
// multiplied by ŵ_i, is multiplied by the rest.
func (o dreg) Loss(p *Pass) (LossNodes, error) {
	return p.Importance(o.Objective, Walk{Densities: true, Path: true, Scaled: true}, func(weights *G.Node) (*G.Node, error) {
		return graph.FromOne(weights, p.Beta)
	})
}
