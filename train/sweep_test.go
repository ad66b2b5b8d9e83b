package train_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"govae/evaluate"
	"govae/train"
)

// A sweep that is interrupted in its second model and run again writes what an
// uninterrupted one writes.
func TestSweepResumes(t *testing.T) {
	mc, c := tiny()
	c.Epochs = 2
	betas := []float64{2, 1, 0.5}
	o := evaluate.Options{K: 2, N: 10, Seed: 1}
	sweep := func(ctx context.Context, dir string, hooks train.SweepHooks) error {
		c := c
		c.Out = dir
		_, err := train.Sweep(ctx, mc, data(t), c, betas, o, hooks)
		return err
	}
	whole, parts := t.TempDir(), t.TempDir()
	if err := sweep(context.Background(), whole, train.SweepHooks{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := 0
	err := sweep(ctx, parts, train.SweepHooks{
		Train: func(beta float64) train.Hooks {
			return train.Hooks{Step: func(p train.Progress) {
				if beta == 1 && p.Step == 3 {
					cancel()
				}
			}}
		},
		Point: func(train.SweepPoint) { done++ },
	})
	if !errors.Is(err, train.ErrInterrupted) || done != 1 {
		t.Fatalf("%d points, then %v", done, err)
	}
	if err := sweep(context.Background(), parts, train.SweepHooks{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{train.SweepFile, "beta-1/model.safetensors"} {
		a, err := os.ReadFile(filepath.Join(whole, name))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(parts, name)); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs after an interruption: %v", name, err)
		}
	}
}

func TestSweepErrors(t *testing.T) {
	mc, c := tiny()
	c.Out = filepath.Join(t.TempDir(), "s")
	for want, betas := range map[string][]float64{"a sweep of 0 betas": {}, "beta -1": {1, -1}, "beta 2 twice": {2, 1, 2}} {
		if _, err := train.Sweep(context.Background(), mc, data(t), c, betas, evaluate.DefaultOptions(), train.SweepHooks{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	if _, err := os.Stat(c.Out); err == nil {
		t.Error("a directory was made")
	}
	c.LR = 1e30
	if _, err := train.Sweep(context.Background(), mc, data(t), c, []float64{0.5}, evaluate.DefaultOptions(), train.SweepHooks{}); err == nil || !strings.HasPrefix(err.Error(), "train: beta 0.5: train: step ") {
		t.Errorf("a model that diverges: error %v", err)
	}
}

// The error of other settings names the first that differs, short enough to read.
func TestOtherSettings(t *testing.T) {
	mc, c := tiny()
	c.Out, c.Epochs = t.TempDir(), 1
	mustFit(t, mc, c)
	c.Resume = true
	other := c
	other.LR = 0.25
	_, _, err := fit(t, context.Background(), mc, other, train.Hooks{})
	if err == nil || !strings.HasSuffix(err.Error(), "has other settings: its lr is 0.001, here 0.25") {
		t.Errorf("another step size: %v", err)
	}
	mc.Activation = "tanh"
	if _, _, err = fit(t, context.Background(), mc, c, train.Hooks{}); err == nil || !strings.HasSuffix(err.Error(), `its activation is "relu", here "tanh"`) {
		t.Errorf("another activation: %v", err)
	}
	mc, _ = tiny()
	c.Objective.K, c.Objective.M = 1, 1 // what is 0 in the file
	if _, _, err = fit(t, context.Background(), mc, c, train.Hooks{}); err != nil {
		t.Errorf("one draw written out: %v", err)
	}
}
