package traincmd

import (
	"cmp"
	"flag"
	"reflect"
	"strings"

	"govae/command/internal/cli"
	"govae/internal/names"
	"govae/mnist"
	"govae/nn"
	"govae/optim"
	"govae/train"
	"govae/vae"
)

// options are the flags, resolved.
type options struct {
	data, preset string
	config       string
	model        vae.Config
	train        train.Config
	threads      int
	quiet        bool
}

// flags defines all flags on o, whose present values are the defaults.
func flags(o *options) *cli.Flags {
	f := cli.NewFlags("train", "fits a variational autoencoder to MNIST and writes a run directory.\n"+
		"With no flags: 784-400-20, 10 epochs on all 60,000 images, into runs/mnist.")
	f.Group("Data")
	f.StringVar(&o.data, "data", o.data, "`DIR` with the four MNIST files, or others of that format; if empty, $MNIST_DIR, else GoMNIST's own copy of MNIST")
	f.StringVar((*string)(&o.train.Binarize), "binarize", string(o.train.Binarize), "`HOW` grey pixels become binary: none, dynamic, threshold or fixed")
	f.IntVar(&o.train.Limit, "limit", o.train.Limit, "use only the first `N` training images; 0 for all")
	f.IntVar(&o.train.Validation, "validation", o.train.Validation, "hold the last `N` training images out; their ELBO chooses best.safetensors")

	f.IntVar(&o.train.Patience, "patience", o.train.Patience, "stop after `N` epochs without a better ELBO of the held out images; 0 for never")

	f.Group("Model")
	f.IntVar(&o.model.Latent, "latent", o.model.Latent, "`N` latent dimensions")
	f.Var((*cli.Ints)(&o.model.Hidden), "hidden", "`SIZES` of the encoder's hidden layers, with commas; the decoder mirrors them")
	f.StringVar(&o.model.Activation, "activation", o.model.Activation, "`NAME` of the hidden layers' nonlinearity: "+names.List(nn.Activations()))
	parts := vae.Registered()
	f.StringVar(&o.model.Encoder, "encoder", o.model.Encoder, "`NAME` of the network of q(z|x): "+names.List(parts.Encoders)+"; if empty, mlp")
	f.StringVar(&o.model.Decoder, "decoder", o.model.Decoder, "`NAME` of the network of p(x|z): "+names.List(parts.Decoders)+"; if empty, mlp")
	f.StringVar(&o.model.Posterior, "posterior", o.model.Posterior, "`NAME` of the family of q(z|x): "+names.List(parts.Posteriors)+"; if empty, normal")
	f.StringVar(&o.model.Likelihood, "likelihood", o.model.Likelihood, "`NAME` of p(x|z): "+names.List(parts.Likelihoods)+"; all but bernoulli are of grey pixels (-binarize none)")
	f.IntVar(&o.model.Labels, "labels", o.model.Labels, "give the networks each image's label, one of `N`: p(x|y); 0 for none")
	f.Var((*settings)(&o.model.Options), "option", "`NAME=VALUE` of a part that a program has registered; several with commas")
	f.Float64Var(&o.model.Sigma, "sigma", o.model.Sigma, "`S`, standard deviation of a gaussian likelihood: fixed, where a learned one starts, or the least of one for each pixel; of laplace the least scale")
	f.StringVar(&o.model.Init, "init", o.model.Init, "`NAME` of the initialisation: "+names.List(nn.Inits()))
	f.Var((*above)(&o.model.Above), "above", "`LAYERS` of further latent codes, from below, such as 100,100:50: hidden sizes, then the code's; several with semicolons")
	f.StringVar(&o.model.Prior, "prior", o.model.Prior, "`NAME` of p(z): "+names.List(parts.Priors)+"; if empty, standard: N(0,I)")
	f.IntVar(&o.model.Components, "components", o.model.Components, "`N` components of a prior that has any, which must be given with one")

	f.IntVar(&o.model.Flow, "flow", o.model.Flow, "`N` coupling layers of a RealNVP flow on top of q(z|x), 0 for none; goes with any -objective but elbo")

	f.Group("Objective")
	f.StringVar(&o.train.Objective.Name, "objective", o.train.Objective.Name, "`NAME` of the bound to raise: "+names.List(parts.Objectives))
	f.IntVar(&o.train.Objective.K, "k", o.train.Objective.K, "`K` draws of z that the bound is made of")
	f.IntVar(&o.train.Objective.M, "m", o.train.Objective.M, "`M` bounds that miwae averages")
	f.IntVar(&o.train.Objective.Backward, "backward", o.train.Objective.Backward, "`N` of the K draws that the gradient goes through, chosen by their weights, for speed; 0 for all")
	f.IntVar(&o.train.WarmupK, "warmup-k", o.train.WarmupK, "`EPOCHS` at the start in which k is 1, for speed")
	f.Float64Var(&o.train.Beta, "beta", o.train.Beta, "`B`, factor of the KL term in the loss")
	f.Float64Var(&o.train.Warmup, "warmup", o.train.Warmup, "`EPOCHS` over which that factor rises from 0")
	f.Float64Var(&o.train.WarmupAbove, "warmup-above", o.train.WarmupAbove, "`EPOCHS` over which the share of the layers above the first in the KL rises from 0")
	f.IntVar(&o.train.Cycles, "cycles", o.train.Cycles, "`N` times in the run that factor rises from 0, instead of a warm-up; 0 for none")
	f.Float64Var(&o.train.Ramp, "ramp", o.train.Ramp, "`PART` of a cycle in which it rises, above 0 and at most 1")
	f.Float64Var(&o.train.FreeBits, "free-bits", o.train.FreeBits, "`NATS` of KL that each latent dimension has for free")
	f.Float64Var(&o.train.Capacity, "capacity", o.train.Capacity, "`NATS` of KL per image that training ends at, the KL term then being gamma·|KL − target|; 0 for none")
	f.Float64Var(&o.train.CapacityEpochs, "capacity-epochs", o.train.CapacityEpochs, "`EPOCHS` over which that target rises from 0")
	f.Float64Var(&o.train.Gamma, "gamma", o.train.Gamma, "`G`, factor of the KL's distance from that target")

	f.Group("Optimisation")
	f.IntVar(&o.train.Epochs, "epochs", o.train.Epochs, "`N` passes over the training images")
	f.IntVar(&o.train.Batch, "batch", o.train.Batch, "`N` images a step")
	f.Float64Var(&o.train.LR, "lr", o.train.LR, "`RATE`, the step size at its highest")
	f.StringVar(&o.train.Optimizer, "optimizer", o.train.Optimizer, "`NAME` of the optimiser: "+names.List(optim.Names()))
	f.Float64Var(&o.train.WeightDecay, "weight-decay", o.train.WeightDecay, "`PART` of each weight that adamw takes off, times the step size, such as 0.01")
	f.Float64Var(&o.train.Momentum, "momentum", o.train.Momentum, "`PART` of the velocity that sgd and nesterov keep from step to step, such as 0.9")
	f.StringVar(&o.train.Schedule, "schedule", o.train.Schedule, "`NAME` of the step size's schedule: "+names.List(optim.Schedules()))
	f.BoolVar(&o.train.ScheduleSteps, "schedule-steps", o.train.ScheduleSteps, "have it count steps instead of draws of z, so that it falls while -warmup-k lasts")
	f.Float64Var(&o.train.Clip, "clip", o.train.Clip, "`NORM` that the gradient is clipped to; 0 for no clipping")
	f.Uint64Var(&o.train.Seed, "seed", o.train.Seed, "`SEED` of everything random")
	f.StringVar(&o.preset, "preset", o.preset, "published `RECIPE` that other flags then change: "+strings.Join(train.Presets(), ", "))

	f.StringVar(&o.config, "config", o.config, "`FILE` of settings that other flags then change, such as another run's config.json, in the place of a preset")

	f.Group("Run")
	f.StringVar(&o.train.Out, "out", o.train.Out, "`DIR` of the run, made if it is not there")
	f.BoolVar(&o.train.Resume, "resume", o.train.Resume, "go on with the run in -out, with its settings; a larger -epochs prolongs it")
	f.BoolVar(&o.train.AnyMachine, "any-machine", o.train.AnyMachine, "with -resume: go on also on another kind of machine than the run was on, where the last digits differ")
	f.IntVar(&o.threads, "threads", o.threads, "use `N` cores; 0 for all. The result does not depend on it")
	f.BoolVar(&o.quiet, "quiet", o.quiet, "print nothing but errors")
	return f
}

