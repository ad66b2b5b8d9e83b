package vae

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

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

// Option is one of Config.Options, or a default if it is not set. It panics if no part that Config
// names lists the option, which could then not be set; in New and Check of a Part that becomes an
// error of whoever makes the model.
func (s Spec) Option(name, standard string) string {
	if k, err := s.known(); err == nil && !slices.Contains(k.options(), name) {
		panic(fmt.Sprintf("option %q is read, and not listed in Part.Options", name))
	}
	return s.Options.Get(name, standard)
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
	// Options are the names of those of Config.Options that the part reads. A name that several
	// parts list is one option, which all of them read.
	Options []string
	// Components and Sigma say whether the part reads those fields of Config.
	Components, Sigma bool

	name string // kind and name, once it is registered
}

func (p Part[T]) named(kind, name string) Part[T] {
	p.name = kind + " " + name
	return p
}

func (p Part[T]) make(s Spec) (t T, err error) {
	if p.New == nil {
		return t, fmt.Errorf("vae: %s is registered without New", p.name)
	}
	return asked(p.name, func() (t T, err error) {
		if t, err = p.New(s); err == nil && !absent(t) {
			err = validate(t)
		}
		return t, err
	})
}

// with is the part as a configuration alone makes it, to be asked for its sizes.
func (p Part[T]) with(c Config) (T, error) {
	return p.make(Spec{Config: c, Dtype: tensor.Float32, Source: rand.NewPCG(0, 0)})
}

func (p Part[T]) check(c Config) error {
	if p.Check == nil {
		return nil
	}
	_, err := asked(p.name, func() (bool, error) { return true, p.Check(c) })
	return err
}

func (p Part[T]) weights(c Config) (int, error) {
	if p.Weights == nil {
		return 0, nil
	}
	return asked(p.name, func() (int, error) { return p.Weights(c), nil })
}

var (
	encoders    = names.Registry[Part[nn.Network]]{Kind: "vae: encoder"}
	decoders    = names.Registry[Part[nn.Network]]{Kind: "vae: decoder"}
	posteriors  = names.Registry[Part[dist.Code]]{Kind: "vae: posterior"}
	likelihoods = names.Registry[Part[dist.Family]]{Kind: "vae: likelihood"}
	priors      = names.Registry[Part[dist.Prior]]{Kind: "vae: prior"}
	objectives  = names.Registry[objective]{Kind: "vae: objective"}
)

// objective is how a Bound is made, and the names of the options that it reads.
type objective struct {
	make    func(Objective) Bound
	options []string
}

// RegisterEncoder adds an encoder under a name, for Config.Encoder. Like all functions that
// register, it is called from an init function. A name that is registered twice is an error
// of whatever asks for it. So is a panic in a function of the part, or a nil that it gives.
func RegisterEncoder(name string, p Part[nn.Network]) {
	encoders.Register(name, p.named("encoder", name))
}

// RegisterDecoder adds a decoder under a name, for Config.Decoder.
func RegisterDecoder(name string, p Part[nn.Network]) {
	decoders.Register(name, p.named("decoder", name))
}

// RegisterPosterior adds a family of q(z_1|x) under a name, for Config.Posterior.
func RegisterPosterior(name string, p Part[dist.Code]) {
	posteriors.Register(name, p.named("posterior", name))
}

// RegisterLikelihood adds a family of p(x|z_1) under a name, for Config.Likelihood.
func RegisterLikelihood(name string, p Part[dist.Family]) {
	likelihoods.Register(name, p.named("likelihood", name))
}

// RegisterPrior adds a prior under a name, for Config.Prior.
func RegisterPrior(name string, p Part[dist.Prior]) {
	priors.Register(name, p.named("prior", name))
}

// RegisterObjective adds an objective under a name, for Objective.Name, and the names of
// the options that it reads, for Objective.Options.
func RegisterObjective(name string, make func(Objective) Bound, options ...string) {
	if make == nil {
		make = func(Objective) Bound {
			return noBound{fmt.Errorf("vae: objective %s is registered without a function", name)}
		}
	}
	objectives.Register(name, objective{make, options})
}

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

