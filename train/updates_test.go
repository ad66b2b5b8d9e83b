package train_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/checkpoint"
	"govae/graph"
	"govae/nn"
	"govae/optim"
	"govae/train"
)

// slopes is a task of two updates a step, "one" of a by Adam and "two" of b by SGD with
// momentum. Both are slopes of a line through noisy points.
type slopes struct {
	a, b     *nn.Param
	programs [2]*graph.Program
}

// newSlopes makes the task. With shared, both updates have one program, whose loss is the
// sum of the two losses.
func newSlopes(t *testing.T, shared bool) *slopes {
	t.Helper()
	s := &slopes{a: nn.NewParam(tensor.Float32, "a", 1, 1), b: nn.NewParam(tensor.Float32, "b", 1, 1)}
	for i, params := range [][]*nn.Param{{s.a}, {s.b}} {
		if shared {
			params = []*nn.Param{s.a, s.b}
		}
		p, err := graph.Compile(tensor.Float32, func(b *graph.Builder) error { return buildSlopes(b, params, "first") })
		if err != nil {
			t.Fatal(err)
		}
		s.programs[i] = p
	}
	if shared {
		s.programs[1] = s.programs[0]
	}
	return s
}

// buildSlopes adds the loss of some slopes, and that of the first one under a name.
func buildSlopes(b *graph.Builder, params []*nn.Param, first string) error {
	x, noise := b.Input("x", 4, 1), b.Random("noise", "noise", graph.Normal, 4, 1)
	var losses G.Nodes
	for _, p := range params {
		w := p.Node(b.Graph())
		miss := G.Must(G.Add(G.Must(G.Sub(G.Must(G.Mul(x, w)), x)), noise)) // w·x − x + noise
		losses = append(losses, G.Must(G.Mean(G.Must(G.Square(miss)))))
	}
	loss := losses[0]
	if len(losses) == 2 {
		loss = G.Must(G.Add(losses[0], losses[1]))
	}
	b.Output(first, losses[0])
	return train.Descend(b, loss, params)
}

func (s *slopes) Params() []*nn.Param { return []*nn.Param{s.a, s.b} }
func (s *slopes) Steps() int          { return 5 }

func (s *slopes) Updates() []train.Update {
	return []train.Update{{Name: "one", Params: []*nn.Param{s.a}},
		{Name: "two", Params: []*nn.Param{s.b}, Optimizer: "sgd", Config: optim.Config{Momentum: 0.9}}}
}

func (s *slopes) Batch(step, update int) (train.Batch, error) {
	return train.Batch{Program: s.programs[update], Rows: 4, Fill: func(p *graph.Program) error {
		for i := range p.Input("x") {
			p.Input("x")[i] = float32(step%3 + i + update)
		}
		return nil
	}}, nil
}

func (s *slopes) numbers() [2]float64 { return [2]float64{s.a.Numbers()[0], s.b.Numbers()[0]} }

func (s *slopes) loop(dir string) train.Loop {
	return train.Loop{Task: s, Epochs: 3, Seed: 1, LR: func(int) float64 { return 0.01 }, Dir: dir}
}

