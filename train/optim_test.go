package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/checkpoint"
	"govae/optim"
	"govae/train"
	"govae/vae"
)

// slow is an optimiser from outside: its step grows with the number of steps, along a
// mean of all gradients. It needs both its state and the number of steps.
type slow struct {
	weights, sum [][]float32
	steps        int
}

func (s *slow) Step(grads [][]float32, lr, scale float64) {
	s.steps++
	for i, w := range s.weights {
		for j, g := range grads[i] {
			s.sum[i][j] += g * float32(scale)
			w[j] -= float32(lr) * s.sum[i][j] / float32(s.steps)
		}
	}
}

func (s *slow) State() []optim.Moment { return []optim.Moment{{Name: "slow.sum", Values: s.sum}} }
func (s *slow) SetSteps(n int)        { s.steps = n }

func init() {
	optim.Register("train-test", func(weights [][]float32, _ optim.Config) (optim.Optimizer, error) {
		s := &slow{weights: weights}
		for _, w := range weights {
			s.sum = append(s.sum, make([]float32, len(w)))
		}
		return s, nil
	})
	optim.RegisterSchedule("train-test", func(done float64) float64 { return 1 - done*done })
	optim.RegisterSchedule("train-test-nan", func(float64) float64 { return math.NaN() })
	optim.RegisterSchedule("train-test-below", func(float64) float64 { return -0.5 })
}

// The state of an optimiser stands in the file by the names of its parts and of the
// weights, Adam's as it always has, and resuming asks for all of them.
func TestOptimizerState(t *testing.T) {
	weights := []string{"decoder.hidden.0.bias", "decoder.hidden.0.weight", "decoder.output.bias", "decoder.output.weight", "encoder.hidden.0.bias",
		"encoder.hidden.0.weight", "encoder.logvar.bias", "encoder.logvar.weight", "encoder.mu.bias", "encoder.mu.weight"}
	for _, tt := range []struct {
		change func(*train.Config)
		parts  []string
	}{
		{func(c *train.Config) {}, []string{"adam.m.", "adam.v."}},
		{func(c *train.Config) { c.Optimizer, c.WeightDecay = "adamw", 0.1 }, []string{"adam.m.", "adam.v."}},
		{func(c *train.Config) { c.Optimizer, c.Momentum, c.LR = "sgd", 0.9, 1e-4 }, []string{"sgd.momentum."}},
		{func(c *train.Config) { c.Optimizer, c.LR = "sgd", 1e-4 }, nil},
		{func(c *train.Config) { c.Optimizer, c.LR = "train-test", 1e-4 }, []string{"slow.sum."}},
	} {
		mc, c := tiny()
		tt.change(&c)
		c.Out = filepath.Join(t.TempDir(), "run")
		ctx, cancel := context.WithCancel(context.Background())
		if _, _, err := fit(t, ctx, mc, c, train.Hooks{Step: func(train.Progress) { cancel() }}); !errors.Is(err, train.ErrInterrupted) {
			t.Fatal(err)
		}
		path := filepath.Join(c.Out, "state.safetensors")
		f, err := checkpoint.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, tensor := range f.Tensors {
			got = append(got, tensor.Name)
		}
		for _, prefix := range append(tt.parts, "") {
			for _, w := range weights {
				want = append(want, prefix+w)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("optimiser %q: the state holds %v, want %v", c.Optimizer, got, want)
		}
		if tt.parts == nil {
			continue
		}
		lost := tt.parts[0] + weights[3]
		f.Tensors = slices.DeleteFunc(f.Tensors, func(x checkpoint.Tensor) bool { return x.Name == lost })
		if err := checkpoint.Write(path, f); err != nil {
			t.Fatal(err)
		}
		c.Resume = true
		if _, _, err := fit(t, context.Background(), mc, c, train.Hooks{}); err == nil || !strings.Contains(err.Error(), lost) {
			t.Errorf("optimiser %q: resumed without %s: %v", c.Optimizer, lost, err)
		}
	}
}

// Adam by name is the Adam of a run that names none: the same bits and settings, and one
// resumes the other. Another optimiser does not.
func TestOptimizerByName(t *testing.T) {
	mc, c := tiny()
	c.Epochs, c.Out = 1, filepath.Join(t.TempDir(), "run")
	plain, _ := mustFit(t, mc, c)
	settings, err := train.ReadSettings(c.Out)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(settings.Train)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"optimizer", "weight_decay", "momentum"} {
		if strings.Contains(string(b), field) {
			t.Errorf("the settings of a run of Adam have %s: %s", field, b)
		}
	}
	c.Resume, c.Optimizer = true, "adam"
	mustFit(t, mc, c)
	c.Optimizer, c.WeightDecay = "adamw", 0.1
	if _, _, err := fit(t, context.Background(), mc, c, train.Hooks{}); err == nil || !strings.Contains(err.Error(), `its optimizer is not set, here "adamw"`) {
		t.Errorf("a run of Adam resumed with AdamW: %v", err)
	}
	seen := map[string]string{bits(plain): "adam"}
	for _, o := range []train.Config{{Optimizer: "adam"}, {Optimizer: "adamw", WeightDecay: 0.1}, {Optimizer: "sgd"}, {Optimizer: "sgd", Momentum: 0.5}, {Optimizer: "nesterov", Momentum: 0.5}} {
		c.Resume, c.Out, c.LR = false, "", 1e-3
		c.Optimizer, c.WeightDecay, c.Momentum = o.Optimizer, o.WeightDecay, o.Momentum
		m, _ := mustFit(t, mc, c)
		if other, there := seen[bits(m)]; there != (o.Optimizer == "adam") {
			t.Errorf("%s with weight decay %v and momentum %v: the bits of %q", o.Optimizer, o.WeightDecay, o.Momentum, other)
		}
		seen[bits(m)] = o.Optimizer
	}
}

// A gradient that overflows while the loss is finite is named by its weights, if there is
// a limit to its norm.
func TestClipNamesTheGradient(t *testing.T) {
	mc, c := tiny()
	c.Clip = 1
	mc.Seed = c.Seed
	m, err := vae.New(mc)
	if err != nil {
		t.Fatal(err)
	}
	// Hidden units that are off, and a standard deviation of z of 1e-22: so the loss and the
	// gradient of the first layer are finite, and that of mu is 1e39 and more.
	for _, p := range m.Params() {
		w := p.Value.Data().([]float32)
		fill, ok := map[string]float32{"encoder.hidden.0.bias": -1e9, "encoder.mu.weight": 0, "encoder.mu.bias": 0,
			"decoder.hidden.0.weight": 1e20, "decoder.output.weight": 1e19}[p.Names[0]]
		for i := range w {
			if ok {
				w[i] = fill
			}
			if p.Names[0] == "encoder.mu.bias" && i >= len(w)/2 { // that of logvar
				w[i] = -100
			}
		}
	}
	_, err = train.Run(context.Background(), m, data(t), c, train.Hooks{})
	if err == nil || !strings.Contains(err.Error(), "step 1: the gradient of encoder.mu.weight is not finite") {
		t.Error(err)
	}
}