// Uses reports which fields of Config the parts that c names read.
func (c Config) Uses() (sigma, components bool) {
	l, _ := likelihoods.Get(c.Likelihood)
	p, _ := priors.Get(cmp.Or(c.Prior, standard))
	return l.Sigma, p.Components
}

// Domain is that of the likelihood that c names: what pixels may be.
func (c Config) Domain() (dist.Domain, error) {
	l, err := likelihoods.Get(c.Likelihood)
	if err != nil {
		return 0, err
	}
	f, err := l.with(c)
	if err != nil {
		return 0, prefixed(err)
	}
	return f.Domain(), nil
}

// known returns the parts that c names, or an error of all names that are not known.
func (c Config) known() (k knownParts, err error) {
	var errs [6]error
	k.encoder, errs[0] = encoders.Get(cmp.Or(c.Encoder, mlp))
	k.decoder, errs[1] = decoders.Get(cmp.Or(c.Decoder, mlp))
	k.posterior, errs[2] = posteriors.Get(cmp.Or(c.Posterior, normal))
	k.likelihood, errs[3] = likelihoods.Get(c.Likelihood)
	k.prior, errs[4] = priors.Get(cmp.Or(c.Prior, standard))
	if errs[5] = nn.CheckNames(c.Activation, c.Init); errs[5] != nil {
		errs[5] = fmt.Errorf("vae: %w", errs[5])
	}
	for _, e := range errs {
		switch {
		case err == nil:
			err = e
		case e != nil:
			err = fmt.Errorf("%w; %s", err, strings.TrimPrefix(e.Error(), "vae: "))
		}
	}
	if err != nil && strings.Contains(err.Error(), "unknown ") { // other errors are of what is there
		err = fmt.Errorf("%w, or import the package that registers it", err)
	}
	return k, err
}

// prefixed is an error of a part, which may begin with "vae:" or not, as one that does.
func prefixed(err error) error {
	if err == nil || strings.HasPrefix(err.Error(), "vae: ") {
		return err
	}
	return fmt.Errorf("vae: %w", err)
}

type knownParts struct {
	encoder, decoder Part[nn.Network]
	posterior        Part[dist.Code]
	likelihood       Part[dist.Family]
	prior            Part[dist.Prior]
}

// options are the names of the options that the parts read, in alphabetical order.
func (k knownParts) options() []string {
	return sorted(k.encoder.Options, k.decoder.Options, k.posterior.Options, k.likelihood.Options, k.prior.Options)
}

