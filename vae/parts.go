package vae

import (
	"fmt"
	"math/rand/v2"

	"gorgonia.org/tensor"

	"govae/decoder"
	"govae/dist"
	"govae/encoder"
	"govae/internal/names"
	"govae/nn"
)

// Spec is what a registered part of a model is made from.
type Spec struct {
	Config              // what the model is to be
	Dtype  tensor.Dtype // of all parameters
	Source rand.Source  // of initial weights: the parts draw from it one after another

	Posterior  dist.Code        // for an encoder: what its outputs are the parameters of
	Likelihood dist.Family      // for a decoder: the same
	Q          dist.Conditional // for a prior: q(z_1|x)
	Code       int              // for a prior: dimensions of the topmost code
}

// Option is one of Config.Options, or a default if it is not set.
func (s Spec) Option(name, standard string) string {
	if v, ok := s.Options[name]; ok {
		return v
	}
	return standard
}

// Part says how a part of a model is made. It is registered under a name, which Config,
// saved models and flags then know.
type Part[T any] struct {
	// New makes the part.
	New func(s Spec) (T, error)
	// Check returns an error if the part does not go with the rest of a configuration;
	// nil for one that goes with all.
	Check func(c Config) error
	// Weights is the least number of weights that the part has, so that a number in a
	// forged file is no reason to allocate them; nil for 0.
	Weights func(c Config) int
	// Components and Sigma say whether the part reads those fields of Config.
	Components, Sigma bool
}

func (p Part[T]) check(c Config) error {
	if p.Check == nil {
		return nil
	}
	return p.Check(c)
}

func (p Part[T]) weights(c Config) int {
	if p.Weights == nil {
		return 0
	}
	return p.Weights(c)
}

var (
	encoders    = names.Registry[Part[nn.Network]]{Kind: "vae: encoder"}
	decoders    = names.Registry[Part[nn.Network]]{Kind: "vae: decoder"}
	posteriors  = names.Registry[Part[dist.Code]]{Kind: "vae: posterior"}
	likelihoods = names.Registry[Part[dist.Family]]{Kind: "vae: likelihood"}
	priors      = names.Registry[Part[dist.Prior]]{Kind: "vae: prior"}
	objectives  = names.Registry[func(Objective) Bound]{Kind: "vae: objective"}
)

// RegisterEncoder adds an encoder under a name, for Config.Encoder. Like all functions that
// register, it is called from an init function. A name that is registered twice is an error
// of whatever asks for it.
func RegisterEncoder(name string, p Part[nn.Network]) { encoders.Register(name, p) }

// RegisterDecoder adds a decoder under a name, for Config.Decoder.
func RegisterDecoder(name string, p Part[nn.Network]) { decoders.Register(name, p) }

// RegisterPosterior adds a family of q(z_1|x) under a name, for Config.Posterior.
func RegisterPosterior(name string, p Part[dist.Code]) { posteriors.Register(name, p) }

// RegisterLikelihood adds a family of p(x|z_1) under a name, for Config.Likelihood.
func RegisterLikelihood(name string, p Part[dist.Family]) { likelihoods.Register(name, p) }

// RegisterPrior adds a prior under a name, for Config.Prior.
func RegisterPrior(name string, p Part[dist.Prior]) { priors.Register(name, p) }

// RegisterObjective adds an objective under a name, for Objective.Name.
func RegisterObjective(name string, make func(Objective) Bound) { objectives.Register(name, make) }

// Names lists the parts that are registered.
type Names struct{ Encoders, Decoders, Posteriors, Likelihoods, Priors, Objectives []string }

// Registered lists the names that there are.
func Registered() Names {
	return Names{encoders.Names(), decoders.Names(), posteriors.Names(), likelihoods.Names(), priors.Names(), objectives.Names()}
}

// Objectives lists the names of the objectives.
func Objectives() []string { return objectives.Names() }

// The parts that a name left empty stands for.
const mlp, normal, standard = "mlp", "normal", "standard"

func either(name, standard string) string {
	if name == "" {
		return standard
	}
	return name
}

// Uses reports which fields of Config the parts that c names read.
func (c Config) Uses() (sigma, components bool) {
	l, _ := likelihoods.Get(c.Likelihood)
	p, _ := priors.Get(either(c.Prior, standard))
	return l.Sigma, p.Components
}

