package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unsafe"

	"gorgonia.org/tensor"

	"govae/nn"
	"govae/optim"
)

// start checks what the loop was given, and makes the optimisers if they are not there from
// an earlier Run. What is wrong here would else be found after the first epoch, which would
// be lost, or never.
func (l *Loop) start() error {
	const want = "train: a loop wants a task with steps and updates, and at least one epoch"
	if l.Task == nil {
		return errors.New(want)
	}
	l.steps, l.updates, l.params = l.Task.Steps(), l.Task.Updates(), l.Task.Params()
	switch {
	case l.Epochs < 1 || l.steps < 1 || len(l.updates) == 0:
		return errors.New(want)
	case !(l.Clip >= 0) || math.IsInf(l.Clip, 1):
		return fmt.Errorf("train: clip is %v, want a finite number of at least 0", l.Clip)
	case l.Keep < 0:
		return fmt.Errorf("train: keep is %d, want at least 0", l.Keep)
	case l.Every.Steps < 0 || l.Every.Time < 0:
		return fmt.Errorf("train: save every %d steps or %v, want neither below 0", l.Every.Steps, l.Every.Time)
	case l.Patience > 0 && l.Record == nil:
		return fmt.Errorf("train: patience of %d epochs without Record, whose score it is of", l.Patience)
	case l.Resume && l.Dir == "":
		return fmt.Errorf("train: resume without a run directory")
	}
	if err := nn.CheckParams(l.params); err != nil {
		return fmt.Errorf("train: the task's parameters: %w", err)
	}
	var fresh []optim.Optimizer
	var of [][]float32
	for i, u := range l.updates {
		if slices.ContainsFunc(l.updates[:i], func(o Update) bool { return o.Name == u.Name }) {
			return fmt.Errorf("train: two updates named %q", u.Name)
		}
		weights, err := u.weights(l.params)
		if err != nil {
			return err
		}
		o, err := newOptimizer(u.Optimizer, weights, u.Config)
		if err != nil {
			return err
		}
		fresh = append(fresh, o)
		of = append(of, weights...)
	}
	if l.state.Step == 0 {
		l.optims, l.of, l.weights = fresh, l.agreement(), of
	} else if err := l.goesOn(of); err != nil {
		return fmt.Errorf("train: the loop has done %d steps of another run: %w; make a new Loop for this one", l.state.Step, err)
	}
	l.grads, l.ahead = map[source][][]float32{}, ahead{at: -1}
	if l.state.Sums == nil {
		l.state.Sums = map[string]float64{}
	}
	return l.checkNames()
}

// goesOn returns an error unless the steps to come are of the run that the loop has begun:
// its optimisers change the weights that they were made for.
func (l *Loop) goesOn(weights [][]float32) error {
	if err := l.of.differs(l.agreement()); err != nil {
		return err
	}
	for i, w := range weights {
		if unsafe.SliceData(w) != unsafe.SliceData(l.weights[i]) {
			return errors.New("its parameters of these names are others, with numbers of their own")
		}
	}
	return nil
}

// newOptimizer is optim.New, with a panic of a maker as an error.
func newOptimizer(name string, weights [][]float32, cfg optim.Config) (o optim.Optimizer, err error) {
	failed := caught(func() error { o, err = optim.New(name, weights, cfg); return nil })
	if failed != nil {
		return nil, fmt.Errorf("train: optimiser %q: %w", name, failed)
	}
	return o, err
}

// title is what an update is called in errors.
func (u Update) title() string {
	if u.Name == "" {
		return "the update"
	}
	return fmt.Sprintf("update %q", u.Name)
}

// weights are the numbers that the update changes, of parameters that are the task's.
func (u Update) weights(all []*nn.Param) (weights [][]float32, err error) {
	if len(u.Params) == 0 {
		return nil, fmt.Errorf("train: %s changes no parameters: give it some, or leave it out", u.title())
	}
	if err := nn.CheckParams(u.Params); err != nil {
		return nil, fmt.Errorf("train: the parameters of %s: %w", u.title(), err)
	}
	for _, p := range u.Params {
		w, ok := p.Value.Data().([]float32)
		switch {
		case !ok:
			return nil, fmt.Errorf("train: parameter %s of %v, want float32", p.Names[0], p.Value.Dtype())
		case p.Frozen:
			return nil, fmt.Errorf("train: %s is to change %s, which is frozen: leave it out, as nn.Trained does", u.title(), p.Names[0])
		case !slices.Contains(all, p):
			return nil, fmt.Errorf("train: %s is to change %s, which is not among Params of the task: a checkpoint would lack it", u.title(), p.Names[0])
		}
		weights = append(weights, w)
	}
	return weights, nil
}

// checkNames returns an error if two tensors of the training state have one name.
func (l *Loop) checkNames() error {
	names := map[string]bool{}
	for _, p := range l.params {
		for _, n := range p.Names {
			names[n] = true
		}
	}
	for i, u := range l.updates {
		for _, m := range l.optims[i].State() {
			for _, n := range namesOf(u.Params) {
				n = u.moment(m.Name) + n
				if names[n] {
					return fmt.Errorf("train: two tensors named %q, one of which is a state of the optimiser: give the parameter or the update another name", n)
				}
				names[n] = true
			}
		}
	}
	return nil
}