// A task of two updates that is interrupted within an epoch and resumed ends with the
// weights and the moments of one that was not, bit for bit. The metrics have the scalars of
// both updates.
func TestTwoUpdates(t *testing.T) {
	whole := newSlopes(t, false)
	loop := whole.loop(t.TempDir())
	if err := loop.Run(context.Background()); err != nil {
		t.Fatal(err)
	}

	parted := newSlopes(t, false).loop(t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	parted.Step = func(s train.Stepped) {
		if s.Epoch == 2 && s.Step == 2 {
			stop()
		}
	}
	if err := parted.Run(ctx); !errors.Is(err, train.ErrInterrupted) {
		t.Fatalf("interrupted: %v", err)
	}
	last := newSlopes(t, false)
	resumed := last.loop(parted.Dir)
	resumed.Resume = true
	if err := resumed.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if whole.numbers() != last.numbers() {
		t.Errorf("the resumed run ends with %v, want %v", last.numbers(), whole.numbers())
	}

	want, got := stateOf(t, loop.Dir), stateOf(t, parted.Dir)
	for _, name := range []string{"one.adam.m.a", "one.adam.v.a", "two.sgd.momentum.b"} {
		if v := want[name]; len(v) != 1 || v[0] == 0 || !slices.Equal(got[name], v) {
			t.Errorf("%s: the resumed run has %v, the whole one %v", name, got[name], v)
		}
	}
	if names := slices.Sorted(maps.Keys(want)); len(names) != 5 {
		t.Errorf("the state has %q, want two weights and three moments", names)
	}

	wantLines, gotLines := trainOf(t, loop.Dir), trainOf(t, parted.Dir)
	if !reflect.DeepEqual(wantLines, gotLines) || len(wantLines) != 3 {
		t.Errorf("the resumed run has the metrics %v, want %v", gotLines, wantLines)
	}
	for _, line := range wantLines {
		names := slices.Sorted(maps.Keys(line))
		if !slices.Equal(names, []string{"one.first", "one.loss", "two.first", "two.loss"}) || line["one.loss"] == line["two.loss"] {
			t.Errorf("metrics %v", line)
		}
	}
}

// stateOf reads the numbers of a run's state.safetensors.
func stateOf(t *testing.T, dir string) map[string][]float32 {
	t.Helper()
	f, err := checkpoint.Read(filepath.Join(dir, "state.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]float32{}
	for _, x := range f.Tensors {
		all[x.Name], _ = x.Data.([]float32)
	}
	return all
}

// trainOf reads the scalars of a run's metrics.jsonl.
func trainOf(t *testing.T, dir string) (lines []map[string]float64) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		var s train.Summary
		if err := json.Unmarshal(scan.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, s.Train)
	}
	return lines
}

// Two updates that share a program each follow their own gradient: they end where two with
// programs of their own do, bit for bit.
func TestSharedProgram(t *testing.T) {
	shared, apart := newSlopes(t, true), newSlopes(t, false)
	for _, s := range []*slopes{shared, apart} {
		loop := s.loop("")
		if err := loop.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if shared.numbers() != apart.numbers() || apart.numbers()[1] == 0 {
		t.Errorf("the slopes are %v, want %v", shared.numbers(), apart.numbers())
	}
}

// renamed gives the two updates other names.
type renamed struct {
	*slopes
	names [2]string
}

func (r renamed) Updates() []train.Update {
	u := r.slopes.Updates()
	u[0].Name, u[1].Name = r.names[0], r.names[1]
	return u
}

// Two updates of one name are refused at the start, and two scalars of one name, which the
// names of the updates make, in the first step.
func TestNamesOfUpdates(t *testing.T) {
	same := newSlopes(t, false)
	loop := same.loop("")
	loop.Task = renamed{same, [2]string{"one", "one"}}
	if err := loop.Run(context.Background()); err == nil || !strings.Contains(err.Error(), `two updates named "one"`) {
		t.Errorf("two updates of one name: %v", err)
	}
	unnamed := newSlopes(t, false)
	loop = unnamed.loop(t.TempDir())
	loop.Task = renamed{unnamed, [2]string{"", "two"}}
	if err := loop.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if line := trainOf(t, loop.Dir)[0]; line["loss"] == 0 || line["two.loss"] == 0 {
		t.Errorf("metrics %v", line)
	}
	p, err := graph.Compile(tensor.Float32, func(b *graph.Builder) error { return buildSlopes(b, []*nn.Param{unnamed.a}, "two.loss") })
	if err != nil {
		t.Fatal(err)
	}
	unnamed.programs[0] = p
	loop = unnamed.loop("")
	loop.Task = renamed{unnamed, [2]string{"", "two"}}
	if err := loop.Run(context.Background()); err == nil || !strings.Contains(err.Error(), `two scalars named "two.loss"`) {
		t.Errorf("two scalars of one name: %v", err)
	}
}

// clumsy is a task that cannot fill its batches from some step on.
type clumsy struct {
	*slopes
	from int
}

func (c clumsy) Batch(step, update int) (train.Batch, error) {
	b, err := c.slopes.Batch(step, update)
	if step >= c.from {
		b.Fill = func(*graph.Program) error { return errors.New("no rows are left") }
	}
	return b, err
}

// A batch that cannot be filled ends the run in its step, and not in the one before, which
// runs while it is filled.
func TestFillFails(t *testing.T) {
	for _, from := range []int{0, 7} {
		task, steps := clumsy{newSlopes(t, false), from}, 0
		loop := task.loop("")
		loop.Task, loop.Step = task, func(train.Stepped) { steps++ }
		err := loop.Run(context.Background())
		if want := fmt.Sprintf("train: step %d: the batch: no rows are left", from+1); err == nil || err.Error() != want || steps != from {
			t.Errorf("after %d steps: %v, want %s after %d", steps, err, want, from)
		}
	}
}
