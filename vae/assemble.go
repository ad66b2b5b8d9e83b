package vae

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
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

	Rows, Cols int // of an image, in pixels; both 0 for one row of all pixels
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
	return asked("the assembled model", func() (*Model, error) { return assemble(parts) })
}

func assemble(parts Parts) (*Model, error) {
	switch {
	case absent(parts.Encoder):
		return nil, fmt.Errorf("vae: no encoder")
	case absent(parts.Decoder):
		return nil, fmt.Errorf("vae: no decoder")
	case absent(parts.Likelihood):
		return nil, fmt.Errorf("vae: no likelihood, such as dist.Bernoulli{}")
	}
	if parts.Posterior == nil {
		parts.Posterior = dist.Normal{}
	}
	for _, part := range []any{parts.Posterior, parts.Likelihood, parts.Prior} {
		if part != nil && absent(part) {
			return nil, fmt.Errorf("vae: a part that is a nil %T", part)
		}
		if err := validate(part); err != nil {
			return nil, prefixed(err)
		}
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
	if err := m.checkSizes(); err != nil {
		return nil, err
	}
	if err := m.checkDomains(); err != nil {
		return nil, err
	}
	m.graphs = &graphs{model: m, rows: map[string]*graph.Rows{}}
	return m, nil
}

// validate returns what is wrong with a part that is able to say it.
func validate(part any) error {
	if v, ok := part.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
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
	if parts.Rows < 1 || parts.Cols < 1 || parts.Rows*parts.Cols != x {
		return fmt.Errorf("vae: images of %d×%d pixels, the encoder takes %d", parts.Rows, parts.Cols, x)
	}
	noise := parts.Posterior.Noise(z)
	if labels < 0 || labelsOut < 0 || params < 1 || outputs < 1 || noise < 1 {
		return fmt.Errorf("vae: an encoder of %d labels and %d outputs, a decoder of %d and %d, and the %s posterior of %d numbers of noise, want at least 0, 1, 0, 1 and 1",
			labels, params, labelsOut, outputs, parts.Posterior.Name(), noise)
	}
	m.cfg = Config{Rows: parts.Rows, Cols: parts.Cols, Latent: z, Likelihood: parts.Likelihood.Name(), Labels: max(labels, labelsOut), Encoder: assembled, Decoder: assembled}
	m.q = []dist.Conditional{{Net: parts.Encoder, Family: parts.Posterior}}
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

// checkSizes returns an error unless the distributions of x and z can be made of as many
// parameters, and the prior, if it can be sampled, is of codes of as many dimensions.
func (m *Model) checkSizes() error {
	g := G.NewGraph()
	for _, f := range []struct {
		of    dist.Family
		width int
	}{{m.q[0].Family, m.params}, {m.p.Family, m.outputs}} {
		if _, err := batchOf(f.of, G.NewMatrix(g, m.dtype(), G.WithName("params"), G.WithShape(1, f.width))); err != nil {
			return prefixed(err)
		}
	}
	var y []float32
	if m.labels > 0 {
		y = make([]float32, m.labels)
	}
	top := m.latents[len(m.latents)-1]
	z, err := asked("prior", func() ([]float32, error) { return m.prior.Sample(1, y, 1, rand.NewPCG(0, 0)) })
	if err == nil && len(z) != top {
		return fmt.Errorf("vae: the %s prior is of %d dimensions, want the %d of the topmost code", m.prior.Name(), len(z), top)
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
		dt, first := p.Value.Dtype(), all[0].Value.Dtype()
		if dt != tensor.Float32 && dt != tensor.Float64 {
			return fmt.Errorf("vae: parameter %s is of %v, want float32 or float64", p.Names[0], dt)
		}
		if dt != first {
			return fmt.Errorf("vae: parameter %s is of %v and %s of %v, want all of one precision", all[0].Names[0], first, p.Names[0], dt)
		}
		if s := p.Value.Shape(); s.Dims() == 0 || s.TotalSize() == 0 || s[0]%len(p.Names) != 0 {
			return fmt.Errorf("vae: parameter %s of shape %v under %d names, want at least one number, and a first dimension that the names part", p.Names[0], s, len(p.Names))
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
