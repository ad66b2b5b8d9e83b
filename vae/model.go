// Package vae ties an encoder q(z|x) and a decoder p(x|z) together: the
// reparameterization layer between them, the evidence lower bound (ELBO), and a
// Model that encodes, decodes, samples and estimates log p(x).
//
//	m, err := vae.New(vae.DefaultConfig())
//	digits, err := m.Sample(64, 1, 1) // [64,784], an untrained model's
//
// Package train fits a model to data. Every figure is in nats per image: summed
// over pixels and latent dimensions, averaged over images. docs/elbo.md teaches
// the mathematics, line by line, with links into this code.
//
// Source: Kingma & Welling 2014, Auto-Encoding Variational Bayes,
// arXiv:1312.6114; Rezende, Mohamed & Wierstra 2014, arXiv:1401.4082.
//
// Sizes: B a batch, n images, X pixels, Z latent dimensions.
package vae

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/encoder"
	"govae/graph"
	"govae/internal/stream"
	"govae/klreg"
	"govae/nn"
)

// Model is a variational autoencoder. Any number of goroutines may use its
// methods at once, as long as none trains it or restores its weights.
type Model struct {
	cfg     Config
	q       []dist.Conditional // q(z_1|x), then q(z_l+1|z_l)
	gens    []dist.Conditional // p(z_l|z_l+1)
	p       dist.Conditional   // p(x|z_1)
	prior   dist.Prior
	latent  int   // of z_1
	latents []int // of each stochastic layer
	noises  []int // numbers of noise of each
	noise   int   // of all of them
	pixels  int
	labels  int // width of y, 0 for none
	outputs int // of the decoder
	params  int // of q(z_1|x)

	y []float32 // the labels of a view that Given made

	closed func() bool // whether the rate has a closed form

	// compiled graphs, kept for the next call
	encode, center, decode, elbo, likelihood, distortion, priorGrad *graph.Rows
	flow                                                            *graph.Rows   // of z0, nil without one
	up, down                                                        []*graph.Rows // of the layers above the first
}

// Parts are what a model is assembled of. They must agree on the numbers of pixels, of
// labels, of what a distribution's parameters are, and of latent dimensions, and their
// parameters on one precision.
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

// New makes a model of MLPs with fresh weights: float32, drawn from cfg.Seed.
func New(cfg Config) (*Model, error) { return newModel(cfg, tensor.Float32) }

func newModel(cfg Config, dt tensor.Dtype) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Hidden = append([]int{}, cfg.Hidden...) // the caller's stays the caller's, and none is [] in JSON
	cfg.Above = slices.Clone(cfg.Above)
	for l, a := range cfg.Above {
		cfg.Above[l].Hidden = append([]int{}, a.Hidden...)
	}
	parts, err := cfg.parts(dt)
	if err != nil {
		return nil, fmt.Errorf("vae: %w", err)
	}
	m, err := Assemble(parts)
	if err != nil {
		return nil, err
	}
	m.cfg = cfg
	return m, nil
}

// parts makes the parts with fresh weights, one after another from one stream.
func (c Config) parts(dt tensor.Dtype) (p Parts, err error) {
	known, err := c.known()
	if err != nil {
		return p, err
	}
	s := Spec{Config: c, Dtype: dt, Source: stream.New(c.Seed, stream.Weights, 0), Code: c.top()}
	p.Rows, p.Cols = c.Rows, c.Cols
	if s.Posterior, err = known.posterior.New(s); err != nil {
		return p, err
	}
	if p.Encoder, err = known.encoder.New(s); err != nil {
		return p, err
	}
	if s.Likelihood, err = known.likelihood.New(s); err != nil {
		return p, err
	}
	if p.Decoder, err = known.decoder.New(s); err != nil {
		return p, err
	}
	if p.Above, err = c.layers(dt, s.Source); err != nil {
		return p, err
	}
	s.Q = dist.Conditional{Net: p.Encoder, Family: s.Posterior}
	if p.Prior, err = known.prior.New(s); err != nil {
		return p, err
	}
	p.Posterior, p.Likelihood = s.Posterior, s.Likelihood
	if c.Flow > 0 {
		flow, err := dist.NewRealNVP(dist.FlowConfig{Name: "encoder.flow", Cond: p.Posterior.Outputs(c.Latent), Layers: c.Flow, Latent: c.Latent,
			Hidden: flowHidden, Init: c.Init}, dt, s.Source)
		if err != nil {
			return p, err
		}
		p.Posterior = dist.Transformed{Base: p.Posterior, Flow: flow}
	}
	return p, nil
}

