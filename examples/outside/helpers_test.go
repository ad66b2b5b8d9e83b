package outside

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"sync"
	"testing"

	"govae/dist"
	"govae/evaluate"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

var digits = sync.OnceValues(func() (train.Data, error) {
	all, test, err := mnist.Load("")
	if err != nil {
		return train.Data{}, err
	}
	return train.Data{Train: all.Slice(0, 256), Test: test.Slice(0, 64)}, nil
})

// load returns a few hundred images of the real MNIST.
func load(t *testing.T) train.Data {
	t.Helper()
	data, err := digits()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// small is a model that trains in a second.
func small(set func(c *vae.Config)) vae.Config {
	c := vae.DefaultConfig()
	c.Hidden, c.Latent = []int{32}, 8
	if set != nil {
		set(&c)
	}
	return c
}

// short is a run of two epochs of four steps; with -short, of one epoch.
func short(t *testing.T, set func(c *train.Config)) train.Config {
	c := train.DefaultConfig()
	c.Epochs, c.Batch, c.LR, c.Out = 2, 64, 3e-3, t.TempDir()
	if testing.Short() {
		c.Epochs = 1
	}
	if set != nil {
		set(&c)
	}
	return c
}

func newModel(t *testing.T, c vae.Config) *vae.Model {
	t.Helper()
	m, err := vae.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// weights copies all numbers of a model.
func weights(m *vae.Model) (w [][]float64) {
	for _, p := range m.Params() {
		w = append(w, p.Numbers())
	}
	return w
}

// lifecycle does with a model what users do with one. It trains it, interrupts another run
// and resumes that one to the same weights, loads what was saved, samples, and evaluates.
// Training must lower the loss.
func lifecycle(t *testing.T, mc vae.Config, set func(c *train.Config)) *vae.Model {
	t.Helper()
	data, ctx := load(t), context.Background()

	m, cfg := newModel(t, mc), short(t, set)
	var first, last float64
	hooks := train.Hooks{Step: func(p train.Progress) {
		if first == 0 {
			first = p.Loss.Loss
		}
		last = p.Loss.Loss
	}}
	if _, err := train.Run(ctx, m, data, cfg, hooks); err != nil {
		t.Fatal(err)
	}
	if !(last < first) {
		t.Errorf("the loss went from %v to %v", first, last)
	}

	resumed, again := newModel(t, mc), cfg
	again.Out = t.TempDir()
	stopped, stop := context.WithCancel(ctx)
	steps := 0
	_, err := train.Run(stopped, resumed, data, again, train.Hooks{Step: func(train.Progress) {
		if steps++; steps == 3 {
			stop()
		}
	}})
	if !errors.Is(err, train.ErrInterrupted) {
		t.Fatalf("a run that was interrupted gives %v", err)
	}
	if resumed, err = vae.Load(filepath.Join(again.Out, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	again.Resume = true
	if _, err := train.Run(ctx, resumed, data, again, train.Hooks{}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(weights(m), weights(resumed)) {
		t.Error("a run that was resumed has other weights than one that was not interrupted")
	}

	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := vae.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(weights(m), weights(loaded)) {
		t.Error("a model that was loaded has other weights than the one that was saved")
	}

	view := loaded
	if loaded.Labels() > 0 {
		if view, err = loaded.GivenLabels([]uint8{0, 1, 2, 3}); err != nil {
			t.Fatal(err)
		}
	}
	for _, sample := range []func(int, uint64, float64) ([]float32, error){view.Sample, view.SamplePixels} {
		x, err := sample(4, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(x) != 4*loaded.Config().Pixels() {
			t.Errorf("4 samples of %d numbers", len(x))
		}
		if err := dist.Check(loaded.Likelihood(), x); err != nil && loaded.Likelihood().Domain() != dist.Binary {
			t.Errorf("a sample: %v", err)
		}
	}

	report, err := evaluate.Run(ctx, loaded, data.Test, evaluate.Options{K: 4, N: 16, Binarize: cfg.Binarize, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if v := report.LogLikelihood.Mean; math.IsNaN(v) || math.IsInf(v, 0) {
		t.Errorf("log p(x) is %v", v)
	}
	t.Logf("test ELBO %.1f, rate %.2f, log p(x) %.1f", report.ELBO.Mean, report.Rate.Mean, report.LogLikelihood.Mean)
	return loaded
}
