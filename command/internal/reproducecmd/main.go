// Package reproducecmd is cmd/reproduce: see package command.
package reproducecmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"govae/command/internal/cli"
	"govae/command/internal/results"
	"govae/evaluate"
	"govae/mnist"
	"govae/train"
)

// Run is the command, with its arguments.
func Run(ctx context.Context, args []string) error {
	seeds := []int{1, 2}
	o := results.DefaultOptions()
	f := cli.NewFlags("reproduce", "trains and evaluates a row of docs/results.md, and writes that page anew.\n"+
		"An interrupted run goes on where it stopped.")
	f.Group("Row")
	name := f.String("row", "", "`NAME` of the row: "+strings.Join(results.Names(), ", ")+"; if empty, only the page is written, from the records")
	f.Var((*cli.Ints)(&seeds), "seeds", "`SEEDS` of everything random, with commas: a run each")
	f.IntVar(&o.Epochs, "epochs", o.Epochs, "`N` epochs instead of the recipe's, for a shortened run; 0 for the recipe's")
	f.Group("Protocol")
	f.IntVar(&o.K, "k", o.K, "`K` samples an image in the estimate of log p(x)")
	f.IntVar(&o.N, "n", o.N, "`N` test images that it is averaged over")
	f.Group("Run")
	docs := f.String("docs", "docs", "`DIR` of results.md, and of the records in results/")
	f.StringVar(&o.Runs, "runs", o.Runs, "`DIR` of the run directories")
	data := f.String("data", "", "`DIR` with the four MNIST files; if empty, $MNIST_DIR, else GoMNIST's own copy of MNIST")
	threads := f.Int("threads", 0, "use `N` cores; 0 for all")
	if err := f.Parse(args); err != nil {
		return err
	}
	o.Out = filepath.Join(*docs, "results")
	if err := (evaluate.Options{K: o.K, N: o.N}).Validate(); err != nil {
		return cli.Usage(err)
	}
	if o.Epochs < 0 || *threads < 0 {
		return cli.Usagef("reproduce: %d epochs and %d threads, want at least 0", o.Epochs, *threads)
	}
	if len(seeds) == 0 || slices.Min(seeds) < 0 {
		return cli.Usagef("reproduce: -seeds %v, want whole numbers of at least 0", (*cli.Ints)(&seeds))
	}
	cli.Threads(*threads)
	out := cli.NewOutput(os.Stdout)
	if *name != "" {
		var err error
		if o.Row, err = results.Find(*name); err != nil {
			return cli.Usage(err)
		}
		if err := reproduce(ctx, *data, o, seeds, out); err != nil {
			return err
		}
	}
	if err := results.WritePage(filepath.Join(*docs, "results.md"), o.Out); err != nil {
		return err
	}
	return out.Err("reproduce", "the page is written")
}

func reproduce(ctx context.Context, data string, o results.Options, seeds []int, out *cli.Output) error {
	trainSet, testSet, err := mnist.Load(data)
	if err != nil {
		return err
	}
	show, clean := cli.Status()
	defer clean()
	for _, seed := range seeds {
		o.Seed = uint64(seed)
		r, err := results.Run(ctx, trainSet, testSet, o, train.Hooks{Draw: cli.Draw, Epoch: func(e train.Epoch) {
			fmt.Fprintf(out, "seed %d  epoch %d  train %8.2f  test %8.2f  %.0f images/s\n", seed, e.Epoch, e.Train.ELBO, e.Test.ELBO, e.ImagesPerSecond)
		}}, func(done, of int) { show("log p(x): %d of %d images", done, of) })
		clean()
		switch {
		case errors.Is(err, train.ErrInterrupted) || errors.Is(err, context.Canceled):
			return cli.Interruptedf("reproduce: interrupted; the same command goes on from here")
		case err != nil:
			return err
		}
		if err := r.Report.WriteText(out); err != nil {
			return err
		}
	}
	return nil
}
