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
