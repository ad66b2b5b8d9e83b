package train_test

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"govae/train"
)

// In each of the cycles of a run the factor of the KL term rises from 0 and then
// stays, whatever the number of steps in an epoch.
func TestCycles(t *testing.T) {
	mc, c := tiny()
	c.Beta, c.Cycles, c.Ramp = 4, 2, 0.5
	rose := 0
	_, _, err := fit(t, context.Background(), mc, c, train.Hooks{Step: func(p train.Progress) {
		done := float64((p.Epoch-1)*p.Steps+p.Step-1) / float64(p.Epochs*p.Steps) // of the run
		_, phase := math.Modf(2 * done)
		beta := 4 * min(1, 2*phase)
		if beta < 4 {
			rose++
		}
		want := p.Loss.Distortion + beta*p.Loss.Rate
		if math.Abs(p.Loss.Loss-want) > 1e-5*want {
			t.Errorf("epoch %d, step %d: loss %v, want %v", p.Epoch, p.Step, p.Loss.Loss, want)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if rose != 11 { // of 21 steps: 0 to 5 and 11 to 15
		t.Errorf("the factor is below beta in %d steps", rose)
	}
}

// The settings of a run from before cycles and capacity have them off.
func TestOldSettings(t *testing.T) {
	dir := t.TempDir()
	const old = `{"model": {"rows": 28, "cols": 28, "latent": 20, "hidden": [400], "activation": "relu", "likelihood": "bernoulli", "sigma": 0,
		"init": "pytorch", "seed": 1}, "train": {"epochs": 10, "batch": 128, "lr": 0.001, "schedule": "constant", "adam_eps": 1e-08, "clip": 0,
		"binarize": "dynamic", "beta": 1, "warmup": 0, "free_bits": 0, "validation": 0, "limit": 0, "seed": 1}, "data": "60000 images"}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(old), 0o666); err != nil {
		t.Fatal(err)
	}
	s, err := train.ReadSettings(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := s.Train
	if got.Beta != 1 || got.Cycles != 0 || got.Ramp != 0 || got.Capacity != 0 || got.CapacityEpochs != 0 || got.Gamma != 0 {
		t.Errorf("%+v, want the plain ELBO", got)
	}
}
