package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/checkpoint"
	"govae/graph"
	"govae/mnist"
	"govae/nn"
	"govae/optim"
	"govae/train"
	"govae/vae"
)

// altered is slopes, but for what a test changes.
type altered struct {
	*slopes
	params  []*nn.Param
	updates []train.Update
	steps   func() int
	batch   func(b *train.Batch)
}

func newAltered(t *testing.T) *altered {
	s := newSlopes(t, false)
	return &altered{slopes: s, params: s.Params(), updates: s.Updates(), steps: s.Steps, batch: func(*train.Batch) {}}
}

func (a *altered) Params() []*nn.Param     { return a.params }
func (a *altered) Steps() int              { return a.steps() }
func (a *altered) Updates() []train.Update { return a.updates }

func (a *altered) Batch(step, update int) (train.Batch, error) {
	b, err := a.slopes.Batch(step, update)
	a.batch(&b)
	return b, err
}

// loop is that of the task, in a directory.
func (a *altered) loop(dir string) *train.Loop {
	l := a.slopes.loop(dir)
	l.Task = a
	return &l
}

func program(t *testing.T, dt tensor.Dtype, build func(b *graph.Builder) error) *graph.Program {
	t.Helper()
	p, err := graph.Compile(dt, build)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A loop that cannot end well says so before the first step, and writes nothing.
func TestLoopRefuses(t *testing.T) {
	small := program(t, tensor.Float32, func(b *graph.Builder) error { // a vector as loss, no gradient of the right size
		b.Output("grad a", b.Input("x", 4, 1))
		b.Output("loss", b.Scalar("s", 1))
		return nil
	})
	vector := program(t, tensor.Float32, func(b *graph.Builder) error { b.Output("loss", b.Input("x", 4, 1)); return nil })
	double := program(t, tensor.Float64, func(b *graph.Builder) error {
		b.Output("loss", G.Must(graph.Mean(b.Random("noise", "noise", graph.Normal, 4))))
		return nil
	})
	for want, change := range map[string]func(a *altered, l *train.Loop){
		"clip is -1, want":                   func(_ *altered, l *train.Loop) { l.Clip = -1 },
		"clip is NaN, want":                  func(_ *altered, l *train.Loop) { l.Clip = math.NaN() },
		"keep is -1, want":                   func(_ *altered, l *train.Loop) { l.Keep = -1 },
		"every -2 steps":                     func(_ *altered, l *train.Loop) { l.Every.Steps = -2 },
		"or -1s, want":                       func(_ *altered, l *train.Loop) { l.Every.Time = -time.Second },
		`update "two" changes no parameters`: func(a *altered, _ *train.Loop) { a.updates[1].Params = nil },
		`optimiser "panics": panic: mine, at train/refuse_test.go:`: func(a *altered, _ *train.Loop) { a.updates[1].Optimizer = "panics" },
		"without Record":     func(_ *altered, l *train.Loop) { l.Patience = 1 },
		"without a run dire": func(_ *altered, l *train.Loop) { l.Dir, l.Resume = "", true },
		`the parameters of update "one": nn: parameter 1 of 1: want one with a name`: func(a *altered, _ *train.Loop) { a.updates[0].Params[0] = nil },
		"the task's parameters: nn: parameter 2 of 2: want one with a name":          func(a *altered, _ *train.Loop) { a.b.Names = nil },
		`the task's parameters: nn: two parameters named "a"`:                        func(a *altered, _ *train.Loop) { a.b.Names = []string{"a"} },
		"its 2 names do not part it":                                                 func(a *altered, _ *train.Loop) { a.b.Names = []string{"b", "c"} },
		`the parameters of update "two": nn: two parameters named "b"`:               func(a *altered, _ *train.Loop) { a.updates[1].Params = []*nn.Param{a.b, a.b} },
		`update "two" is to change b, which is not among Params`:                     func(a *altered, _ *train.Loop) { a.params = a.params[:1] },
		`update "two" is to change b, which is frozen`:                               func(a *altered, _ *train.Loop) { a.b.Frozen = true },
		`two tensors named "one.adam.v.a", one of which is a state`:                  func(a *altered, _ *train.Loop) { a.b.Names = []string{"one.adam.v.a"} },
		`step 1: the batch of update "one" has no program`:                           func(a *altered, _ *train.Loop) { a.batch = func(b *train.Batch) { b.Program = nil } },
		`step 1: the batch of update "one" has 0 rows, want`:                         func(a *altered, _ *train.Loop) { a.batch = func(b *train.Batch) { b.Rows = 0 } },
		`the program of update "one" is of float64, want float32`:                    func(a *altered, _ *train.Loop) { a.programs[0] = double },
		`the loss of update "one": graph: output loss has the shape (4, 1), want on`: func(a *altered, _ *train.Loop) { a.programs[0] = vector },
		"the gradient of a has 4 numbers, want its 1":                                func(a *altered, _ *train.Loop) { a.programs[0] = small },
		`gradient of a: graph: no output named "grad a"`:                             func(a *altered, _ *train.Loop) { a.programs[0] = a.programs[1] },
	} {
		a := newAltered(t)
		l := a.loop(filepath.Join(t.TempDir(), "run"))
		l.Step = func(train.Stepped) { t.Errorf("%s: a step was made", want) }
		change(a, l)
		if err := l.Run(context.Background()); err == nil || !strings.HasPrefix(err.Error(), "train: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
		if _, err := os.Stat(l.Dir); l.Dir != "" && err == nil {
			t.Errorf("%s: the directory was made", want)
		}
	}
	//lint:ignore SA1012 a user may do so
	if err := newSlopes(t, false).loopOf().Run(nil); err == nil || !strings.Contains(err.Error(), "without a context") {
		t.Errorf("no context: %v", err)
	}
}

// loopOf is loop, without a directory, by its address.
func (s *slopes) loopOf() *train.Loop {
	l := s.loop("")
	return &l
}

// late is an optimiser whose steps panic.
type late struct{ optim.Optimizer }

func (late) Step([][]float32, float64, float64) { panic("mine") }

func init() {
	optim.Register("panics", func([][]float32, optim.Config) (optim.Optimizer, error) { panic("mine") })
	optim.Register("panics later", func(weights [][]float32, cfg optim.Config) (optim.Optimizer, error) {
		o, err := optim.New("sgd", weights, optim.Config{})
		return late{o}, err
	})
}

// What goes wrong within a run is an error that names it.
func TestLoopFails(t *testing.T) {
	nan := math.NaN()
	for want, change := range map[string]func(a *altered, l *train.Loop){
		"": func(a *altered, _ *train.Loop) { // Steps is asked at the start alone
			n := 10
			a.steps = func() int { n -= 5; return n }
		},
		"step 1: the batch: panic: mine, at train/refuse_test.go:": func(a *altered, _ *train.Loop) {
			a.batch = func(b *train.Batch) { b.Fill = func(*graph.Program) error { panic("mine") } }
		},
		`step 1: the batch: panic: graph: no input named "none", but x, noise, at graph/program.go:`: func(a *altered, _ *train.Loop) {
			a.batch = func(b *train.Batch) { b.Fill = func(p *graph.Program) error { p.Input("none")[0] = 1; return nil } }
		},
		"step 4: the schedule of the step size: panic: mine, at train/refuse_test.go:": func(_ *altered, l *train.Loop) {
			l.LR = func(step int) float64 {
				if step == 3 {
					panic("mine")
				}
				return 0.01
			}
		},
		`step 1: optimiser "panics later": panic: mine, at train/refuse_test.go:`: func(a *altered, _ *train.Loop) { a.updates[1].Optimizer = "panics later" },
		"epoch 1: Record gives the score NaN, want": func(_ *altered, l *train.Loop) {
			l.Record = func(_ context.Context, s train.Summary) (any, *float64, error) { return s, &nan, nil }
		},
		"the record of epoch 1: json: unsupported": func(_ *altered, l *train.Loop) {
			l.Record = func(context.Context, train.Summary) (any, *float64, error) { return nan, nil, nil }
		},
		"train: Model gives no file": func(_ *altered, l *train.Loop) {
			l.Model = func() (*checkpoint.File, error) { return nil, nil }
		},
		// A value that is lost after a first step is told to be that of the weights, and only
		// a step size that has been used can be at fault.
		"step 2: the one.first is NaN, since the weights of a are not finite; nothing was saved; a smaller lr or clip may help": func(a *altered, l *train.Loop) {
			a.batch = func(b *train.Batch) {
				b.After = func(*graph.Program) error { a.a.Fill(func() float64 { return nan }); return nil }
			}
		},
	} {
		a := newAltered(t)
		l := a.loop(t.TempDir())
		change(a, l)
		if err := l.Run(context.Background()); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	a := newAltered(t)
	a.a.Fill(func() float64 { return math.Inf(1) })
	a.updates = a.updates[:1]
	if err := a.loop("").Run(context.Background()); err == nil || !strings.Contains(err.Error(), "the step size has not been used yet") {
		t.Errorf("not finite from the start: %v", err)
	}
}

// A loop without a directory that was interrupted goes on in another Run: it ends with the
// weights, moments and averages of one that was not.
func TestRunAgain(t *testing.T) {
	train1 := func(stop bool) (sums []map[string]float64, numbers [2]float64) {
		s := newSlopes(t, false)
		l := s.loopOf()
		l.Epoch = func(s train.Summary) { sums = append(sums, s.Train) }
		ctx, cancel := context.WithCancel(context.Background())
		l.Step = func(s train.Stepped) {
			if stop && s.Epoch == 2 && s.Step == 2 {
				cancel()
			}
		}
		for err := l.Run(ctx); err != nil; err = l.Run(context.Background()) {
			if !stop || !errors.Is(err, train.ErrInterrupted) {
				t.Fatal(err)
			}
		}
		cancel()
		return sums, s.numbers()
	}
	a := newAltered(t)
	l := a.loop("")
	a.b.Frozen = true
	err := l.Run(context.Background())
	a.b.Frozen = false
	if err == nil || l.Run(context.Background()) != nil {
		t.Error("a loop whose task was mended does not run")
	}
	want, wantNumbers := train1(false)
	got, gotNumbers := train1(true)
	if !slices.EqualFunc(got, want, maps.Equal) || gotNumbers != wantNumbers || len(got) != 3 {
		t.Errorf("in two runs %v and %v, in one %v and %v", got, gotNumbers, want, wantNumbers)
	}
}

// Whatever the model file has, a run resumes: the state has the task's parameters, and the
// file that Model gave is left as it was.
func TestStateBesideModel(t *testing.T) {
	for name, metadata := range map[string]map[string]string{"nil": nil, "kept": {"mine": "1"}} {
		dir := t.TempDir()
		var last [2]float64
		for _, epochs := range []int{2, 3} {
			s := newSlopes(t, false)
			l := s.loop(dir)
			kept := &checkpoint.File{Metadata: metadata, Tensors: vae.Tensors(s.a, s.a.Value.Data(), "")}
			l.Epochs, l.Resume = epochs, epochs == 3
			l.Model = func() (*checkpoint.File, error) { return kept, nil }
			// It has only one of the two parameters, so resume must not hold it to the state.
			if err := l.Run(context.Background()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if len(kept.Tensors) != 1 || len(kept.Metadata) != len(metadata) {
				t.Errorf("%s: the file has %d tensors and the metadata %v", name, len(kept.Tensors), kept.Metadata)
			}
			last = s.numbers()
		}
		whole := newSlopes(t, false)
		if err := whole.loopOf().Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if last != whole.numbers() {
			t.Errorf("%s: resumed to %v, want %v", name, last, whole.numbers())
		}
	}
}

// A run that the context ends while Record measures is interrupted and saved. Resume records
// the epoch, without doing it again.
func TestInterruptedRecord(t *testing.T) {
	whole := newSlopes(t, false).loop(t.TempDir())
	if err := whole.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{2, 3} {
		l := newSlopes(t, false).loop(t.TempDir())
		ctx, stop := context.WithCancel(context.Background())
		l.Record = func(ctx context.Context, s train.Summary) (any, *float64, error) {
			if s.Epoch == at {
				stop()
			}
			return s, nil, ctx.Err()
		}
		if err := l.Run(ctx); !errors.Is(err, train.ErrInterrupted) || !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
		if n := len(trainOf(t, l.Dir)); n != at-1 {
			t.Errorf("%d lines, want %d", n, at-1)
		}
		again := newSlopes(t, false).loop(l.Dir)
		steps := 0
		again.Resume, again.Step = true, func(train.Stepped) { steps++ }
		if err := again.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got, want := trainOf(t, l.Dir), trainOf(t, whole.Dir); steps != 5*(3-at) || !slices.EqualFunc(got, want, maps.Equal) {
			t.Errorf("%d steps, metrics %v, want %v", steps, got, want)
		}
		if got, want := stateOf(t, l.Dir), stateOf(t, whole.Dir); !maps.EqualFunc(got, want, slices.Equal[[]float32]) {
			t.Errorf("state %v, want %v", got, want)
		}
	}
}

// An update without a name is told to be the run's one, in whole sentences.
func TestAgreesWithoutName(t *testing.T) {
	a := newAltered(t)
	a.updates = a.updates[:1]
	a.updates[0].Name = ""
	l := a.loop("")
	if err := l.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	a.updates[0].Rate, l.Epochs = 2, 6
	if err := l.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "another run: its update has the rate 0, here 2") {
		t.Errorf("error %v", err)
	}
}

// A loop that has done steps refuses to go on with other parameters, updates or steps, whose
// moments it has not; with what it had, it goes on.
func TestRunAgainAgrees(t *testing.T) {
	for want, change := range map[string]func(a *altered, l *train.Loop){
		"":                                func(*altered, *train.Loop) {},
		"its epochs have 5 steps, here 3": func(a *altered, _ *train.Loop) { a.steps = func() int { return 3 } },
		"its seed is 1, here 9":           func(_ *altered, l *train.Loop) { l.Seed = 9 },
		"its optimiser is adam, here sgd": func(a *altered, _ *train.Loop) { a.updates[0].Optimizer = "sgd" },
		"it has no parameter c, which is one here": func(a *altered, _ *train.Loop) {
			a.params = append(a.params, nn.NewParam(tensor.Float32, "c", 1))
		},
		"its parameters of these names are others": func(_ *altered, l *train.Loop) { l.Task = newAltered(t) },
	} {
		a := newAltered(t)
		l := a.loop("")
		if err := l.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		l.Epochs = 6
		change(a, l)
		err := l.Run(context.Background())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), "the loop has done 15 steps of another run: "+want)) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// interrupted is a run of slopes that was interrupted in its second epoch.
func interrupted(t *testing.T, before func(l *train.Loop)) (dir string) {
	t.Helper()
	l := newSlopes(t, false).loop(t.TempDir())
	ctx, stop := context.WithCancel(context.Background())
	l.Step = func(s train.Stepped) {
		if s.Epoch == 2 && s.Step == 2 {
			before(&l)
			stop()
		}
	}
	if err := l.Run(ctx); !errors.Is(err, train.ErrInterrupted) {
		t.Fatal(err)
	}
	return l.Dir
}

// A run resumes only with what its steps depended on; the error names what differs. A state
// from before that was kept resumes.
func TestResumeAgrees(t *testing.T) {
	dir := interrupted(t, func(*train.Loop) {})
	for want, change := range map[string]func(a *altered, l *train.Loop){
		"its epochs have 5 steps, here 3":                      func(a *altered, _ *train.Loop) { a.steps = func() int { return 3 } },
		"its seed is 1, here 9":                                func(_ *altered, l *train.Loop) { l.Seed = 9 },
		"it has the parameter b, which is none here":           func(a *altered, _ *train.Loop) { a.params, a.updates = a.params[:1], a.updates[:1] },
		"it has no parameter c, which is one here":             func(a *altered, _ *train.Loop) { a.params = append(a.params, nn.NewParam(tensor.Float32, "c", 1)) },
		"its b is not frozen, and here it is":                  func(a *altered, _ *train.Loop) { a.b.Frozen, a.updates = true, a.updates[:1] },
		"it has 2 updates a step, here 1":                      func(a *altered, _ *train.Loop) { a.updates = a.updates[:1] },
		`its update 2 is named "two", here "2"`:                func(a *altered, _ *train.Loop) { a.updates[1].Name = "2" },
		"its optimiser is adam, here sgd":                      func(a *altered, _ *train.Loop) { a.updates[0].Optimizer = "sgd" },
		"its sgd has the settings {Beta1:0.9":                  func(a *altered, _ *train.Loop) { a.updates[1].Config.Momentum = 0.5 },
		`its update "two" has the rate 0, here 0.5`:            func(a *altered, _ *train.Loop) { a.updates[1].Rate = 0.5 },
		`its update "two" does not change a, and here it does`: func(a *altered, _ *train.Loop) { a.updates[1].Params = a.params },
		`its update "two" changes b, and here it does not`:     func(a *altered, _ *train.Loop) { a.updates[1].Params = a.params[:1] },
	} {
		a := newAltered(t)
		l := a.loop(dir)
		l.Resume = true
		change(a, l)
		before := filesOf(t, dir)
		if err := l.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "state.safetensors: it is of another run: "+want) {
			t.Errorf("error %v, want %s", err, want)
		}
		if !maps.Equal(filesOf(t, dir), before) {
			t.Errorf("%s: the run was changed", want)
		}
	}
	f, err := checkpoint.Read(filepath.Join(dir, "state.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	var state map[string]any
	if err := json.Unmarshal([]byte(f.Metadata["govae.state"]), &state); err != nil {
		t.Fatal(err)
	}
	if _, ok := state["of"]; !ok {
		t.Error("the state does not say what it is of")
	}
	delete(state, "of")
	text, _ := json.Marshal(state)
	swap(t, dir, "state.safetensors", metadata(t, "govae.state", string(text)))
	last := newAltered(t)
	l := last.loop(dir)
	l.Resume = true
	last.updates[0].Config, last.updates[1].Optimizer = optim.DefaultConfig(), "sgd"
	if err := l.Run(context.Background()); err != nil {
		t.Errorf("a state of an earlier version: %v", err)
	}
}

// filesOf are the files of a directory.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		b, _ := os.ReadFile(filepath.Join(dir, e.Name()))
		files[e.Name()] = string(b)
	}
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files in %s, %v", len(files), dir, err)
	}
	return files
}

