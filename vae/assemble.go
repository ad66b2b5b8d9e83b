package vae

import (
	"fmt"

	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/nn"
)

// Parts are what a model is assembled of. The widths of their rows must fit: pixels, labels,
// latent dimensions and the parameters of each distribution. All parameters must have one
// precision.
type Parts struct {
	Encoder    nn.Network  // from x (and y) to the parameters of q(z_1|x)
	Posterior  dist.Code   // what these are the parameters of; nil for dist.Normal
	Decoder    nn.Network  // from z_1 (and y) to the parameters of p(x|z_1)
	Likelihood dist.Family // what these are the parameters of
	Above      []Layer     // further stochastic layers, from below
	Prior      dist.Prior  // of the topmost code; nil for N(0,I)

	Rows, Cols int // of an image, in pixels; 0 for one row of all pixels
}

// Layer is a stochastic layer z_l+1 above z_l, both with diagonal Gaussians.
type Layer struct {
	Up   nn.Network // from z_l to the mean and log-variance of q(z_l+1|z_l)
	Down nn.Network // from z_l+1 to those of p(z_l|z_l+1)
}

// Assemble makes a model of your own parts. Its Config holds what the parts say: the size
// of an image, the dimensions of each code, the names of likelihood and prior. Its saved
// weights come back by Restore. Load can't make such a model, because it does not know the
// parts.
func Assemble(parts Parts) (*Model, error) {
	switch {
	case parts.Encoder == nil:
		return nil, fmt.Errorf("vae: no encoder")
	case parts.Decoder == nil:
		return nil, fmt.Errorf("vae: no decoder")
	case parts.Likelihood == nil:
		return nil, fmt.Errorf("vae: no likelihood, such as dist.Bernoulli{}")
	}
	if parts.Posterior == nil {
		parts.Posterior = dist.Normal{}
	}
	m := &Model{prior: parts.Prior, p: dist.Conditional{Net: parts.Decoder, Family: parts.Likelihood}}
	if err := m.size(parts); err != nil {
		return nil, err
	}
	if err := m.stack(parts); err != nil {
		return nil, err
	}
	if m.prior == nil {
		m.prior = dist.StandardNormal{Dim: m.latents[len(m.latents)-1]}
	}
	if m.prior.Name() != "standard" {
		m.cfg.Prior = m.prior.Name()
	}
	if err := m.checkParams(); err != nil {
		return nil, err
	}
	if err := m.checkDomains(); err != nil {
		return nil, err
	}
	m.graphs = &graphs{model: m, rows: map[string]*graph.Rows{}}
	return m, nil
}

// assembled is the name in Config of a network that a program has made itself.
const assembled = "assembled"

// size takes the sizes from the encoder and the decoder.
func (m *Model) size(parts Parts) error {
	x, labels, params := parts.Encoder.Dims()
	z, labelsOut, outputs := parts.Decoder.Dims()
	if x < 1 || z < 1 {
		return fmt.Errorf("vae: an encoder of %d pixels and a decoder of %d latent dimensions, want at least 1 of each", x, z)
	}
	if want := parts.Posterior.Outputs(z); params != want {
		return fmt.Errorf("vae: an encoder of %d outputs, want %d: the parameters of a %s q(z|x) over the decoder's %d latent dimensions", params, want, parts.Posterior.Name(), z)
	}
	if want := parts.Likelihood.Outputs(x); outputs != want {
		return fmt.Errorf("vae: a decoder of %d outputs, want %d: the parameters of a %s p(x|z) over the encoder's %d pixels", outputs, want, parts.Likelihood.Name(), x)
	}
	if labels > 0 && labelsOut > 0 && labels != labelsOut {
		return fmt.Errorf("vae: an encoder of %d labels and a decoder of %d", labels, labelsOut)
	}
	if parts.Rows == 0 && parts.Cols == 0 {
		parts.Rows, parts.Cols = 1, x
	}
	if parts.Rows*parts.Cols != x {
		return fmt.Errorf("vae: images of %d×%d pixels, the encoder takes %d", parts.Rows, parts.Cols, x)
	}
	m.cfg = Config{Rows: parts.Rows, Cols: parts.Cols, Latent: z, Likelihood: parts.Likelihood.Name(), Labels: max(labels, labelsOut), Encoder: assembled, Decoder: assembled}
	m.q = []dist.Conditional{{Net: parts.Encoder, Family: parts.Posterior}}
	noise := parts.Posterior.Noise(z)
	m.sizes = sizes{pixels: x, labels: m.cfg.Labels, params: params, outputs: outputs, latent: z, latents: []int{z}, noise: noise, noises: []int{noise}}
	return nil
}

// stack adds the layers above the first.
func (m *Model) stack(parts Parts) error {
	for l, a := range parts.Above {
		if a.Up == nil || a.Down == nil {
			return fmt.Errorf("vae: stochastic layer %d has no network up or none back", l+2)
		}
		below, _, up := a.Up.Dims()
		z, _, down := a.Down.Dims()
		if below != m.latents[l] || up != 2*z || down != 2*below {
			return fmt.Errorf("vae: stochastic layer %d of %d dimensions, above it a network of %d to %d and one back of %d to %d, want %d to twice the dimensions of layer %d, and back to %d",
				l+1, m.latents[l], below, up, z, down, m.latents[l], l+2, 2*m.latents[l])
		}
		m.q = append(m.q, dist.Conditional{Net: a.Up, Family: dist.Normal{}})
		m.gens = append(m.gens, dist.Conditional{Net: a.Down, Family: dist.Normal{}})
		m.latents, m.noises = append(m.latents, z), append(m.noises, z)
		m.cfg.Above = append(m.cfg.Above, Stochastic{Latent: z})
		m.noise += z
	}
	return nil
}

// checkDomains returns an error unless the codes of each layer can be compared with what is
// above them. A pair whose KL has a closed form can.
func (m *Model) checkDomains() error {
	if len(m.gens) > 0 { // p(z_1|z_2) is a Gaussian, as N(0,I) is
		if err := dist.Comparable(m.q[0].Family, dist.StandardNormal{}); err != nil {
			return fmt.Errorf("vae: below another stochastic layer: %w", err)
		}
	}
	if m.closed() {
		return nil
	}
	if err := dist.Comparable(m.q[len(m.q)-1].Family, m.prior); err != nil {
		return fmt.Errorf("vae: %w", err)
	}
	return nil
}

// checkParams returns an error unless each parameter has a value and a name that no other
// one has, and all have one precision.
func (m *Model) checkParams() error {
	seen := map[string]bool{}
	all := m.Params()
	for _, p := range all {
		if p == nil || len(p.Names) == 0 || p.Value == nil {
			return fmt.Errorf("vae: a parameter without a name or a value")
		}
		if dt := p.Value.Dtype(); dt != all[0].Value.Dtype() || (dt != tensor.Float32 && dt != tensor.Float64) {
			return fmt.Errorf("vae: parameter %s is of %v, want all float32 or all float64", p.Names[0], dt)
		}
		for _, n := range p.Names {
			if seen[n] {
				return fmt.Errorf("vae: two parameters named %s", n)
			}
			seen[n] = true
		}
	}
	if len(seen) == 0 {
		return fmt.Errorf("vae: no parameters")
	}
	return nil
}