// parse resolves the flags: what was given on the command line overrides the
// preset; if a run is resumed, it must agree with the settings of that run.
func parse(args []string) (*options, error) {
	o := initial("default")
	f := flags(&o)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	given := f.Given()
	switch _, _, err := train.Preset(o.preset); {
	case err != nil:
		return nil, cli.Usage(err)
	case o.train.Out == "":
		return nil, cli.Usagef("train: -out is empty, want a directory")
	case o.threads < 0:
		return nil, cli.Usagef("train: threads is %d, want at least 0", o.threads)
	}
	start := initial(o.preset)
	if o.config != "" {
		if _, ok := given["preset"]; ok {
			return nil, cli.Usagef("train: -preset %s and -config %s: want one of them", o.preset, o.config)
		}
		s, err := train.ReadConfig(o.config)
		if err != nil {
			return nil, err
		}
		start = start.of(s)
	}
	o = start
	f.Again(given)
	o.model.Seed = o.train.Seed
	if o.train.Resume {
		if err := resume(&o, f, given); err != nil {
			return nil, err
		}
	}
	if err := o.unused(given); err != nil {
		return nil, err
	}
	o = o.settled()
	if k, m := o.train.Objective.K, o.train.Objective.M; k < 1 || m < 1 {
		return nil, cli.Usagef("train: k is %d and m is %d, want at least 1", k, m)
	}
	if err := o.train.Validate(); err != nil {
		return nil, f.Error(err)
	}
	if err := o.model.Validate(); err != nil {
		return nil, f.Error(err)
	}
	if domain, err := o.model.Domain(); err != nil {
		return nil, cli.Usage(err)
	} else if !domain.Binarised() && o.train.Binarize != mnist.None {
		return nil, cli.Usagef("train: a %s likelihood is of grey pixels: it goes with -binarize none, not %s", o.model.Likelihood, o.train.Binarize)
	}
	return &o, nil
}

