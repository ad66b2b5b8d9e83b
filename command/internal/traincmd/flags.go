package traincmd

import (
	"cmp"
	"flag"
	"slices"
	"strings"

	"govae/command/internal/cli"
	"govae/dist"
	"govae/internal/names"
	"govae/mnist"
	"govae/optim"
	"govae/train"
	"govae/vae"
)

// options are the flags, resolved.
type options struct {
	data, preset string
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
	f.StringVar(&o.model.Activation, "activation", o.model.Activation, "`NAME` of the hidden layers' nonlinearity: relu, tanh, softplus or gated")
	parts := vae.Registered()
	f.StringVar(&o.model.Encoder, "encoder", o.model.Encoder, "`NAME` of the network of q(z|x): "+names.List(parts.Encoders)+"; if empty, mlp")
	f.StringVar(&o.model.Decoder, "decoder", o.model.Decoder, "`NAME` of the network of p(x|z): "+names.List(parts.Decoders)+"; if empty, mlp")
	f.StringVar(&o.model.Posterior, "posterior", o.model.Posterior, "`NAME` of the family of q(z|x): "+names.List(parts.Posteriors)+"; if empty, normal")
	f.StringVar(&o.model.Likelihood, "likelihood", o.model.Likelihood, "`NAME` of p(x|z): "+names.List(parts.Likelihoods)+"; all but bernoulli are of grey pixels (-binarize none)")
	f.IntVar(&o.model.Labels, "labels", o.model.Labels, "give the networks each image's label, one of `N`: p(x|y); 0 for none")
	f.Var((*settings)(&o.model.Options), "option", "`NAME=VALUE` of a part that a program has registered; several with commas")
	f.Float64Var(&o.model.Sigma, "sigma", o.model.Sigma, "`S`, standard deviation of a gaussian likelihood: fixed, where a learned one starts, or the least of one for each pixel; of laplace the least scale")
	f.StringVar(&o.model.Init, "init", o.model.Init, "`NAME` of the initialisation: pytorch or glorot")
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

	f.Group("Run")
	f.StringVar(&o.train.Out, "out", o.train.Out, "`DIR` of the run, made if it is not there")
	f.BoolVar(&o.train.Resume, "resume", o.train.Resume, "go on with the run in -out, with its settings; a larger -epochs prolongs it")
	f.IntVar(&o.threads, "threads", o.threads, "use `N` cores; 0 for all. The result does not depend on it")
	f.BoolVar(&o.quiet, "quiet", o.quiet, "print nothing but errors")
	return f
}

// parse resolves the flags: what was given on the command line overrides the
// preset; if a run is resumed, it must agree with the settings of that run.
func parse(args []string) (*options, error) {
	first := initial("default")
	given := flags(&first)
	if err := given.Parse(args); err != nil {
		return nil, err
	}
	switch _, _, err := train.Preset(first.preset); {
	case err != nil:
		return nil, cli.Usage(err)
	case first.train.Out == "":
		return nil, cli.Usagef("train: -out is empty, want a directory")
	case first.threads < 0:
		return nil, cli.Usagef("train: threads is %d, want at least 0", first.threads)
	}
	o := initial(first.preset)
	f := flags(&o)
	seen := map[string]bool{}
	given.Visit(func(g *flag.Flag) {
		seen[g.Name] = true
		f.Set(g.Name, g.Value.String()) // cannot fail: given has taken this text
	})
	if o.train.Resume {
		var err error
		if o, err = resumed(o, seen); err != nil {
			return nil, err
		}
	}
	o.model.Seed = o.train.Seed
	sigma, components := o.model.Uses()
	if !sigma {
		if seen["sigma"] && !o.train.Resume {
			return nil, cli.Usagef("train: -sigma without -likelihood gaussian, gaussian-learned, gaussian-pixel or laplace")
		}
		o.model.Sigma = 0
	}
	if !components {
		if seen["components"] && o.model.Components != 0 {
			return nil, cli.Usagef("train: -components %d without -prior mixture or vamp", o.model.Components)
		}
		o.model.Components = 0
	}
	if err := settle(&o.train, seen); err != nil {
		return nil, err
	}
	if k, m := o.train.Objective.K, o.train.Objective.M; k < 1 || m < 1 {
		return nil, cli.Usagef("train: k is %d and m is %d, want at least 1", k, m)
	}
	if err := o.train.Validate(); err != nil {
		return nil, cli.Usage(err)
	}
	if err := o.model.Validate(); err != nil {
		return nil, cli.Usage(err)
	}
	if domain, err := o.model.Domain(); err != nil {
		return nil, cli.Usage(err)
	} else if domain != dist.Binary && o.train.Binarize != mnist.None {
		return nil, cli.Usagef("train: a %s likelihood is of grey pixels: it goes with -binarize none, not %s", o.model.Likelihood, o.train.Binarize)
	}
	return &o, nil
}

// settle clears the settings of those schedules of the KL term that are off, and
// refuses them if they were given.
func settle(t *train.Config, given map[string]bool) error {
	for _, f := range []struct {
		name, of string
		off      bool
	}{{"ramp", "cycles", t.Cycles == 0}, {"capacity-epochs", "capacity", t.Capacity == 0}, {"gamma", "capacity", t.Capacity == 0}} {
		if f.off && given[f.name] {
			return cli.Usagef("train: -%s without -%s", f.name, f.of)
		}
	}
	if given["schedule-steps"] && t.ScheduleSteps && (t.WarmupK == 0 || t.Schedule == "constant") {
		return cli.Usagef("train: -schedule-steps changes nothing without -warmup-k, or with -schedule constant")
	}
	if t.Cycles == 0 {
		t.Ramp = 0
	}
	if t.Capacity == 0 {
		t.Gamma = 0
	}
	return nil
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

// resumed returns the options of the run in -out. Flags that were given (with a
// preset: all flags) must agree with them, but for those that do not change the
// result.
func resumed(now options, given map[string]bool) (options, error) {
	s, err := train.ReadSettings(now.train.Out)
	if err != nil {
		return now, err
	}
	was := now
	was.model, was.train = s.Model, s.Train
	was.train.Objective = was.train.Objective.Whole()
	was.train.Optimizer = cmp.Or(was.train.Optimizer, optim.Default)
	was.train.Out, was.train.Resume = now.train.Out, true
	free := []string{"data", "out", "resume", "threads", "quiet", "preset"}
	if was.train.Schedule == "constant" && was.train.Cycles == 0 { // else all steps depend on the number of epochs
		free = append(free, "epochs")
	}
	if sigma, _ := was.model.Uses(); !sigma {
		free = append(free, "sigma")
	}
	if was.train.Cycles == 0 {
		free = append(free, "ramp")
	}
	if was.train.Capacity == 0 {
		free = append(free, "gamma")
	}
	old := flags(&was)
	flags(&now).VisitAll(func(f *flag.Flag) {
		had := old.Lookup(f.Name).Value.String()
		if (given[f.Name] || given["preset"]) && had != f.Value.String() && !slices.Contains(free, f.Name) && err == nil {
			why := ""
			if f.Name == "epochs" {
				why = ", for its schedules are of them"
			}
			err = cli.Usagef("train: the run in %s has -%s %s: it cannot go on with %s%s", was.train.Out, f.Name, had, f.Value, why)
		}
	})
	if given["epochs"] {
		was.train.Epochs = now.train.Epochs
	}
	return was, err
}
