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
	"slices"

	"gorgonia.org/tensor"

	"govae/decoder"
	"govae/encoder"
	"govae/graph"
	"govae/internal/stream"
	"govae/nn"
)

// Config describes a model. It is saved with the weights.
type Config struct {
	Rows       int     `json:"rows"`            // of an image, in pixels
	Cols       int     `json:"cols"`            // of an image, in pixels
	Hidden     []int   `json:"hidden"`          // encoder's hidden layers from x to z; the decoder mirrors them
	Latent     int     `json:"latent"`          // Z
	Activation string  `json:"activation"`      // relu, tanh, softplus or gated (Dauphin et al. 2017, arXiv:1612.08083)
	Likelihood string  `json:"likelihood"`      // decoder.Names lists them
	Sigma      float64 `json:"sigma,omitempty"` // of a gaussian likelihood (decoder.NewLikelihood), where 1 is the range of a pixel
	Init       string  `json:"init"`            // pytorch or glorot

	// Above are stochastic layers above the first one, from below: z_2, z_3, …
	Above []Stochastic `json:"above,omitempty"`
	// Prior of the topmost code: standard (also if empty), mixture or vamp, the
	// latter two with Components parts.
	Prior      string `json:"prior,omitempty"`
	Components int    `json:"components,omitempty"`
	// Flow is the number of coupling layers that make a richer q(z_1|x) of the
	// encoder's Gaussian (encoder.RealNVP); 0 for none.
	Flow int `json:"flow,omitempty"`

	Seed uint64 `json:"seed"` // of the initial weights
}

// Stochastic describes a stochastic layer z_l+1 above z_l: an encoder
// q(z_l+1|z_l) with the given hidden layers, from below, and its mirror
// p(z_l|z_l+1).
//
// Source: Burda, Grosse & Salakhutdinov 2016, section 2, arXiv:1509.00519.
type Stochastic struct {
	Hidden []int `json:"hidden"`
	Latent int   `json:"latent"`
}

// DefaultConfig is 784-400-20 with ReLU and a Bernoulli likelihood, initialised
// as PyTorch does: the architecture of PyTorch's examples/vae.
func DefaultConfig() Config {
	return Config{Rows: 28, Cols: 28, Hidden: []int{400}, Latent: 20, Activation: "relu", Likelihood: "bernoulli", Init: "pytorch", Seed: 1}
}

// Pixels is X, the number of pixels of an image.
func (c Config) Pixels() int { return c.Rows * c.Cols }

// maxWeights bounds the size of one layer, so that a wrong number is an error
// and not an attempt to allocate it.
const maxWeights = 1 << 28

// flowHidden is the width of a coupling layer's network, maxFlow the largest number
// of layers.
const flowHidden, maxFlow = 100, 64

