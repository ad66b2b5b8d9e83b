package vae

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/encoder"
	"govae/graph"
)

// draws is the graph of R = B·k draws of the latent codes, k for each of B images,
// and of the three densities that every bound on log p(x) is made of:
//
//	log w = log p(x|z) + log p(z) − log q(z|x)
//
// With a flow z = f(z0), and log q(z|x) is less by log|det ∂z/∂z0|. With several
// stochastic layers z = (z_1, …, z_L), and
//
//	log p(z) = log p(z_L) + Σ_l log p(z_l|z_l+1)
//	log q(z|x) = log q(z_1|x) + Σ_l log q(z_l+1|z_l)
type draws struct {
	k          int     // neighbours that are draws for one image
	distortion *G.Node // [R], −log p(x|z)
	logPrior   *G.Node // [R], log p(z)
	logQ       *G.Node // [R], log q(z|x)
	qFirst     *G.Node // [R], log q(z_1|x)
	pFirst     *G.Node // [R], log p(z_1|z_2)

	beta  *G.Node // scalar, multiplies log q(z|x) − log p(z) in logWeights; nil for 1
	share *G.Node // scalar, that of the layers above the first in it; nil for 1
	scale *G.Node // [R], what ScaleGrad multiplies the gradient of z by
}

// buildDraws adds the densities to the graph of x [R,X], mu and logvar [R,Z] of
// q(z_1|x), and the noise eps [R, ΣZ] of all layers, first layer first.
//
// With path, log q passes a gradient to the codes and none to q's parameters. With
// scaled, the gradient that the densities give the codes of a draw is multiplied by its
// one of d.scale, once on the way to q's parameters: so an encoder above reads its
// code from before that point, and its copy in the density from behind it.
func (m *Model) buildDraws(x, mu, logvar, eps *G.Node, path, scaled bool) (d *draws, err error) {
	d = &draws{k: 1}
	var logQ, logP []*G.Node // [R] each
	z := make([]*G.Node, len(m.encs))
	var below *G.Node // z[l−1], before the gradient is scaled
	at := 0
	for l, enc := range m.encs {
		if l > 0 {
			if mu, logvar, err = enc.Encode(below); err != nil { // [R,Z_l]
				return nil, err
			}
		}
		e := eps
		if len(m.encs) > 1 {
			if e, err = graph.Columns(eps, at, at+m.latents[l]); err != nil { // [R,Z_l]
				return nil, err
			}
		}
		at += m.latents[l]
		if z[l], err = Reparameterize(mu, logvar, e); err != nil { // [R,Z_l]
			return nil, err
		}
		var logDet *G.Node
		if l == 0 && m.flow != nil {
			if z[0], logDet, err = m.flow.Transform(z[0], mu, logvar); err != nil { // [R,Z], [R]
				return nil, err
			}
		}
		if below = z[l]; scaled {
			if z[l], err = graph.ScaleGrad(z[l], func() *G.Node { return d.scale }); err != nil {
				return nil, err
			}
		}
		var q *G.Node
		switch {
		case path && l > 0:
			q, err = pathLogDensity(enc, z[l-1], z[l])
		case path && logDet != nil:
			q, err = m.flow.PathLogDensity(z[l], mu, logvar)
		case path:
			q, err = dist.PathLogDensity(z[l], logvar, e)
		default:
			q, err = dist.DrawLogDensity(logvar, e)
			if err == nil && logDet != nil {
				q, err = graph.Combine([]float64{1, -1}, q, logDet)
			}
		}
		if err != nil {
			return nil, err
		}
		logQ = append(logQ, q)
	}
	if logP, err = m.logPrior(z); err != nil {
		return nil, err
	}
	d.qFirst, d.pFirst = logQ[0], logP[0]
	if d.logPrior, err = total(logP); err != nil {
		return nil, err
	}
	if d.logQ, err = total(logQ); err != nil {
		return nil, err
	}
	params, err := m.dec.Decode(z[0])
	if err != nil {
		return nil, err
	}
	d.distortion, err = m.lik.DistortionNode(params, x)
	return d, err
}

// logPrior is log p of each code, [R], the last one the topmost: log p(z_l|z_l+1) and
// log p(z_L).
func (m *Model) logPrior(z []*G.Node) (logP []*G.Node, err error) {
	for l, gen := range m.gens {
		mu, logvar, err := gen.Encode(z[l+1]) // [R,Z_l]
		if err != nil {
			return nil, err
		}
		p, err := dist.GaussianLogDensity(z[l], mu, logvar)
		if err != nil {
			return nil, err
		}
		logP = append(logP, p)
	}
	top, err := m.prior.LogDensity(z[len(z)-1])
	if err != nil {
		return nil, fmt.Errorf("vae: prior: %w", err)
	}
	return append(logP, top), nil
}

// pathLogDensity is log q(z|below), [R], with the encoder's parameters held fixed.
func pathLogDensity(enc encoder.Encoder, below, z *G.Node) (*G.Node, error) {
	mu, logvar, err := enc.(encoder.Fixable).EncodeFixed(below) // [R,Z]
	if err != nil {
		return nil, err
	}
	return dist.GaussianLogDensity(z, mu, logvar)
}

// total is the sum of nodes [R].
func total(nodes []*G.Node) (*G.Node, error) {
	if len(nodes) == 1 {
		return nodes[0], nil
	}
	ones := make([]float64, len(nodes))
	for i := range ones {
		ones[i] = 1
	}
	return graph.Combine(ones, nodes...)
}

// logWeights is log w = −distortion + log p(z) − log q(z|x): [R].
func (d *draws) logWeights() (*G.Node, error) {
	if d.beta == nil {
		return graph.Combine([]float64{-1, 1, -1}, d.distortion, d.logPrior, d.logQ)
	}
	rate, err := d.rate() // [R]
	if err != nil {
		return nil, err
	}
	if d.share != nil {
		above, err := graph.Combine([]float64{1, -1, 1}, rate, d.qFirst, d.pFirst)
		if err != nil {
			return nil, err
		}
		if above, err = graph.Scale(above, d.share); err != nil {
			return nil, err
		}
		if rate, err = graph.Combine([]float64{1, -1, 1}, d.qFirst, d.pFirst, above); err != nil {
			return nil, err
		}
	}
	if rate, err = graph.Scale(rate, d.beta); err != nil {
		return nil, err
	}
	return graph.Combine([]float64{-1, -1}, d.distortion, rate)
}

// rate is log q(z|x) − log p(z): [R], whose mean over z is the KL divergence.
func (d *draws) rate() (*G.Node, error) {
	return graph.Combine([]float64{1, -1}, d.logQ, d.logPrior)
}

// negativeMean is −mean of a [R]: the loss of a bound.
func negativeMean(a *G.Node) (*G.Node, error) {
	minus, err := graph.Combine([]float64{-1}, a)
	if err != nil {
		return nil, err
	}
	return graph.Mean(minus)
}
