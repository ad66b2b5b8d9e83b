package vae

import G "gorgonia.org/gorgonia"

// lossSampled is the negative ELBO with a Monte Carlo estimate of both terms,
//
//	loss = −mean log w,   log w = log p(x|z) + log p(z) − log q(z|x),   z ~ q(z|x)
//
// It assumes nothing of prior and posterior but that z can be drawn and both
// densities computed. Its gradient is unbiased, and for the standard prior has a
// larger variance than with the analytic KL.
//
// Source: Kingma & Welling 2014, eq. 6, arXiv:1312.6114.
func lossSampled(d *draws) (*G.Node, error) {
	logw, err := d.logWeights() // [R]
	if err != nil {
		return nil, err
	}
	return negativeMean(logw)
}
