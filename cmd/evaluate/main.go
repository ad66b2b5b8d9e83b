// Evaluate says what a trained model is worth on the test set: the ELBO, its
// rate and distortion, an importance-weighted estimate of log p(x), and the
// number of active latent dimensions; on demand also the parts of the rate and
// of the inference gap, and the difference to another model.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"govae/evaluate"
	"govae/internal/cli"
	"govae/mnist"
)

func main() { cli.Main(run) }

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	m, trained, err := cli.OpenModel(o.model)
	if err != nil {
		return err
	}
	if o.eval.Binarize = trained; o.binarize != "" {
		o.eval.Binarize = mnist.Binarization(o.binarize)
	}
	if l := m.Config().Likelihood; l != "bernoulli" && o.eval.Binarize != mnist.None {
		return cli.Usagef("evaluate: a %s likelihood is of grey pixels: it goes with -binarize none, not %s", l, o.eval.Binarize)
	}
	if o.against != "" {
		if o.eval.Against, err = evaluate.ReadReport(o.against); err != nil {
			return err
		}
	}
	_, test, err := mnist.Load(o.data)
	if err != nil {
		return err
	}
	show, clean := cli.Status()
	o.eval.Progress = func(done, of int) { show("log p(x): %d of %d images", done, of) }
	if o.eval.Gap != nil {
		o.eval.Gap.Progress = func(done, of int) { show("gap: %d of %d images", done, of) }
	}
	r, err := evaluate.Run(ctx, m, test, o.eval)
	clean()
	if errors.Is(err, context.Canceled) {
		return cli.Interruptedf("evaluate: interrupted: there is no result")
	} else if err != nil {
		return err
	}
	if err := print(r, o); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	return nil
}

func print(r *evaluate.Report, o *options) error {
	if o.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	if err := r.WriteText(os.Stdout); err != nil || !o.dims {
		return err
	}
	return r.WriteDims(os.Stdout)
}
