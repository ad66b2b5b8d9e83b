package vae

import (
	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// lossIWAE is the negative importance-weighted bound of k draws an image,
//
//	L_k = E log 1/k Σ_i w_i,   w_i = p(x|z_i)·p(z_i) / q(z_i|x),   z_i ~ q(z|x)
//
// which is the ELBO for k = 1, never falls with k, and stays below log p(x). Its
// gradient weighs that of each log w_i by the normalised weight w_i / Σ_j w_j.
//
// Source: Burda, Grosse & Salakhutdinov 2016, eq. 8 and 14, arXiv:1509.00519.
func lossIWAE(d *draws) (*G.Node, error) {
	logw, err := d.logWeights() // [B·k]
	if err != nil {
		return nil, err
	}
	bound, err := graph.LogMeanExp(logw, d.k) // [B]
	if err != nil {
		return nil, err
	}
	return negativeMean(bound)
}