// check asks each part whether it goes with the configuration, and whether the options are
// those of one of them.
func (k knownParts) check(c Config) error {
	if err := c.Options.only("the model's parts", k.options()...); err != nil {
		return err
	}
	for _, check := range []func(Config) error{k.encoder.check, k.decoder.check, k.posterior.check, k.likelihood.check, k.prior.check} {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func (k knownParts) weights(c Config) (n int, err error) {
	for _, weights := range []func(Config) (int, error){k.encoder.weights, k.decoder.weights, k.posterior.weights, k.likelihood.weights, k.prior.weights} {
		part, err := weights(c)
		if err != nil {
			return 0, err
		}
		n += part
	}
	return n, nil
}

func init() {
	RegisterEncoder(mlp, Part[nn.Network]{New: mlpEncoder,
		Check: func(c Config) error {
			if err := CheckHidden(c); err != nil {
				return err
			}
			outputs, err := c.codeParams()
			if err != nil {
				return err
			}
			if most := maxWeights / c.encoderLast(); outputs < 1 || outputs > most {
				return fmt.Errorf("the %s posterior of %d latent dimensions takes %d outputs of the encoder, want 1 to %d", cmp.Or(c.Posterior, normal), c.Latent, outputs, most)
			}
			return nil
		},
		Weights: func(c Config) int {
			n, in := 0, c.Pixels()+c.Labels
			for _, h := range c.Hidden {
				n += h * (in + 1)
				in = h
			}
			outputs, _ := c.codeParams()
			return n + outputs*(in+1)
		}})
	RegisterDecoder(mlp, Part[nn.Network]{New: mlpDecoder, Check: CheckHidden, Weights: func(c Config) int {
		n, in := 0, c.Latent+c.Labels
		for _, h := range mirrored(c.Hidden) {
			n += h * (in + 1)
			in = h
		}
		return n + c.Pixels()*(in+1)
	}})
	for _, f := range []dist.Code{dist.Normal{}, dist.Laplace{}, dist.FullNormal{}} {
		RegisterPosterior(f.Name(), Part[dist.Code]{New: func(Spec) (dist.Code, error) { return f, nil }})
	}
	for _, f := range []dist.Family{dist.Bernoulli{}, dist.ContinuousBernoulli{}, dist.Logistic256{}} {
		RegisterLikelihood(f.Name(), Part[dist.Family]{New: func(Spec) (dist.Family, error) { return f, nil }})
	}
	for _, of := range []func(sigma float64) dist.Family{
		func(sigma float64) dist.Family { return dist.Gaussian{Sigma: sigma} },
		func(sigma float64) dist.Family { return dist.GaussianPixel{MinSigma: sigma} },
		func(sigma float64) dist.Family { return dist.LaplacePixel{MinScale: sigma} },
	} {
		RegisterLikelihood(of(0).Name(), Part[dist.Family]{Sigma: true, New: func(s Spec) (dist.Family, error) { return of(s.Sigma), nil },
			Check: func(c Config) error { return validate(of(c.Sigma)) }})
	}
	learned := func(s Spec) (dist.Family, error) { return dist.NewGaussianLearned(cmp.Or(s.Sigma, 1), s.Dtype) }
	RegisterLikelihood(dist.GaussianLearned{}.Name(), Part[dist.Family]{Sigma: true, New: learned,
		Check: func(c Config) error { _, err := learned(Spec{Config: c, Dtype: tensor.Float32}); return err }})
	RegisterPrior(standard, Part[dist.Prior]{New: func(s Spec) (dist.Prior, error) { return dist.StandardNormal{Dim: s.Code}, nil }})
	RegisterPrior("mixture", Part[dist.Prior]{Components: true, Check: checkComponents,
		New:     func(s Spec) (dist.Prior, error) { return dist.NewMixture(s.Components, s.Code, s.Dtype, s.Source) },
		Weights: func(c Config) int { return c.Components * (2*c.top() + 1) }})
}

func checkComponents(c Config) error {
	if most := maxWeights / max(c.top(), c.Pixels()); c.Components < 1 || c.Components > most {
		return fmt.Errorf("the %s prior of %d components, want 1 to %d", c.Prior, c.Components, most)
	}
	return nil
}

// codeParams is the number of parameters of the posterior that c names.
func (c Config) codeParams() (int, error) {
	p, err := posteriors.Get(cmp.Or(c.Posterior, normal))
	if err != nil {
		return 0, err
	}
	f, err := p.with(c)
	if err != nil {
		return 0, err
	}
	return f.Outputs(c.Latent), nil
}

// encoderLast is the width of what the last layer of the encoder sees.
func (c Config) encoderLast() int {
	if n := len(c.Hidden); n > 0 {
		return c.Hidden[n-1]
	}
	return c.Pixels() + c.Labels
}

func mlpEncoder(s Spec) (nn.Network, error) {
	outputs := s.Posterior.Outputs(s.Latent)
	if _, ok := s.Posterior.(dist.Normal); ok {
		outputs = 0 // heads mu and logvar
	}
	return encoder.NewMLP(encoder.Config{In: s.Pixels(), Labels: s.Labels, Latent: s.Latent, Outputs: outputs, Hidden: s.Hidden,
		Activation: s.Activation, Init: s.Init}, s.Dtype, s.Source)
}

func mlpDecoder(s Spec) (nn.Network, error) {
	return decoder.NewMLP(decoder.Config{Latent: s.Latent, Labels: s.Labels, Outputs: s.Likelihood.Outputs(s.Pixels()), Hidden: mirrored(s.Hidden),
		Activation: s.Activation, Init: s.Init}, s.Dtype, s.Source)
}
