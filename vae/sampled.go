package vae

import "govae/klreg"

func init() { RegisterObjective("elbo-sampled", func(o Objective) Bound { return sampled{o} }) }

// sampled is the ELBO with a Monte Carlo estimate of both terms,
//
//	loss = −mean log w,   log w = log p(x|z) + log p(z) − log q(z|x),   z ~ q(z|x)
//
// It assumes nothing of prior and posterior but that z can be drawn and both
// densities computed. Its gradient is unbiased, and for the standard prior has a
// larger variance than with the analytic KL.
//
// Source: Kingma & Welling 2014, eq. 6, arXiv:1312.6114.
type sampled struct{ Objective }

// Check implements Bound.
func (o sampled) Check(_ *Model, w klreg.Weight) error {
	return Takes{Draws: true}.Check(o.Objective, w)
}

// Loss implements Bound.
func (o sampled) Loss(p *Pass) (l LossNodes, err error) {
	t, err := p.Trace(p.Eps, o.Samples(), Walk{Densities: true})
	if err != nil {
		return l, err
	}
	logw, err := t.LogWeights(p.Beta, p.Share) // [R]
	if err != nil {
		return l, err
	}
	loss, err := NegativeMean(logw)
	if err != nil {
		return l, err
	}
	return t.LossNodes(loss)
}
