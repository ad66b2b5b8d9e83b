// Package sweepcmd is cmd/sweep: see package command.
package sweepcmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"govae/command/internal/cli"
	"govae/mnist"
	"govae/train"
)

// Run is the command, with its arguments.
func Run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	cli.Threads(o.threads)
	out := cli.NewOutput(os.Stdout)
	trainSet, testSet, err := mnist.Load(o.data)
	if err != nil {
		return err
	}
	o.Model.Rows, o.Model.Cols = trainSet.Rows, trainSet.Cols
	fmt.Fprintf(out, "%d models of %d epochs, %s; nats per image of %s\n", len(o.betas), o.Train.Epochs, o.Label(), testSet.Name)
	fmt.Fprintln(out, "    beta      rate  distortion       ELBO   log p(x)  active units")
	show, clean := cli.Status()
	hooks := train.SweepHooks{Draw: cli.DrawSweep, Train: func(beta float64) train.Hooks {
		return train.Hooks{Draw: cli.Draw, Epoch: func(e train.Epoch) { show("beta %v: epoch %d of %d", beta, e.Epoch, o.Train.Epochs) }}
	}, Point: func(p train.SweepPoint) {
		clean()
		r := p.Report
		fmt.Fprintf(out, "%8v  %8.2f  %10.2f  %9.2f  %9.2f  %d of %d\n", p.Beta, r.Rate.Mean, r.Distortion.Mean, r.ELBO.Mean, r.LogLikelihood.Mean, r.ActiveUnits, len(r.Variance))
	}}
	_, err = train.Sweep(ctx, o.Model, train.Data{Train: trainSet, Test: testSet}, o.Train, o.betas, o.eval, hooks)
	clean()
	switch {
	case errors.Is(err, train.ErrInterrupted) || errors.Is(err, context.Canceled):
		return cli.Interruptedf("sweep: interrupted; the same command goes on from here")
	case err != nil:
		return err
	}
	fmt.Fprintf(out, "in %s: %s, %s, and a run directory for each beta\n", filepath.Clean(o.Train.Out), train.SweepFile, train.SweepFigure)
	return out.Err("sweep", "the sweep in "+o.Train.Out+" is done")
}