// Validate returns an error that names the first field that is wrong.
func (c Config) Validate() error {
	if c.Rows < 1 || c.Cols < 1 || c.Rows > 4096 || c.Cols > 4096 {
		return fmt.Errorf("vae: images of %d×%d pixels, want 1 to 4096 rows and columns", c.Rows, c.Cols)
	}
	if c.Latent < 1 {
		return fmt.Errorf("vae: %d latent dimensions, want at least 1", c.Latent)
	}
	if c.Latent > maxWeights {
		return fmt.Errorf("vae: %d latent dimensions, want at most %d", c.Latent, maxWeights)
	}
	in := c.Pixels()
	for i, h := range append(append([]int{}, c.Hidden...), 2*c.Latent) {
		if h < 1 {
			return fmt.Errorf("vae: hidden layer %d has %d units, want at least 1", i, h)
		}
		if h > maxWeights/in {
			return fmt.Errorf("vae: a layer of %d×%d weights, want at most %d", h, in, maxWeights)
		}
		in = h
	}
	below := c.Latent
	for l, a := range c.Above {
		in := below
		for _, h := range append(append([]int{}, a.Hidden...), 2*a.Latent) {
			if h < 1 || h > maxWeights/in {
				return fmt.Errorf("vae: stochastic layer %d has a layer of %d units on %d, want at least 1 and at most %d weights", l+2, h, in, maxWeights)
			}
			in = h
		}
		below = a.Latent
	}
	switch c.Prior {
	case "", "standard":
	case "mixture", "vamp":
		if c.Components < 1 || c.Components > maxWeights/max(below, c.Pixels()) {
			return fmt.Errorf("vae: a %s prior of %d components, want 1 to %d", c.Prior, c.Components, maxWeights/max(below, c.Pixels()))
		}
		if c.Prior == "vamp" && len(c.Above) > 0 {
			return fmt.Errorf("vae: a vamp prior takes one stochastic layer, not %d: its pseudo-inputs are images", 1+len(c.Above))
		}
	default:
		return fmt.Errorf("vae: unknown prior %q: choose standard, mixture or vamp", c.Prior)
	}
	switch {
	case c.Flow < 0 || c.Flow > maxFlow:
		return fmt.Errorf("vae: a flow of %d layers, want 0 for none to %d", c.Flow, maxFlow)
	case c.Flow > 0 && c.Latent < 2:
		return fmt.Errorf("vae: a flow on %d latent dimension, want at least 2", c.Latent)
	case c.Flow > 0 && c.Prior == "vamp":
		return fmt.Errorf("vae: a flow goes with a standard or a mixture prior, not with vamp, which is made of the encoder's Gaussians")
	}
	if _, err := decoder.NewLikelihood(c.Likelihood, c.Sigma, tensor.Float32); err != nil {
		return fmt.Errorf("vae: %w", err)
	}
	if err := nn.CheckNames(c.Activation, c.Init); err != nil {
		return fmt.Errorf("vae: %w", err)
	}
	return nil
}

// Model is a variational autoencoder. Any number of goroutines may use its
// methods at once, as long as none trains it or restores its weights.
type Model struct {
	cfg     Config
	enc     encoder.Encoder   // q(z_1|x), before the flow
	flow    encoder.Flow      // nil for none
	encs    []encoder.Encoder // enc, then q(z_l+1|z_l)
	gens    []encoder.Encoder // p(z_l|z_l+1)
	dec     decoder.Decoder   // p(x|z_1)
	lik     decoder.Likelihood
	prior   Prior
	latent  int   // of z_1
	latents []int // of each stochastic layer
	noise   int   // of all of them
	pixels  int
	outputs int // of the decoder

	// compiled graphs, kept for the next call
	encode, decode, elbo, likelihood, distortion, priorGrad, transform *graph.Rows
	up, down                                                           []*graph.Rows // of the layers above the first
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
	src := stream.New(cfg.Seed, stream.Weights, 0)
	enc, err := encoder.NewMLP(encoder.Config{Pixels: cfg.Pixels(), Latent: cfg.Latent, Hidden: cfg.Hidden,
		Activation: cfg.Activation, Init: cfg.Init}, dt, src)
	if err != nil {
		return nil, fmt.Errorf("vae: %w", err)
	}
	mirror := make([]int, len(cfg.Hidden))
	for i, h := range cfg.Hidden {
		mirror[len(mirror)-1-i] = h
	}
	lik, err := decoder.NewLikelihood(cfg.Likelihood, cfg.Sigma, dt)
	if err != nil {
		return nil, fmt.Errorf("vae: %w", err)
	}
	dec, err := decoder.NewMLP(decoder.Config{Pixels: lik.Outputs(cfg.Pixels()), Latent: cfg.Latent, Hidden: mirror,
		Activation: cfg.Activation, Init: cfg.Init}, dt, src)
	if err != nil {
		return nil, fmt.Errorf("vae: %w", err)
	}
	var above Above
	below := cfg.Latent
	for l, a := range cfg.Above {
		mirror := append([]int{}, a.Hidden...)
		slices.Reverse(mirror)
		up, err := encoder.NewMLP(encoder.Config{Name: fmt.Sprintf("encoder.above.%d", l), Pixels: below, Latent: a.Latent,
			Hidden: a.Hidden, Activation: cfg.Activation, Init: cfg.Init}, dt, src)
		if err != nil {
			return nil, fmt.Errorf("vae: %w", err)
		}
		down, err := encoder.NewMLP(encoder.Config{Name: fmt.Sprintf("decoder.above.%d", l), Pixels: a.Latent, Latent: below,
			Hidden: mirror, Activation: cfg.Activation, Init: cfg.Init}, dt, src)
		if err != nil {
			return nil, fmt.Errorf("vae: %w", err)
		}
		above.Up, above.Down = append(above.Up, up), append(above.Down, down)
		below = a.Latent
	}
	var m *Model
	top := encoder.Encoder(enc)
	if n := len(above.Up); n > 0 {
		top = above.Up[n-1]
	}
	above.Prior, err = newPrior(cfg, top, func(x []float32) (mu, logvar []float32, err error) { return m.Encode(x) }, dt, src)
	if err != nil {
		return nil, err
	}
	if cfg.Flow > 0 {
		above.Flow, err = encoder.NewRealNVP(encoder.FlowConfig{Layers: cfg.Flow, Latent: cfg.Latent, Hidden: flowHidden, Init: cfg.Init}, dt, src)
		if err != nil {
			return nil, fmt.Errorf("vae: %w", err)
		}
	}
	if m, err = AssembleDeep(enc, dec, lik, above); err != nil {
		return nil, err
	}
	m.cfg = cfg
	return m, nil
}

