package evaluatecmd

import (
	"govae/command/internal/cli"
	"govae/evaluate"
	"govae/mnist"
)

// options are the flags, resolved.
type options struct {
	model, data, against string
	verify               string // a file that is looked at instead
	binarize             string // empty for that of the training
	json, dims           bool
	eval                 evaluate.Options
}

func parse(args []string) (*options, error) {
	o := &options{eval: evaluate.DefaultOptions()}
	f := cli.NewFlags("evaluate", "says what a trained model is worth on the test set, in nats per image.")
	f.Group("Input")
	f.StringVar(&o.model, "model", "", "`FILE` of a model, such as runs/mnist/model.safetensors; if empty, the one that comes with govae")
	f.StringVar(&o.data, "data", "", "`DIR` with the four MNIST files; if empty, $MNIST_DIR, else GoMNIST's own copy of MNIST")
	f.StringVar(&o.against, "compare", "", "`FILE` of another model's report, from -json, to compare with; it must be of the same protocol")
	f.StringVar(&o.verify, "verify", "", "only say what this `FILE` of a model or a training state is, and whether it is whole; exit code 1 if not")
	f.Group("Protocol")
	f.IntVar(&o.eval.K, "k", o.eval.K, "`K` samples an image in the estimate of log p(x)")
	f.IntVar(&o.eval.N, "n", o.eval.N, "`N` images that log p(x) is averaged over, chosen by the seed")
	f.StringVar(&o.binarize, "binarize", "", "`HOW` grey pixels become binary: none, dynamic, threshold or fixed; if empty, as in training")
	f.Uint64Var(&o.eval.Seed, "seed", o.eval.Seed, "`SEED` of binarisation, noise and choice")
	f.Group("More figures")
	surgery := f.Bool("surgery", false, "take the rate apart: what a code tells of its image, and how far the codes of all images are from the prior")
	gap := f.Int("gap", 0, "split the gap between log p(x) and the ELBO, by fitting q anew to each of `N` images; 0 for none")
	f.Group("Output")
	f.BoolVar(&o.dims, "dims", false, "list the latent dimensions, with their variance over images and their KL; in -json they always are")
	f.BoolVar(&o.json, "json", false, "print a JSON object")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if given := f.Given(); o.verify != "" && len(given) > 1 {
		return nil, cli.Usagef("evaluate: -verify %s goes without other flags", o.verify)
	} else if _, ok := given["verify"]; ok && o.verify == "" {
		return nil, cli.Usagef("evaluate: -verify is empty, want a file")
	}
	if *surgery {
		s := evaluate.DefaultSurgeryOptions()
		o.eval.Surgery = &s
	}
	if *gap != 0 {
		g := evaluate.DefaultGapOptions()
		g.Images = *gap
		o.eval.Gap = &g
	}
	if err := o.eval.Validate(); err != nil {
		return nil, cli.Usage(err)
	}
	if o.binarize != "" {
		if _, err := mnist.ParseBinarization(o.binarize); err != nil {
			return nil, cli.Usage(err)
		}
	}
	return o, nil
}
