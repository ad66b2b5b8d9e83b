package sweepcmd

import (
	"govae/command/internal/cli"
	"govae/command/internal/setup"
	"govae/evaluate"
)

// options are the flags, resolved.
type options struct {
	setup.Setup
	data    string
	betas   cli.Floats
	threads int
	eval    evaluate.Options
}

// flags defines all flags on o, whose present values are the defaults.
func flags(o *options) *cli.Flags {
	f := cli.NewFlags("sweep", "trains one model for each of several betas and draws the curve of rate and distortion on which they lie.\n"+
		"An interrupted sweep goes on where it stopped.")
	f.Group("Data")
	f.StringVar(&o.data, "data", o.data, "`DIR` with the four MNIST files; if empty, $MNIST_DIR, else GoMNIST's own copy of MNIST")
	o.DataFlags(f)
	f.Group("Models")
	f.Var(&o.betas, "betas", "`NUMBERS` with commas, factors of the KL term, a model for each. sweep.json and the figure are of these alone: name those of an earlier sweep into -out again to have them all")
	o.ModelFlags(f)
	f.Group("Objective")
	o.ObjectiveFlags(f, "train-k") // -k is that of the evaluation
	f.Group("Optimisation")
	o.OptimisationFlags(f)
	f.Group("Evaluation")
	f.IntVar(&o.eval.K, "k", o.eval.K, "`K` samples an image in the estimate of log p(x); -train-k is that of the objective")
	f.IntVar(&o.eval.N, "n", o.eval.N, "`N` images that log p(x) is averaged over")
	f.Group("Run")
	f.StringVar(&o.Train.Out, "out", o.Train.Out, "`DIR` of the sweep, made if it is not there")
	f.IntVar(&o.threads, "threads", o.threads, "use `N` cores; 0 for all. The result does not depend on it")
	return f
}

// parse resolves the flags: what was given overrides the preset.
func parse(args []string) (*options, error) {
	start, err := initial("default")
	if err != nil {
		return nil, err
	}
	o := &options{Setup: start, betas: cli.Floats{0.03, 0.1, 0.3, 1, 3, 10}, eval: evaluate.DefaultOptions()}
	f := flags(o)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	given := f.Given()
	if start, err = initial(o.Preset); err != nil {
		return nil, err
	}
	if err := o.Start(f, given, start); err != nil {
		return nil, err
	}
	if err := o.Resolve(f, given); err != nil {
		return nil, err
	}
	o.eval.Seed = o.Train.Seed
	if err := o.eval.Validate(); err != nil {
		return nil, f.Error(err)
	}
	if err := o.Train.CheckBetas(o.betas); err != nil {
		return nil, cli.Usage(err)
	}
	if o.Train.Out == "" || len(o.betas) == 0 || o.threads < 0 {
		return nil, cli.Usagef("sweep: %d betas into %q on %d threads, want at least one, a directory, and at least 0", len(o.betas), o.Train.Out, o.threads)
	}
	return o, nil
}

// initial is what a preset says, with few epochs, into the usual directory.
func initial(preset string) (setup.Setup, error) {
	s, err := setup.Initial(preset)
	s.Train.Out = "runs/sweep"
	if preset == "default" {
		s.Train.Epochs = 5
	}
	return s, err
}