// Above is what AssembleDeep puts above one stochastic layer.
type Above struct {
	Up    []encoder.Encoder // q(z_l+1|z_l), from below
	Down  []encoder.Encoder // p(z_l|z_l+1), as many
	Prior Prior             // of the topmost code; nil for N(0,I)
	Flow  encoder.Flow      // of q(z_1|x); nil for none
}

// Assemble makes a model of parts of one's own. They must agree on the numbers
// of pixels, of what the likelihood needs for them, and of latent dimensions, and their parameters on one precision. Its
// Config tells only what the parts tell: one row of X pixels, the number of dimensions
// of each code, the likelihood.
// Restore brings its saved weights back; Load cannot, for it does not know the
// parts.
func Assemble(enc encoder.Encoder, dec decoder.Decoder, lik decoder.Likelihood) (*Model, error) {
	return AssembleDeep(enc, dec, lik, Above{})
}

// AssembleDeep is Assemble with further stochastic layers and a prior.
func AssembleDeep(enc encoder.Encoder, dec decoder.Decoder, lik decoder.Likelihood, above Above) (*Model, error) {
	xe, ze := enc.Dims()
	zd, xd := dec.Dims()
	if ze != zd || lik.Outputs(xe) != xd {
		return nil, fmt.Errorf("vae: an encoder of %d pixels to %d latent dimensions and a decoder of %d to %d, want %d to %d", xe, ze, zd, xd, ze, lik.Outputs(xe))
	}
	m := &Model{cfg: Config{Rows: 1, Cols: xe, Latent: ze, Likelihood: lik.Name()}, enc: enc, dec: dec, lik: lik, prior: above.Prior, flow: above.Flow,
		encs: append([]encoder.Encoder{enc}, above.Up...), gens: above.Down, latent: ze, pixels: xe, outputs: xd, latents: []int{ze}, noise: ze}
	if len(above.Up) != len(above.Down) {
		return nil, fmt.Errorf("vae: %d encoders and %d decoders above the first", len(above.Up), len(above.Down))
	}
	for l, up := range above.Up {
		below, z := up.Dims()
		if zd, xd := above.Down[l].Dims(); below != m.latents[l] || zd != z || xd != below {
			return nil, fmt.Errorf("vae: stochastic layer %d of %d dimensions, above it an encoder of %d to %d and a decoder of %d to %d", l+1, m.latents[l], below, z, zd, xd)
		}
		m.latents = append(m.latents, z)
		m.cfg.Above = append(m.cfg.Above, Stochastic{Latent: z})
		m.noise += z
	}
	if m.prior == nil {
		m.prior = standard{m.latents[len(m.latents)-1]}
	}
	seen := map[string]bool{}
	for _, p := range m.Params() {
		if len(p.Names) == 0 || p.Value == nil {
			return nil, fmt.Errorf("vae: a parameter without a name or a value")
		}
		if dt := p.Value.Dtype(); dt != m.dtype() || (dt != tensor.Float32 && dt != tensor.Float64) {
			return nil, fmt.Errorf("vae: parameter %s is of %v, want all float32 or all float64", p.Names[0], dt)
		}
		for _, n := range p.Names {
			if seen[n] {
				return nil, fmt.Errorf("vae: two parameters named %s", n)
			}
			seen[n] = true
		}
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("vae: no parameters")
	}
	m.encode, m.decode, m.transform = m.rows(m.buildEncode), m.rows(m.buildDecode), m.rows(m.buildTransform)
	m.elbo, m.likelihood = m.rows(m.buildELBO), m.rows(m.buildLikelihood)
	m.distortion, m.priorGrad = m.rows(m.buildDistortionGrad), m.rows(m.buildPriorGrad)
	for l := range m.gens {
		m.up, m.down = append(m.up, m.rows(buildLayer(m.encs[l+1]))), append(m.down, m.rows(buildLayer(m.gens[l])))
	}
	return m, nil
}