// A run that lost its config.json writes it again before it promises that it can be resumed.
// The parameters can be read back.
func TestLostSettings(t *testing.T) {
	dir := interrupted(t, func(l *train.Loop) {
		if err := os.Remove(filepath.Join(l.Dir, "config.json")); err != nil {
			t.Fatal(err)
		}
	})
	read := newSlopes(t, false)
	path := filepath.Join(dir, "model.safetensors")
	if err := train.LoadParams(path, read.Params()); err != nil {
		t.Fatal(err)
	}
	state := stateOf(t, dir)
	if n := read.numbers(); float32(n[0]) != state["a"][0] || float32(n[1]) != state["b"][0] || n[0] == 0 {
		t.Errorf("read back %v, want %v and %v", n, state["a"], state["b"])
	}
	other := nn.NewParam(tensor.Float32, "c", 1)
	if err := train.LoadParams(path, []*nn.Param{other}); err == nil || !strings.HasPrefix(err.Error(), "train: "+path) {
		t.Errorf("a parameter that is not there: %v", err)
	}
	l := read.loop(dir)
	l.Resume = true
	if err := l.Run(context.Background()); err != nil {
		t.Error(err)
	}
}

// wanting is an objective with an input of data of its own.
type wanting struct{ vae.Bound }

func (w wanting) Loss(p *vae.Pass) (vae.LossNodes, error) {
	p.Builder.Input("teacher", 1)
	return w.Bound.Loss(p)
}

