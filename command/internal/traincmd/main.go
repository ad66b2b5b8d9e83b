// Package traincmd is cmd/train: see package command.
package traincmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"govae/command/internal/cli"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

// Run is the command, with its arguments.
func Run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	cli.Threads(o.threads)
	trainSet, testSet, err := mnist.Load(o.data)
	if err != nil {
		return err
	}
	if o.Train.Resume && (trainSet.Rows != o.Model.Rows || trainSet.Cols != o.Model.Cols) {
		return fmt.Errorf("train: the run in %s is on images of %d×%d pixels, the data has %d×%d",
			o.Train.Out, o.Model.Rows, o.Model.Cols, trainSet.Rows, trainSet.Cols)
	}
	o.Model.Rows, o.Model.Cols = trainSet.Rows, trainSet.Cols
	m, err := vae.New(o.Model)
	if err != nil {
		return cli.Usage(err)
	}
	if err := o.Train.Check(m, trainSet.Len()); err != nil {
		return cli.Usage(err)
	}
	show := newProgress(os.Stdout, o)
	show.start(trainSet, testSet)
	epochs, err := train.Run(ctx, m, train.Data{Train: trainSet, Test: testSet, Place: place(o.data)}, o.Train, show.hooks())
	show.stop()
	switch {
	case errors.Is(err, train.ErrInterrupted):
		return cli.Interruptedf("train: interrupted after %d of %d epochs; -resume -out %s goes on from here", len(epochs), o.Train.Epochs, o.Train.Out)
	case err != nil:
		return err
	}
	return show.done(epochs)
}

// place is the whole path of the directory that data are read from, "" for GoMNIST's copy.
func place(data string) string {
	dir := cmp.Or(data, os.Getenv("MNIST_DIR"))
	if dir == "" {
		return ""
	}
	if whole, err := filepath.Abs(dir); err == nil {
		return whole
	}
	return dir
}