// Config returns what the model was made from.
func (m *Model) Config() Config { return m.cfg }

// Likelihood returns p(x|z)'s family.
func (m *Model) Likelihood() decoder.Likelihood { return m.lik }

// Latents returns the number of dimensions of each stochastic layer, from below.
func (m *Model) Latents() []int { return slices.Clone(m.latents) }

// Noise returns how many numbers of noise a draw of all latent codes takes.
func (m *Model) Noise() int { return m.noise }

// Prior returns the prior of the topmost code.
func (m *Model) Prior() Prior { return m.prior }

// Flow returns the flow on top of q(z_1|x), nil for none.
func (m *Model) Flow() encoder.Flow { return m.flow }

// Params lists all that training changes: the encoder's, then the decoder's, then
// those of the layers above, of the prior, of the likelihood and of the flow.
func (m *Model) Params() []*nn.Param {
	all := append(m.enc.Params(), m.dec.Params()...)
	for l := range m.gens {
		all = append(all, m.encs[l+1].Params()...)
		all = append(all, m.gens[l].Params()...)
	}
	all = append(all, m.prior.Params()...)
	all = append(all, m.lik.Params()...)
	if m.flow != nil {
		all = append(all, m.flow.Params()...)
	}
	return all
}

// analytic reports whether the rate has a closed form: one Gaussian layer under
// N(0,I).
func (m *Model) analytic() bool { return m.sampledFor() == "" }

// sampledFor says what it is in the model that a closed form is not known for.
func (m *Model) sampledFor() string {
	standard := IsStandard(m.prior)
	switch {
	case len(m.encs) > 1:
		return fmt.Sprintf("%d stochastic layers", len(m.encs))
	case m.flow != nil:
		return "a flow"
	case !standard && m.cfg.Prior != "":
		return fmt.Sprintf("a %s prior", m.cfg.Prior)
	case !standard:
		return "a prior of its own"
	}
	return ""
}

func (m *Model) rows(build func(b *graph.Builder, batch int) error) *graph.Rows {
	return graph.NewRows(m.dtype(), build)
}

func (m *Model) dtype() tensor.Dtype { return m.Params()[0].Value.Dtype() }