// initial is what a preset says, and the defaults of what it does not.
func initial(preset string) options {
	o := options{preset: preset}
	o.model, o.train, _ = train.Preset(preset)
	o.train.Optimizer = cmp.Or(o.train.Optimizer, optim.Default)
	o.train.Objective = o.train.Objective.Whole()
	o.model.Sigma, o.train.Out = 0.3, "runs/mnist"
	o.train.Ramp, o.train.Gamma = 0.5, 1000 // Fu et al. 2019; Burgess et al. 2018
	return o
}

// of is o with the settings of a run. Those that no flag showed are as in o.
func (o options) of(s train.Settings) options {
	sigma, ramp, gamma, out := o.model.Sigma, o.train.Ramp, o.train.Gamma, o.train.Out
	o.model, o.train = s.Model, s.Train
	o.model.Sigma, o.train.Ramp, o.train.Gamma = cmp.Or(o.model.Sigma, sigma), cmp.Or(o.train.Ramp, ramp), cmp.Or(o.train.Gamma, gamma)
	o.train.Objective, o.train.Optimizer, o.train.Out = o.train.Objective.Whole(), cmp.Or(o.train.Optimizer, optim.Default), out
	return o
}

// settled is o without the values that nothing reads.
func (o options) settled() options {
	sigma, components := o.model.Uses()
	if !sigma {
		o.model.Sigma = 0
	}
	if !components {
		o.model.Components = 0
	}
	if o.train.Cycles == 0 {
		o.train.Ramp = 0
	}
	if o.train.Capacity == 0 {
		o.train.Gamma = 0
	}
	return o
}

// unused returns an error if a flag was given whose value nothing reads.
func (o options) unused(given map[string]string) error {
	sigma, components := o.model.Uses()
	likelihoods, priors := users()
	for _, f := range []struct {
		name string
		off  bool
		want string
	}{
		{"sigma", !sigma, "-likelihood " + names.List(likelihoods)},
		{"components", !components && o.model.Components != 0, "-prior " + names.List(priors)},
		{"ramp", o.train.Cycles == 0, "-cycles"},
		{"capacity-epochs", o.train.Capacity == 0, "-capacity"},
		{"gamma", o.train.Capacity == 0, "-capacity"},
		{"schedule-steps", o.train.ScheduleSteps && (o.train.WarmupK == 0 || !optim.UsesLength(o.train.Schedule)), "-warmup-k and a -schedule that falls"},
	} {
		if text, ok := given[f.name]; ok && f.off {
			return cli.Usagef("train: -%s %s without %s", f.name, text, f.want)
		}
	}
	return nil
}

// users lists the likelihoods that read sigma, and the priors that read components.
func users() (likelihoods, priors []string) {
	parts := vae.Registered()
	for _, name := range parts.Likelihoods {
		if sigma, _ := (vae.Config{Likelihood: name}).Uses(); sigma {
			likelihoods = append(likelihoods, name)
		}
	}
	for _, name := range parts.Priors {
		if _, components := (vae.Config{Prior: name}).Uses(); components {
			priors = append(priors, name)
		}
	}
	return likelihoods, priors
}

// resume makes o the options of the run in -out. Flags that were given (with a preset or
// -config: all flags) must agree with it. One that changes no setting, such as -threads, agrees.
func resume(o *options, f *cli.Flags, given map[string]string) error {
	now, texts := *o, f.Texts()
	s, err := train.ReadSettings(now.train.Out)
	if err != nil {
		return err
	}
	was := now.of(s)
	was.train.Out, was.train.Resume, was.train.AnyMachine = now.train.Out, true, now.train.AnyMachine
	if _, ok := given["data"]; !ok {
		was.data = s.Place
	}
	_, preset := given["preset"]
	_, config := given["config"]
	f.VisitAll(func(g *flag.Flag) {
		if _, ok := given[g.Name]; !ok && !preset && !config || err != nil {
			return
		}
		*o = was
		had := g.Value.String()
		f.Set(g.Name, texts[g.Name]) // cannot fail: the flag has had this text
		why := ""
		if g.Name == "epochs" {
			if was.train.CanGrow() {
				return
			}
			why = ", for its schedules are of them"
		}
		if !reflect.DeepEqual(o.result(), was.result()) {
			err = cli.Usagef("train: the run in %s has -%s %s: it cannot go on with %s%s", was.train.Out, g.Name, had, texts[g.Name], why)
		}
	})
	*o = was
	if _, ok := given["epochs"]; ok {
		o.train.Epochs = now.train.Epochs
	}
	return err
}

// result is all of o that the result of a run depends on.
func (o options) result() options {
	o = o.settled()
	o.data, o.preset, o.config, o.threads, o.quiet, o.train.Out, o.train.AnyMachine = "", "", "", 0, false, "", false
	return o
}