func init() {
	vae.RegisterObjective("wanting", func(o vae.Objective) vae.Bound {
		return wanting{o.As("elbo")}
	})
}

// Run refuses data and models that do not go, before it makes a directory.
func TestRunRefuses(t *testing.T) {
	for want, change := range map[string]func(mc *vae.Config, c *train.Config, d *train.Data, m *vae.Model){
		`the objective wanting has an input "teacher" of data`: func(_ *vae.Config, c *train.Config, _ *train.Data, _ *vae.Model) { c.Objective.Name = "wanting" },
		"no test images in nothing: leave": func(_ *vae.Config, _ *train.Config, d *train.Data, _ *vae.Model) {
			d.Test = &mnist.Set{Name: "nothing", Rows: 28, Cols: 28}
		},
		"images of -28×-28 pixels": func(_ *vae.Config, _ *train.Config, d *train.Data, _ *vae.Model) {
			d.Train.Rows, d.Train.Cols = -28, -28
		},
		"images of 4294967296×4294967296 pixels": func(_ *vae.Config, _ *train.Config, d *train.Data, _ *vae.Model) {
			d.Train.Rows, d.Train.Cols = 1<<32, 1<<32
		},
		"which are no whole number of images of 28×28": func(_ *vae.Config, _ *train.Config, d *train.Data, _ *vae.Model) { d.Train.Pixels = d.Train.Pixels[5:] },
		"3 labels of ": func(_ *vae.Config, _ *train.Config, d *train.Data, _ *vae.Model) { d.Test.Labels = d.Test.Labels[:3] },
		"nothing to train: all parameters of the model": func(_ *vae.Config, _ *train.Config, _ *train.Data, m *vae.Model) { nn.Freeze(m.Params()...) },
		"resume without a run directory":                func(_ *vae.Config, c *train.Config, _ *train.Data, _ *vae.Model) { c.Out, c.Resume = "", true },
	} {
		mc, c := tiny()
		d := data(t)
		one, two := *d.Train, *d.Test
		d.Train, d.Test = &one, &two
		c.Out = filepath.Join(t.TempDir(), "run")
		m := fresh(t, mc, c)
		change(&mc, &c, &d, m)
		if _, err := train.Run(context.Background(), m, d, c, train.Hooks{}); err == nil || !strings.HasPrefix(err.Error(), "train: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
		if _, err := os.Stat(c.Out); c.Out != "" && err == nil {
			t.Errorf("%s: the directory was made", want)
		}
	}
	_, c := tiny()
	if _, err := train.Run(context.Background(), nil, data(t), c, train.Hooks{}); err == nil || !strings.Contains(err.Error(), "train: no model") {
		t.Errorf("no model: %v", err)
	}
}
