package sweepcmd

import (
	"govae/command/internal/cli"
	"govae/evaluate"
	"govae/train"
	"govae/vae"
)

// options are the flags, resolved.
type options struct {
	data    string
	betas   cli.Floats
	threads int
	model   vae.Config
	train   train.Config
	eval    evaluate.Options
}

// flags defines all flags on o, whose present values are the defaults.
func flags(o *options, preset *string) *cli.Flags {
	f := cli.NewFlags("sweep", "trains one model for each of several betas and draws the curve of rate and distortion on which they lie.\n"+
		"An interrupted sweep goes on where it stopped.")
	f.Group("Data")
	f.StringVar(&o.data, "data", o.data, "`DIR` with the four MNIST files; if empty, $MNIST_DIR, else GoMNIST's own copy of MNIST")
	f.IntVar(&o.train.Limit, "limit", o.train.Limit, "use only the first `N` training images; 0 for all")
	f.Group("Models")
	f.Var(&o.betas, "betas", "`NUMBERS` with commas, factors of the KL term, a model for each")
	f.StringVar(preset, "preset", *preset, "published `RECIPE` that other flags then change, as in cmd/train")
	f.IntVar(&o.model.Latent, "latent", o.model.Latent, "`N` latent dimensions")
	f.Var((*cli.Ints)(&o.model.Hidden), "hidden", "`SIZES` of the encoder's hidden layers, with commas; the decoder mirrors them")
	f.IntVar(&o.train.Epochs, "epochs", o.train.Epochs, "`N` passes over the training images, for each model")
	f.Uint64Var(&o.train.Seed, "seed", o.train.Seed, "`SEED` of everything random")
	f.Group("Evaluation")
	f.IntVar(&o.eval.K, "k", o.eval.K, "`K` samples an image in the estimate of log p(x)")
	f.IntVar(&o.eval.N, "n", o.eval.N, "`N` images that log p(x) is averaged over")
	f.Group("Run")
	f.StringVar(&o.train.Out, "out", o.train.Out, "`DIR` of the sweep, made if it is not there")
	f.IntVar(&o.threads, "threads", o.threads, "use `N` cores; 0 for all. The result does not depend on it")
	return f
}

// parse resolves the flags: what was given overrides the preset.
func parse(args []string) (*options, error) {
	preset := "default"
	o, err := initial(preset)
	if err != nil {
		return nil, err
	}
	f := flags(o, &preset)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	given := f.Given()
	chosen, err := initial(preset)
	if err != nil {
		return nil, cli.Usage(err)
	}
	*o = *chosen
	f.Again(given)
	o.model.Seed, o.eval.Seed = o.train.Seed, o.train.Seed
	for _, err := range []error{o.model.Validate(), o.train.Validate(), o.eval.Validate()} {
		if err != nil {
			return nil, f.Error(err)
		}
	}
	if err := o.train.CheckBetas(o.betas); err != nil {
		return nil, cli.Usage(err)
	}
	if o.train.Out == "" || len(o.betas) == 0 || o.threads < 0 {
		return nil, cli.Usagef("sweep: %d betas into %q on %d threads, want at least one, a directory, and at least 0", len(o.betas), o.train.Out, o.threads)
	}
	return o, nil
}

// initial is what a preset says, with few epochs.
func initial(preset string) (*options, error) {
	o := &options{betas: cli.Floats{0.03, 0.1, 0.3, 1, 3, 10}, eval: evaluate.DefaultOptions()}
	var err error
	if o.model, o.train, err = train.Preset(preset); err != nil {
		return nil, err
	}
	o.train.Out = "runs/sweep"
	if preset == "default" {
		o.train.Epochs = 5
	}
	return o, nil
}