// layers makes the stochastic layers above the first.
func (c Config) layers(dt tensor.Dtype, src rand.Source) (layers []Layer, err error) {
	below := c.Latent
	for l, a := range c.Above {
		up, err := encoder.NewMLP(encoder.Config{Name: fmt.Sprintf("encoder.above.%d", l), In: below, Latent: a.Latent,
			Hidden: a.Hidden, Activation: c.Activation, Init: c.Init}, dt, src)
		if err != nil {
			return nil, err
		}
		down, err := encoder.NewMLP(encoder.Config{Name: fmt.Sprintf("decoder.above.%d", l), In: a.Latent, Latent: below,
			Hidden: mirrored(a.Hidden), Activation: c.Activation, Init: c.Init}, dt, src)
		if err != nil {
			return nil, err
		}
		layers = append(layers, Layer{up, down})
		below = a.Latent
	}
	return layers, nil
}

func mirrored(hidden []int) []int {
	m := append([]int{}, hidden...)
	slices.Reverse(m)
	return m
}

// Assemble makes a model of parts of one's own. Its Config tells only what the parts tell:
// the size of an image, the number of dimensions of each code, the names of likelihood and
// prior. Restore brings its saved weights back; Load cannot, for it does not know the
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
	m.closed = sync.OnceValue(m.hasClosedRate)
	m.encode, m.center, m.decode = m.rows(m.buildEncode), m.rows(m.buildCenter), m.rows(m.buildDecode)
	m.elbo, m.likelihood = m.rows(m.buildELBO), m.rows(m.buildLikelihood)
	m.distortion, m.priorGrad = m.rows(m.buildDistortionGrad), m.rows(m.buildPriorGrad)
	if _, ok := parts.Posterior.(dist.Transformed); ok {
		m.flow = m.rows(m.buildFlow)
	}
	for l := range m.gens {
		m.up, m.down = append(m.up, m.rows(m.buildLayer(m.q[l+1]))), append(m.down, m.rows(m.buildLayer(m.gens[l])))
	}
	return m, nil
}

// assembled is the name of networks that a program has made by itself.
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
	m.pixels, m.labels, m.params, m.outputs = x, max(labels, labelsOut), params, outputs
	m.latent, m.latents, m.noise = z, []int{z}, parts.Posterior.Noise(z)
	m.noises = []int{m.noise}
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

// checkParams returns an error unless all parameters have a name of their own, a value, and
// one precision.
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

// Params lists all parameters: the encoder's, then the decoder's, then those of the layers
// above, of the prior, of the likelihood and of the posterior's family.
func (m *Model) Params() []*nn.Param {
	all := append(slices.Clone(m.q[0].Net.Params()), m.p.Net.Params()...)
	for l := range m.gens {
		all = append(all, m.q[l+1].Net.Params()...)
		all = append(all, m.gens[l].Net.Params()...)
	}
	all = append(all, m.prior.Params()...)
	all = append(all, m.p.Family.Params()...)
	return append(all, m.q[0].Family.Params()...)
}

// labelInput adds the input of labels, nil for a model without.
func (m *Model) labelInput(b *graph.Builder, batch int) *G.Node {
	if m.labels == 0 {
		return nil
	}
	return b.Input("y", batch, m.labels)
}

// on is a conditional given x, and y if its network takes labels.
func on(c dist.Conditional, x, y *G.Node) (dist.Dist, error) {
	if _, labels, _ := c.Net.Dims(); labels == 0 {
		y = nil
	}
	return c.On(x, y)
}

// hasClosedRate reports whether KL(q ‖ p) has a closed form: there is one stochastic layer,
// and one is registered for the types of posterior and prior.
func (m *Model) hasClosedRate() bool {
	if len(m.q) > 1 {
		return false
	}
	g := G.NewGraph()
	input := func(name string, width int) *G.Node {
		return G.NewMatrix(g, m.dtype(), G.WithName(name), G.WithShape(1, width))
	}
	var y *G.Node
	if m.labels > 0 {
		y = input("y", m.labels)
	}
	q, errQ := m.q[0].Family.On(input("params", m.params))
	p, errP := m.prior.On(g, y)
	return errQ == nil && errP == nil && klreg.HasClosed(q, p)
}

// sampledFor says what it is in the model that a closed form is not known for, and is empty
// if one is known.
func (m *Model) sampledFor() string {
	switch {
	case len(m.q) > 1:
		return fmt.Sprintf("%d stochastic layers", len(m.q))
	case m.closed():
		return ""
	case m.prior.Name() != "standard":
		return fmt.Sprintf("a %s prior", m.prior.Name())
	}
	return fmt.Sprintf("a %s posterior", m.q[0].Family.Name())
}

func (m *Model) rows(build func(b *graph.Builder, batch int) error) *graph.Rows {
	return graph.NewRows(m.dtype(), build)
}

func (m *Model) dtype() tensor.Dtype { return m.Params()[0].Value.Dtype() }
