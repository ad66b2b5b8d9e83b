// Evaluate says what a trained model is worth on the test set: the ELBO, its
// rate and distortion, an importance-weighted estimate of log p(x), and the
// number of active latent dimensions.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/vbauerster/mpb/v8/cwriter"

	"govae/evaluate"
	"govae/internal/cli"
	"govae/mnist"
)

func main() { cli.Main(run) }

func run(ctx context.Context, args []string) error {
	o := evaluate.DefaultOptions()
	f := cli.NewFlags("evaluate", "says what a trained model is worth on the test set, in nats per image.")
	f.Group("Input")
	path := f.String("model", "", "`FILE` of a model, such as runs/mnist/model.safetensors; if empty, the one that comes with govae")
	data := f.String("data", "", "`DIR` with the test images; if empty, $MNIST_DIR, else GoMNIST's own copy of MNIST")
	f.Group("Protocol")
	f.IntVar(&o.K, "k", o.K, "`K` samples an image in the estimate of log p(x)")
	f.IntVar(&o.N, "n", o.N, "`N` images that log p(x) is averaged over, chosen by the seed")
	binarize := f.String("binarize", "", "`HOW` grey pixels become binary: none, dynamic, threshold or fixed; if empty, as in training")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "`SEED` of binarisation, noise and choice")
	f.Group("Output")
	asJSON := f.Bool("json", false, "print a JSON object")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := o.Validate(); err != nil {
		return cli.Usage(err)
	}
	if *binarize != "" {
		if _, err := mnist.ParseBinarization(*binarize); err != nil {
			return cli.Usage(err)
		}
	}
	m, trained, err := cli.OpenModel(*path)
	if err != nil {
		return err
	}
	if o.Binarize = trained; *binarize != "" {
		o.Binarize = mnist.Binarization(*binarize)
	}
	if l := m.Config().Likelihood; l != "bernoulli" && o.Binarize != mnist.None {
		return cli.Usagef("evaluate: a %s likelihood is of grey pixels: it goes with -binarize none, not %s", l, o.Binarize)
	}
	_, test, err := mnist.Load(*data)
	if err != nil {
		return err
	}
	clean := func() {}
	if cwriter.IsTerminal(int(os.Stderr.Fd())) {
		o.Progress = func(done, of int) { fmt.Fprintf(os.Stderr, "\rlog p(x): %d of %d images", done, of) }
		clean = func() { fmt.Fprint(os.Stderr, "\r\x1b[K") }
	}
	r, err := evaluate.Run(ctx, m, test, o)
	clean()
	if errors.Is(err, context.Canceled) {
		return cli.Interruptedf("evaluate: interrupted: there is no result")
	} else if err != nil {
		return err
	}
	if *asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		err = r.WriteText(os.Stdout)
	}
	if err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	return nil
}
