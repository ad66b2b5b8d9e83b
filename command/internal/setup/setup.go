// Package setup is the model and its training as flags say them, for the commands that train:
// the flags, what they start from, and what does not go together.
package setup

import (
	"slices"
	"strings"

	"govae/command/internal/cli"
	"govae/dist"
	"govae/internal/names"
	"govae/nn"
	"govae/optim"
	"govae/train"
	"govae/vae"
)

// Setup is what the flags set.
type Setup struct {
	Model  vae.Config
	Train  train.Config
	Preset string // the recipe that it starts from
	Config string // the file of settings that it starts from instead; "" for none

	options options // until part gives them to Model and to Train.Objective
	k       string  // the flag of Train.Objective.K
}

// DataFlags defines those of what the model is trained on, whose present values are the
// defaults, as with all flags here.
func (s *Setup) DataFlags(f *cli.Flags) {
	f.StringVar((*string)(&s.Train.Binarize), "binarize", string(s.Train.Binarize), "`HOW` grey pixels become binary: none, dynamic, threshold or fixed")
	f.IntVar(&s.Train.Limit, "limit", s.Train.Limit, "use only the first `N` training images; 0 for all")
}

// ModelFlags defines those of the model.
func (s *Setup) ModelFlags(f *cli.Flags) {
	parts := vae.Registered()
	likelihoods, priors := users()
	f.IntVar(&s.Model.Latent, "latent", s.Model.Latent, "`N` latent dimensions")
	f.Var((*cli.Ints)(&s.Model.Hidden), "hidden", "`SIZES` of the encoder's hidden layers, with commas; the decoder mirrors them")
	f.StringVar(&s.Model.Activation, "activation", s.Model.Activation, "`NAME` of the hidden layers' nonlinearity: "+names.List(nn.Activations()))
	f.StringVar(&s.Model.Encoder, "encoder", s.Model.Encoder, "`NAME` of the network of q(z|x): "+names.List(parts.Encoders)+"; if empty, mlp")
	f.StringVar(&s.Model.Decoder, "decoder", s.Model.Decoder, "`NAME` of the network of p(x|z): "+names.List(parts.Decoders)+"; if empty, mlp")
	f.StringVar(&s.Model.Posterior, "posterior", s.Model.Posterior, "`NAME` of the family of q(z|x): "+names.List(parts.Posteriors)+"; if empty, normal")
	f.StringVar(&s.Model.Likelihood, "likelihood", s.Model.Likelihood, "`NAME` of p(x|z): "+names.List(parts.Likelihoods)+likelihoodHelp(parts.Likelihoods))
	f.IntVar(&s.Model.Labels, "labels", s.Model.Labels, "give the networks each image's label, one of `N`: p(x|y); 0 for none")
	f.Var(&s.options, "option", "`NAME=VALUE` of a part of the model or of the objective; several with commas, or with the flag again: "+optionHelp())
	f.Float64Var(&s.Model.Sigma, "sigma", s.Model.Sigma, "`S`, scale of p(x|z), where 1 is the range of a pixel: fixed, where a learned one starts, or the least of one for each pixel; of "+names.List(likelihoods))
	f.StringVar(&s.Model.Init, "init", s.Model.Init, "`NAME` of the initialisation: "+names.List(nn.Inits()))
	f.Var((*above)(&s.Model.Above), "above", "`LAYERS` of further latent codes, from below, such as 100,100:50: hidden sizes, then the code's; several with semicolons")
	f.StringVar(&s.Model.Prior, "prior", s.Model.Prior, "`NAME` of p(z): "+names.List(parts.Priors)+"; if empty, standard: N(0,I)")
	f.IntVar(&s.Model.Components, "components", s.Model.Components, "`N` components of a prior that has any, which must be given with it: "+names.List(priors))
	f.IntVar(&s.Model.Flow, "flow", s.Model.Flow, "`N` coupling layers of a RealNVP flow on top of q(z|x), 0 for none; goes with any -objective but elbo")
}

// likelihoodHelp says which likelihoods are of grey pixels, by what each says it is of.
func likelihoodHelp(all []string) string {
	grey := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		c := vae.DefaultConfig()
		c.Likelihood, c.Sigma = name, sigma
		domain, err := c.Domain()
		return err != nil || domain.Binarised()
	})
	if len(grey) == 0 {
		return ""
	}
	return "; with -binarize none: " + strings.Join(grey, ", ")
}

