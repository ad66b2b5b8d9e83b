package outside

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"govae/klreg"
	"govae/mnist"
	"govae/nn"
	"govae/train"
	"govae/vae"
)

// greys gives the images of a set as rows of float32, from a place that the step says.
func greys(set *mnist.Set) func(step int) iter.Seq[[]float32] {
	return func(step int) iter.Seq[[]float32] {
		return func(yield func([]float32) bool) {
			row := make([]float32, set.Size())
			for i := range set.Len() {
				for j, v := range set.Image((i + 64*step) % set.Len()) {
					row[j] = float32(v) / 255
				}
				if !yield(row) {
					return
				}
			}
		}
	}
}

func iterated(t *testing.T, objective string, hidden int) Iterated {
	t.Helper()
	m := newModel(t, small(func(c *vae.Config) { c.Hidden = []int{hidden} }))
	s, err := m.NewObjectiveStep(64, klreg.DefaultWeight(), vae.Objective{Name: objective})
	if err != nil {
		t.Fatal(err)
	}
	return Iterated{Model: m, Step: s, Size: 64, Epoch: 4, Rows: greys(load(t).Train)}
}

func numbers(params []*nn.Param) (w [][]float64) {
	for _, p := range params {
		w = append(w, p.Numbers())
	}
	return w
}

// looped trains a task for two epochs; another one like it is interrupted in the second
// epoch and resumed, to the same numbers. It returns the means of both epochs, in which the
// loss, a scalar of that name, must fall.
func looped(t *testing.T, loss string, fresh func() train.Task) (epochs []map[string]float64) {
	t.Helper()
	task := fresh()
	whole := train.Loop{Task: task, Epochs: 2, Seed: 1, LR: func(int) float64 { return 3e-3 }, Dir: t.TempDir()}
	if err := whole.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	again := fresh()
	ctx, stop := context.WithCancel(context.Background())
	parted := train.Loop{Task: again, Epochs: 2, Seed: 1, LR: whole.LR, Dir: t.TempDir(), Step: func(s train.Stepped) {
		if s.Epoch == 2 && s.Step == 2 {
			stop()
		}
	}}
	if err := parted.Run(ctx); !errors.Is(err, train.ErrInterrupted) || !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	last := fresh()
	resumed := train.Loop{Task: last, Epochs: 2, Seed: 1, LR: whole.LR, Dir: parted.Dir, Resume: true}
	if err := resumed.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(numbers(task.Params()), numbers(last.Params())) {
		t.Error("the resumed run has other weights")
	}
	f, err := os.Open(filepath.Join(whole.Dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var s train.Summary
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		epochs = append(epochs, s.Train)
	}
	if len(epochs) != 2 || !(epochs[1][loss] < epochs[0][loss]) {
		t.Errorf("the loss does not fall: %v", epochs)
	}
	return epochs
}

func TestIterator(t *testing.T) {
	looped(t, "loss", func() train.Task { i := iterated(t, "elbo", 32); return &i })
}

// The student comes nearer to the teacher than it would by itself.
func TestDistill(t *testing.T) {
	teacher := iterated(t, "elbo", 32)
	loop := train.Loop{Task: &teacher, Epochs: 3, LR: func(int) float64 { return 3e-3 }}
	if err := loop.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	epochs := looped(t, "loss", func() train.Task { return &Student{iterated(t, "distill", 8), teacher.Model} })
	if epochs[1]["distillation"] >= epochs[0]["distillation"] || epochs[1]["distillation"] <= 0 {
		t.Errorf("distillation %v", epochs)
	}
}
