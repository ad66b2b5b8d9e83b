package vae

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"gorgonia.org/tensor"

	"govae/dist"
	"govae/encoder"
	"govae/internal/stream"
)

// New makes a model of MLPs with fresh weights: float32, drawn from cfg.Seed.
func New(cfg Config) (*Model, error) { return newModel(cfg, tensor.Float32) }

func newModel(cfg Config, dt tensor.Dtype) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.clone()                           // the caller's stays the caller's
	cfg.Hidden = append([]int{}, cfg.Hidden...) // none is [] in JSON
	for l, a := range cfg.Above {
		cfg.Above[l].Hidden = append([]int{}, a.Hidden...)
	}
	parts, err := cfg.parts(dt)
	if err != nil {
		return nil, prefixed(err)
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
	if s.Posterior, err = known.posterior.make(s); err != nil {
		return p, err
	}
	if p.Encoder, err = known.encoder.make(s); err != nil {
		return p, err
	}
	if s.Likelihood, err = known.likelihood.make(s); err != nil {
		return p, err
	}
	if p.Decoder, err = known.decoder.make(s); err != nil {
		return p, err
	}
	if p.Above, err = c.layers(dt, s.Source); err != nil {
		return p, err
	}
	s.Q = dist.Conditional{Net: p.Encoder, Family: s.Posterior}
	if p.Prior, err = known.prior.make(s); err != nil {
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