// ObjectiveFlags defines those of the bound and of how the KL term counts in it, but for
// beta. k is the name of the flag of its draws.
func (s *Setup) ObjectiveFlags(f *cli.Flags, k string) {
	s.k = k
	f.StringVar(&s.Train.Objective.Name, "objective", s.Train.Objective.Name, "`NAME` of the bound to raise: "+names.List(vae.Objectives()))
	f.IntVar(&s.Train.Objective.K, k, s.Train.Objective.K, "`K` draws of z that the bound is made of")
	f.IntVar(&s.Train.Objective.M, "m", s.Train.Objective.M, "`M` bounds that miwae averages")
	f.IntVar(&s.Train.Objective.Backward, "backward", s.Train.Objective.Backward, "`N` of the K draws that the gradient goes through, chosen by their weights, for speed; 0 for all")
	f.IntVar(&s.Train.WarmupK, "warmup-k", s.Train.WarmupK, "`EPOCHS` at the start in which k is 1, for speed")
	f.Float64Var(&s.Train.Warmup, "warmup", s.Train.Warmup, "`EPOCHS` over which the factor of the KL term, beta, rises from 0")
	f.Float64Var(&s.Train.WarmupAbove, "warmup-above", s.Train.WarmupAbove, "`EPOCHS` over which the share of the layers above the first in the KL rises from 0")
	f.IntVar(&s.Train.Cycles, "cycles", s.Train.Cycles, "`N` times in the run that factor rises from 0, instead of a warm-up; 0 for none")
	f.Float64Var(&s.Train.Ramp, "ramp", s.Train.Ramp, "`PART` of a cycle in which it rises, above 0 and at most 1")
	f.Float64Var(&s.Train.FreeBits, "free-bits", s.Train.FreeBits, "`NATS` of KL that each latent dimension has for free")
	f.Float64Var(&s.Train.Capacity, "capacity", s.Train.Capacity, "`NATS` of KL per image that training ends at, the KL term then being gamma·|KL − target|; 0 for none")
	f.Float64Var(&s.Train.CapacityEpochs, "capacity-epochs", s.Train.CapacityEpochs, "`EPOCHS` over which that target rises from 0")
	f.Float64Var(&s.Train.Gamma, "gamma", s.Train.Gamma, "`G`, factor of the KL's distance from that target")
}

// OptimisationFlags defines those of the steps, of the seed, and of what all starts from.
func (s *Setup) OptimisationFlags(f *cli.Flags) {
	f.IntVar(&s.Train.Epochs, "epochs", s.Train.Epochs, "`N` passes over the training images")
	f.IntVar(&s.Train.Batch, "batch", s.Train.Batch, "`N` images a step")
	f.Float64Var(&s.Train.LR, "lr", s.Train.LR, "`RATE`, the step size at its highest")
	f.StringVar(&s.Train.Optimizer, "optimizer", s.Train.Optimizer, "`NAME` of the optimiser: "+names.List(optim.Names()))
	f.Float64Var(&s.Train.WeightDecay, "weight-decay", s.Train.WeightDecay, "`PART` of each weight that adamw takes off, times the step size, such as 0.01")
	f.Float64Var(&s.Train.Momentum, "momentum", s.Train.Momentum, "`PART` of the velocity that sgd and nesterov keep from step to step, such as 0.9")
	f.StringVar(&s.Train.Schedule, "schedule", s.Train.Schedule, "`NAME` of the step size's schedule: "+names.List(optim.Schedules()))
	f.BoolVar(&s.Train.ScheduleSteps, "schedule-steps", s.Train.ScheduleSteps, "have it count steps instead of draws of z, so that it falls while -warmup-k lasts")
	f.Float64Var(&s.Train.Clip, "clip", s.Train.Clip, "`NORM` that the gradient is clipped to; 0 for no clipping")
	f.Uint64Var(&s.Train.Seed, "seed", s.Train.Seed, "`SEED` of everything random")
	f.StringVar(&s.Preset, "preset", s.Preset, "published `RECIPE` that other flags then change: "+strings.Join(train.Presets(), ", "))
	f.StringVar(&s.Config, "config", s.Config, "`FILE` of settings that other flags then change, such as another run's config.json, in the place of a preset")
}

// Label describes the binarisation, as far as it matters to the likelihood.
func (s *Setup) Label() string {
	domain, err := s.Model.Domain()
	return s.Train.Binarize.LabelOf(err != nil || domain == dist.Binary)
}