// Domain is that of the likelihood that c names: what pixels may be.
func (c Config) Domain() (dist.Domain, error) {
	l, err := likelihoods.Get(c.Likelihood)
	if err != nil {
		return 0, err
	}
	f, err := l.New(Spec{Config: c, Dtype: tensor.Float32, Source: rand.NewPCG(0, 0)})
	if err != nil {
		return 0, fmt.Errorf("vae: %w", err)
	}
	return f.Domain(), nil
}

// known returns the parts that c names, or the error of the first name that is not known.
func (c Config) known() (k knownParts, err error) {
	if k.encoder, err = encoders.Get(either(c.Encoder, mlp)); err != nil {
		return k, err
	}
	if k.decoder, err = decoders.Get(either(c.Decoder, mlp)); err != nil {
		return k, err
	}
	if k.posterior, err = posteriors.Get(either(c.Posterior, normal)); err != nil {
		return k, err
	}
	if k.likelihood, err = likelihoods.Get(c.Likelihood); err != nil {
		return k, err
	}
	k.prior, err = priors.Get(either(c.Prior, standard))
	return k, err
}

type knownParts struct {
	encoder, decoder Part[nn.Network]
	posterior        Part[dist.Code]
	likelihood       Part[dist.Family]
	prior            Part[dist.Prior]
}

func (k knownParts) check(c Config) error {
	for _, check := range []func(Config) error{k.encoder.check, k.decoder.check, k.posterior.check, k.likelihood.check, k.prior.check} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func (k knownParts) weights(c Config) int {
	return k.encoder.weights(c) + k.decoder.weights(c) + k.posterior.weights(c) + k.likelihood.weights(c) + k.prior.weights(c)
}

func init() {
	RegisterEncoder(mlp, Part[nn.Network]{New: mlpEncoder, Weights: func(c Config) int {
		n, in := 0, c.Pixels()+c.Labels
		for _, h := range c.Hidden {
			n += h * (in + 1)
			in = h
		}
		return n // and the heads, as many as the posterior says; the decoder counts the latent dimensions
	}})
	RegisterDecoder(mlp, Part[nn.Network]{New: mlpDecoder, Weights: func(c Config) int {
		n, in := 0, c.Latent+c.Labels
		for _, h := range mirrored(c.Hidden) {
			n += h * (in + 1)
			in = h
		}
		return n + c.Pixels()*(in+1)
	}})
	RegisterPosterior(normal, Part[dist.Code]{New: func(Spec) (dist.Code, error) { return dist.Normal{}, nil }})
	for _, name := range dist.Likelihoods() {
		RegisterLikelihood(name, Part[dist.Family]{Sigma: dist.UsesSigma(name),
			New:   func(s Spec) (dist.Family, error) { return dist.NewLikelihood(name, s.Sigma, s.Dtype) },
			Check: func(c Config) error { _, err := dist.NewLikelihood(name, c.Sigma, tensor.Float32); return err }})
	}
	RegisterPrior(standard, Part[dist.Prior]{New: func(s Spec) (dist.Prior, error) { return dist.StandardNormal{Dim: s.Code}, nil }})
	RegisterPrior("mixture", Part[dist.Prior]{Components: true, Check: checkComponents,
		New:     func(s Spec) (dist.Prior, error) { return dist.NewMixture(s.Components, s.Code, s.Dtype, s.Source), nil },
		Weights: func(c Config) int { return c.Components * (2*c.top() + 1) }})
}

func checkComponents(c Config) error {
	if most := maxWeights / max(c.top(), c.Pixels()); c.Components < 1 || c.Components > most {
		return fmt.Errorf("a %s prior of %d components, want 1 to %d", c.Prior, c.Components, most)
	}
	return nil
}

func mlpEncoder(s Spec) (nn.Network, error) {
	c := encoder.Config{In: s.Pixels(), Labels: s.Labels, Latent: s.Latent, Hidden: s.Hidden, Activation: s.Activation, Init: s.Init}
	if _, ok := s.Posterior.(dist.Normal); !ok {
		c.Outputs = s.Posterior.Outputs(s.Latent)
	}
	return encoder.NewMLP(c, s.Dtype, s.Source)
}

func mlpDecoder(s Spec) (nn.Network, error) {
	return decoder.NewMLP(decoder.Config{Latent: s.Latent, Labels: s.Labels, Outputs: s.Likelihood.Outputs(s.Pixels()), Hidden: mirrored(s.Hidden),
		Activation: s.Activation, Init: s.Init}, s.Dtype, s.Source)
}
