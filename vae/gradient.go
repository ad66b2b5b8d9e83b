package vae

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/internal/op"
)

// DistortionGrad returns the distortion −log p(x|z) of n pairs of an image x [n,X]
// and a code z [n,Z], in nats, and its gradient with respect to z [n,Z]: what is
// needed to look for a better posterior of an image than the encoder's. An error names
// the first pixel outside the likelihood's domain.
func (m *Model) DistortionGrad(x, z []float32) (distortion []float64, dz []float32, err error) {
	n, err := m.count("images", x, m.pixels)
	if err != nil {
		return nil, nil, err
	}
	if len(z) != n*m.latent {
		return nil, nil, fmt.Errorf("vae: codes of %d numbers for %d images, want %d each", len(z), n, m.latent)
	}
	if err := m.lik.Check(x); err != nil {
		return nil, nil, err
	}
	distortion, dz = make([]float64, n), make([]float32, n*m.latent)
	err = run[float32](&m.distortion, n, [][]float32{x, z}, nil, func(lo, hi int, out []G.Value) error {
		if err := store(distortion[lo:hi], out[0]); err != nil {
			return err
		}
		return store(dz[lo*m.latent:hi*m.latent], out[1])
	})
	return distortion, dz, err
}

func (m *Model) buildDistortionGrad(g *G.ExprGraph, batch int) (in, out G.Nodes, err error) {
	x, input := m.input(g, "x", batch, m.pixels), m.input(g, "z", batch, m.latent)
	z, err := op.Combine([]float64{1}, input) // layers pass no gradient to an input of the graph
	if err != nil {
		return nil, nil, err
	}
	params, err := m.dec.Decode(z)
	if err != nil {
		return nil, nil, err
	}
	distortion, err := m.lik.DistortionNode(params, x) // [B]
	if err != nil {
		return nil, nil, err
	}
	total, err := G.Sum(distortion)
	if err != nil {
		return nil, nil, fmt.Errorf("vae: %w", err)
	}
	grads, err := differentiate(total, G.Nodes{z})
	if err != nil {
		return nil, nil, err
	}
	return G.Nodes{x, input}, G.Nodes{distortion, grads[0]}, nil
}

// PriorGrad returns log p(z) in nats of n codes z [n,Z] of the first stochastic layer,
// and its gradient with respect to z [n,Z]. With further layers log p(z_1) has no closed
// form, and it is that of
//
//	log p(z_1, …, z_L) − Σ_l log q(z_l+1|z_l),   z_l+1 = mu(z_l) + exp(logvar(z_l)/2)·eps_l+1
//
// with eps [n,Noise−Z] of the layers above, first the second: what takes the place of
// log p(z_1) in the ELBO, and below it in the mean over eps.
func (m *Model) PriorGrad(z, eps []float32) (logp []float64, dz []float32, err error) {
	n, err := m.count("codes", z, m.latent)
	if err != nil {
		return nil, nil, err
	}
	if want := n * (m.noise - m.latent); len(eps) != want {
		return nil, nil, fmt.Errorf("vae: noise of %d numbers for the layers above %d codes, want %d", len(eps), n, want)
	}
	in := [][]float32{z}
	if len(m.gens) > 0 {
		in = append(in, eps)
	}
	logp, dz = make([]float64, n), make([]float32, len(z))
	err = run[float32](&m.priorGrad, n, in, nil, func(lo, hi int, out []G.Value) error {
		if err := store(logp[lo:hi], out[0]); err != nil {
			return err
		}
		return store(dz[lo*m.latent:hi*m.latent], out[1])
	})
	return logp, dz, err
}

func (m *Model) buildPriorGrad(g *G.ExprGraph, batch int) (in, out G.Nodes, err error) {
	in = G.Nodes{m.input(g, "z", batch, m.latent)}
	z := make([]*G.Node, len(m.encs))
	if z[0], err = op.Combine([]float64{1}, in[0]); err != nil { // layers pass no gradient to an input of the graph
		return nil, nil, err
	}
	var logQ []*G.Node // [B] each
	at := 0
	for l := 1; l < len(z); l++ {
		if l == 1 {
			in = append(in, m.input(g, "eps", batch, m.noise-m.latent))
		}
		mu, logvar, err := m.encs[l].Encode(z[l-1]) // [B,Z_l]
		if err != nil {
			return nil, nil, err
		}
		eps, err := op.Columns(in[1], at, at+m.latents[l])
		if err != nil {
			return nil, nil, err
		}
		at += m.latents[l]
		if z[l], err = Reparameterize(mu, logvar, eps); err != nil {
			return nil, nil, err
		}
		q, err := op.DrawLogDensity(logvar, eps)
		if err != nil {
			return nil, nil, err
		}
		logQ = append(logQ, q)
	}
	terms, err := m.logPrior(z)
	if err != nil {
		return nil, nil, err
	}
	signs := make([]float64, 0, len(terms)+len(logQ))
	for range terms {
		signs = append(signs, 1)
	}
	for range logQ {
		signs = append(signs, -1)
	}
	logp, err := op.Combine(signs, append(terms, logQ...)...) // [B]
	if err != nil {
		return nil, nil, err
	}
	sum, err := G.Sum(logp)
	if err != nil {
		return nil, nil, fmt.Errorf("vae: %w", err)
	}
	grads, err := differentiate(sum, G.Nodes{z[0]})
	if err != nil {
		return nil, nil, err
	}
	return in, G.Nodes{logp, grads[0]}, nil
}