// checkBatch returns an error unless the loop can run an update's batch. What a program has
// is looked at once.
func (l *Loop) checkBatch(at int, b Batch) error {
	step, u := at/len(l.updates), at%len(l.updates)
	switch {
	case b.Program == nil:
		return fmt.Errorf("train: step %d: the batch of %s has no program", step+1, l.updates[u].title())
	case b.Rows < 1:
		return fmt.Errorf("train: step %d: the batch of %s has %d rows, want at least 1", step+1, l.updates[u].title(), b.Rows)
	}
	if _, known := l.grads[source{u, b.Program}]; known {
		return nil
	}
	if dt := b.Program.Dtype(); dt != tensor.Float32 {
		return fmt.Errorf("train: the program of %s is of %v, want float32", l.updates[u].title(), dt)
	}
	if _, err := b.Program.Number("loss"); err != nil {
		return fmt.Errorf("train: the loss of %s: %w", l.updates[u].title(), err)
	}
	grads := [][]float32{}
	for _, p := range l.updates[u].Params {
		g, err := b.Program.Output(p.GradientName())
		if err != nil {
			return fmt.Errorf("train: gradient of %s: %w", p.Names[0], err)
		}
		if n := p.Value.Shape().TotalSize(); len(g) != n {
			return fmt.Errorf("train: the gradient of %s has %d numbers, want its %d", p.Names[0], len(g), n)
		}
		grads = append(grads, g)
	}
	l.grads[source{u, b.Program}] = grads
	return nil
}

// agreement is what the steps of a run depend on besides its settings: two runs of one state
// have the same.
type agreement struct {
	Steps   int            `json:"steps"` // of an epoch
	Seed    uint64         `json:"seed"`
	Params  []string       `json:"params"`
	Frozen  []string       `json:"frozen,omitempty"`
	Updates []updateAgreed `json:"updates"`
}

type updateAgreed struct {
	Name      string       `json:"name,omitempty"`
	Optimizer string       `json:"optimizer"`
	Config    optim.Config `json:"config"`
	Params    []string     `json:"params"`
	Rate      float64      `json:"rate,omitempty"`
}

// agreement is that of this run.
func (l *Loop) agreement() *agreement {
	a := &agreement{Steps: l.steps, Seed: l.Seed, Params: namesOf(l.params)}
	for _, p := range l.params {
		if p.Frozen {
			a.Frozen = append(a.Frozen, p.Names...)
		}
	}
	for _, u := range l.updates {
		name := u.Optimizer
		if name == "" {
			name = optim.Default
		}
		a.Updates = append(a.Updates, updateAgreed{u.Name, name, u.Config.Whole(), namesOf(u.Params), u.Rate})
	}
	return a
}

// differs says what differs between the run in the directory and this one, the first thing.
func (a *agreement) differs(now *agreement) error {
	switch {
	case a.Steps != now.Steps:
		return fmt.Errorf("its epochs have %d steps, here %d", a.Steps, now.Steps)
	case a.Seed != now.Seed:
		return fmt.Errorf("its seed is %d, here %d", a.Seed, now.Seed)
	}
	if err := differ(a.Params, now.Params, "it has the parameter %s, which is none here", "it has no parameter %s, which is one here"); err != nil {
		return err
	}
	if err := differ(a.Frozen, now.Frozen, "its %s is frozen, and here it is not", "its %s is not frozen, and here it is"); err != nil {
		return err
	}
	if len(a.Updates) != len(now.Updates) {
		return fmt.Errorf("it has %d updates a step, here %d", len(a.Updates), len(now.Updates))
	}
	for i, u := range a.Updates {
		is, title := now.Updates[i], strings.TrimPrefix(Update{Name: u.Name}.title(), "the ")
		switch {
		case u.Name != is.Name:
			return fmt.Errorf("its update %d is named %q, here %q", i+1, u.Name, is.Name)
		case u.Optimizer != is.Optimizer:
			return fmt.Errorf("its optimiser is %s, here %s", u.Optimizer, is.Optimizer)
		case u.Rate != is.Rate:
			return fmt.Errorf("its %s has the rate %v, here %v", title, u.Rate, is.Rate)
		case u.Config != is.Config:
			return fmt.Errorf("its %s has the settings %+v, here %+v", u.Optimizer, u.Config, is.Config)
		}
		if err := differ(u.Params, is.Params, "its "+title+" changes %s, and here it does not", "its "+title+" does not change %s, and here it does"); err != nil {
			return err
		}
	}
	return nil
}

// differ returns an error that names the first string which only one of two lists has.
func differ(was, is []string, gone, added string) error {
	for _, lists := range []struct {
		has, lacks []string
		format     string
	}{{was, is, gone}, {is, was, added}} {
		for _, name := range lists.has {
			if !slices.Contains(lists.lacks, name) {
				return fmt.Errorf(lists.format, name)
			}
		}
	}
	return nil
}

// namesOf are all names of some parameters.
func namesOf(params []*nn.Param) (names []string) {
	for _, p := range params {
		names = append(names, p.Names...)
	}
	return names
}
