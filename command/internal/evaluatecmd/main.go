// Package evaluatecmd is cmd/evaluate: see package command.
package evaluatecmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"govae/command/internal/cli"
	"govae/evaluate"
	"govae/mnist"
)

// Run is the command, with its arguments.
func Run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.verify != "" {
		return verify(os.Stdout, o.verify)
	}
	m, trained, err := cli.OpenModel(o.model)
	if err != nil {
		return err
	}
	o.eval.Home = trained.Test
	if o.eval.Binarize = trained.Train.Binarize; o.binarize != "" {
		o.eval.Binarize = mnist.Binarization(o.binarize)
	}
	if !m.Likelihood().Domain().Binarised() && o.eval.Binarize != mnist.None {
		return cli.Usagef("evaluate: a %s likelihood is of grey pixels: it goes with -binarize none, not %s", m.Config().Likelihood, o.eval.Binarize)
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
