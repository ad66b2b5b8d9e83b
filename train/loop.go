package train

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	G "gorgonia.org/gorgonia"

	"govae/checkpoint"
	"govae/graph"
	"govae/internal/panics"
	"govae/internal/simd"
	"govae/internal/stream"
	"govae/nn"
	"govae/optim"
)

// Task is what a Loop trains: the ELBO of a variational autoencoder, or anything else that
// has parameters and a loss.
type Task interface {
	// Params lists all parameters, always in the same order, under names of their own. A
	// checkpoint holds them, so those of the updates are among them.
	Params() []*nn.Param
	// Steps is the number of steps of an epoch, the same throughout a run.
	Steps() int
	// Updates lists what one step does, one after another. Usually that is one update;
	// several, each with an optimiser and a program of its own, are what a GAN wants. A run
	// asks once, at its start.
	Updates() []Update
	// Batch returns what an update does in a step, both counted from 0, the step over all
	// epochs. It is called before the update before it has run. Several updates may share a
	// program, which then has the gradients of all their parameters, and runs for each.
	Batch(step, update int) (Batch, error)
}

// Update is a change of some parameters along the gradient of a loss.
type Update struct {
	// Name stands before the optimiser's moments in the training state. Several updates
	// have names of their own, which also stand before their scalars: "critic.loss".
	Name string
	// Params are those that change; none of them is frozen.
	Params []*nn.Param
	// Optimizer is a name that optim.New knows, "" for Adam, and Config its settings, the
	// zero Config for the defaults.
	Optimizer string
	Config    optim.Config
	// Rate multiplies the loop's step size for this update; 0 for 1.
	Rate float64
}

// Batch is one update of one step.
type Batch struct {
	// Program, of float32, computes a scalar "loss", any further scalars, and the gradient of each
	// parameter of the update by its nn.Param.GradientName: Descend adds all of them. The
	// loop fills its inputs of noise, each from its own stream.
	Program *graph.Program
	// Rows is how many images the batch has, at least 1: the step's weight in the averages of
	// an epoch. The largest of the updates counts.
	Rows int
	// Fill fills the inputs of data; nil for none. It runs while the step before does, on
	// another core, and must depend on the step alone. Its error ends the run.
	Fill func(p *graph.Program) error
	// Scalars are the program's scalars in this step.
	Scalars map[string]float64
	// After is called when the parameters have changed, for what is no gradient: moving
	// averages, a codebook. It may be nil. It must be a function of the program's outputs
	// and of parameters, so that a resumed run does the same.
	After func(p *graph.Program) error
}

// Descend makes a program one that an update can have: it adds the scalar loss to the outputs
// as "loss", and its gradient for each parameter that is not frozen. It is an error if the
// loss does not depend on one of them.
func Descend(b *graph.Builder, loss *G.Node, params []*nn.Param) error {
	b.Output("loss", loss)
	return nn.Gradients(b, loss, params)
}

// Loop trains a task: with checkpoints from which it resumes to the same bits, metrics,
// clipping, a schedule of the step size, and early stopping. Task and Epochs are needed.
//
// The run directory's model.safetensors, and best.safetensors if Record gives scores, hold
// the parameters by their names, unless Model says otherwise: LoadParams reads them back.
type Loop struct {
	Task   Task
	Epochs int
	Seed   uint64                 // of all noise
	LR     func(step int) float64 // the step size of each step; nil for 1e-3
	Clip   float64                // largest global norm of a gradient, 0 for no limit

	// Dir is the run directory; "" to write nothing. Resume goes on with the run in it.
	Dir    string
	Resume bool
	// AnyMachine has a run resume on another kind of machine than it was on, where the last
	// digits differ from those of a run that never moved.
	AnyMachine bool
	// Every says when the run is saved besides at the end of each epoch, and Keep is how many
	// of the last epochs' model files stay, as epoch-N.safetensors; 0 for none.
	Every Every
	Keep  int
	// Notice, which may be nil, is told what a user should know of a resumed run, such as a
	// file that was damaged and what stands in for it.
	Notice func(text string)
	// Settings is written to config.json: everything that the result depends on. A run
	// resumes only with equal settings, unless Agree, which is given those of the run,
	// finds nothing wrong. In any case the steps of an epoch, the seed, the parameters and
	// which are frozen, the updates and their optimisers must be the same.
	Settings any
	Agree    func(old json.RawMessage) error
	// Model makes the model file; nil for the parameters alone. The training state has them
	// in any case.
	Model func() (*checkpoint.File, error)

	// Record makes the line of an epoch in metrics.jsonl, and may measure the model first;
	// nil for the Summary itself. A score that it returns, higher being better, and better
	// than Summary.Best, makes the epoch the best one: best.safetensors keeps its weights. If
	// it returns the context's error, the run is interrupted, and records the epoch when it is
	// resumed.
	Record func(ctx context.Context, s Summary) (line any, score *float64, err error)
	// Patience stops the loop after so many epochs without a new best one; 0 for never.
	Patience int

	// Hooks, each of which may be nil. Restored has the lines of the epochs done before a
	// resumed run, Save is called before the state of an epoch is saved, Check before a run
	// that is to stop within an epoch saves its weights, Step after each step, and Epoch at the end
	// of each epoch.
	Restored func(lines []json.RawMessage) error
	Save     func(s Summary) error
	Check    func() error
	Step     func(Stepped)
	Epoch    func(s Summary)

	state   loopState
	optims  []optim.Optimizer
	of      *agreement             // of the steps done
	weights [][]float32            // that the optimisers change
	grads   map[source][][]float32 // of the programs that were seen
	ahead   ahead
	saved   int       // steps of the weights in the model file
	timed   time.Time // when the run was saved last
	lines   []json.RawMessage

	// What the task said at the start of the run.
	steps   int
	updates []Update
	params  []*nn.Param
}

// Summary is what a Loop knows of an epoch.
type Summary struct {
	Epoch         int     `json:"epoch"` // counted from 1
	Step          int     `json:"step"`  // steps so far
	Seconds       float64 `json:"seconds"`
	RowsPerSecond float64 `json:"rows_per_second"`
	LR            float64 `json:"lr"` // at the last step
	// Train is the scalars of the programs, averaged over the epoch. Those of a task of
	// several updates have the update's name and a dot before their own: "critic.loss".
	Train map[string]float64 `json:"train"`
	Best  *float64           `json:"-"` // the best score before this epoch, nil for none
}

// Stepped is what a hook learns of one step.
type Stepped struct {
	Epoch, Epochs int                // current, counted from 1, and all
	Step, Steps   int                // done in this epoch, and all of it
	Rows          int                // of its batches
	Scalars       map[string]float64 // of its programs, by the names of Summary.Train
}

// loopState is what a resumed run needs besides weights and moments. Random streams
// are functions of seed and step, so their state is the step.
type loopState struct {
	Step      int                `json:"step"`           // steps done
	Seen      int                `json:"seen"`           // rows seen in the current epoch
	Sums      map[string]float64 `json:"sums,omitempty"` // of the scalars over them
	Seconds   float64            `json:"seconds"`        // spent on this epoch
	Best      *float64           `json:"best,omitempty"`
	BestEpoch int                `json:"best_epoch,omitempty"`
	Metrics   string             `json:"metrics,omitempty"` // checksum of the lines of metrics.jsonl
	Of        *agreement         `json:"of,omitempty"`      // nil in states from before it was kept

	// Of runs from before there were sums of any names.
	Distortion float64 `json:"distortion,omitempty"`
	Rate       float64 `json:"rate,omitempty"`
}

// source is where a gradient is: an update may have several programs, and a program may
// serve several updates.
type source struct {
	update  int
	program *graph.Program
}

// ahead is the update that is being prepared.
type ahead struct {
	at    int // step·updates + update
	batch Batch
	work  *simd.Ahead
	err   *error // of the work, when it is done
}

// Run trains until Epochs are done, or the context ends: then it finishes the step, saves,
// and returns ErrInterrupted. A loss, gradient or weight that is not finite ends it before
// it can reach the weights on disk. What is wrong with the task, or with the program of its
// first batch, is an error before anything is written; what Fill says, a scalar that the
// program does not have, and the batches of further updates come after config.json. Another
// Run goes on where this one ended, with the same task, seed and optimisers.
func (l *Loop) Run(ctx context.Context) error {
	if ctx == nil {
		return errors.New("train: a run without a context: context.Background() is one that never ends")
	}
	if err := l.start(); err != nil {
		return err
	}
	defer func() { // what fills the next batch uses the task's data
		if l.ahead.work != nil {
			l.ahead.work.Wait()
		}
	}()
	if !l.Resume && l.epoch() < l.Epochs && !l.whole() {
		if err := l.prepare(l.state.Step * len(l.updates)); err != nil {
			return err
		}
	}
	if l.Dir != "" {
		unlock, err := l.open()
		if err != nil {
			return err
		}
		defer unlock()
	}
	for l.epoch() < l.Epochs && !l.patienceEnds() {
		if err := l.runEpoch(ctx); err != nil {
			return err
		}
	}
	return nil
}

// epoch is the number of epochs done: one that is not recorded yet is not.
func (l *Loop) epoch() int {
	if l.whole() {
		return l.state.Step/l.steps - 1
	}
	return l.state.Step / l.steps
}

// whole reports whether all steps of an epoch are done that is not recorded yet.
func (l *Loop) whole() bool { return l.state.Seen > 0 && l.state.Step%l.steps == 0 }

func (l *Loop) patienceEnds() bool {
	return l.Patience > 0 && l.state.Best != nil && l.epoch()-l.state.BestEpoch >= l.Patience
}

// lr is the step size of a step.
func (l *Loop) lr(step int) (lr float64, err error) {
	if l.LR == nil {
		return 1e-3, nil
	}
	if err := caught(func() error { lr = l.LR(step); return nil }); err != nil {
		return 0, fmt.Errorf("train: step %d: the schedule of the step size: %w", step+1, err)
	}
	return lr, nil
}

// runEpoch works off what is left of the current epoch, then measures and saves.
func (l *Loop) runEpoch(ctx context.Context) error {
	epoch := l.epoch()
	for !l.whole() {
		start := time.Now()
		rows, scalars, err := l.step()
		if err != nil {
			return err
		}
		l.state.Step++
		l.state.Seen += rows
		for name, v := range scalars {
			l.state.Sums[name] += v * float64(rows)
		}
		l.state.Seconds += time.Since(start).Seconds()
		if l.Step != nil {
			l.Step(Stepped{Epoch: epoch + 1, Epochs: l.Epochs, Step: (l.state.Step-1)%l.steps + 1,
				Steps: l.steps, Rows: rows, Scalars: scalars})
		}
		if ctx.Err() != nil && !l.whole() { // a whole epoch is measured first
			return l.interrupt(ctx)
		}
		if err := l.saveWithin(epoch); err != nil {
			return err
		}
	}
	if err := l.finishEpoch(ctx); err != nil {
		if l.whole() && ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
			return l.interrupt(ctx) // while it was measured: it will be when the run goes on
		}
		return err
	}
	if ctx.Err() != nil && l.epoch() < l.Epochs {
		return l.interrupt(ctx)
	}
	return nil
}

// step runs all updates of a step, while the next batch is made ready.
func (l *Loop) step() (rows int, scalars map[string]float64, err error) {
	scalars = map[string]float64{}
	for u := range l.updates {
		b, err := l.take(l.state.Step*len(l.updates) + u)
		if err != nil {
			return 0, nil, err
		}
		if next := l.state.Step*len(l.updates) + u + 1; next < l.Epochs*l.steps*len(l.updates) {
			if err := l.prepare(next); err != nil {
				return 0, nil, err
			}
		}
		if err := l.update(u, b, scalars); err != nil {
			return 0, nil, err
		}
		rows = max(rows, b.Rows)
	}
	return rows, scalars, nil
}

// prepare starts to make an update's batch ready. It uses the buffers of its program, so
// the batch before must have been taken.
func (l *Loop) prepare(at int) error {
	n := len(l.updates)
	var b Batch
	err := caught(func() (err error) { b, err = l.Task.Batch(at/n, at%n); return err })
	if err != nil {
		return err
	}
	if err := l.checkBatch(at, b); err != nil {
		return err
	}
	l.ahead = ahead{at: at, batch: b, err: new(error)}
	failed := l.ahead.err
	l.ahead.work = simd.Start(func() {
		defer func() {
			if r := recover(); r != nil {
				*failed = panics.Error(r)
			}
		}()
		if b.Fill != nil {
			*failed = b.Fill(b.Program)
		}
		fillNoise(b.Program, l.Seed, at)
	})
	return nil
}

// fillNoise draws the inputs of noise from their streams.
func fillNoise(p *graph.Program, seed uint64, at int) {
	for _, in := range p.Inputs() {
		switch in.Noise {
		case graph.Normal:
			stream.Normal(p.Input(in.Name), stream.New(seed, in.Stream, uint64(at)))
		case graph.Uniform:
			stream.Uniform(p.Input(in.Name), stream.New(seed, in.Stream, uint64(at)))
		}
	}
}

// take returns the batch of an update, in its program and ready to run.
func (l *Loop) take(at int) (Batch, error) {
	if l.ahead.work == nil || l.ahead.at != at {
		if err := l.prepare(at); err != nil {
			return Batch{}, err
		}
	}
	l.ahead.work.Wait()
	l.ahead.work = nil
	if err := *l.ahead.err; err != nil {
		return Batch{}, fmt.Errorf("train: step %d: the batch: %w", l.state.Step+1, err)
	}
	return l.ahead.batch, l.ahead.batch.Program.Take()
}

// update runs a program, checks what it has computed, and changes the weights. Without
// clipping nobody looks at the gradient: if it is not finite, then the loss of the
// next step isn't, or else the weights at the end of the epoch.
func (l *Loop) update(u int, b Batch, scalars map[string]float64) error {
	for name, v := range b.Scalars {
		if err := b.Program.Set(name, v); err != nil {
			return err
		}
	}
	if err := b.Program.Run(); err != nil {
		return err
	}
	if err := l.read(u, b.Program, scalars); err != nil {
		return err
	}
	grads := l.grads[source{u, b.Program}]
	lr, err := l.lr(l.state.Step)
	if err != nil {
		return err
	}
	lr *= cmp.Or(l.updates[u].Rate, 1)
	if !(lr >= 0) || math.IsInf(lr, 1) {
		return fmt.Errorf("train: step %d: the schedule makes the step size %v", l.state.Step+1, lr)
	}
	scale, err := optim.ClipNorm(grads, l.Clip)
	if bad := (*optim.NotFiniteError)(nil); errors.As(err, &bad) {
		return l.diverged(l.state.Step+1, fmt.Sprintf("the gradient of %s is not finite", l.updates[u].Params[bad.Index].Names[0]))
	} else if err != nil {
		return err
	}
	if err := caught(func() error { l.optims[u].Step(grads, lr, scale); return nil }); err != nil {
		return fmt.Errorf("train: step %d: optimiser %q: %w", l.state.Step+1, cmp.Or(l.updates[u].Optimizer, optim.Default), err)
	}
	if b.After != nil {
		if err := caught(func() error { return b.After(b.Program) }); err != nil {
			return fmt.Errorf("train: step %d: after the update: %w", l.state.Step+1, err)
		}
	}
	return nil
}

// read adds the scalars of an update's program to those of the step. One that is not
// finite is an error; the loss, which is made of the others, is looked at last.
func (l *Loop) read(u int, p *graph.Program, scalars map[string]float64) error {
	prefix := ""
	if len(l.updates) > 1 && l.updates[u].Name != "" {
		prefix = l.updates[u].Name + "."
	}
	names := slices.DeleteFunc(p.Outputs(), func(n string) bool { return !p.IsScalar(n) || strings.HasPrefix(n, "grad ") || n == "loss" })
	for _, name := range append(names, "loss") {
		v, err := p.Number(name)
		if err != nil {
			return err
		}
		if name = prefix + name; !finite(v) {
			what := fmt.Sprintf("the %s is %v", name, v)
			if p := l.notFinite(); p != nil {
				what += fmt.Sprintf(", since the weights of %s are not finite", p.Names[0])
			}
			return l.diverged(l.state.Step+1, what)
		}
		if _, ok := scalars[name]; ok {
			return fmt.Errorf("train: two scalars named %q: give the updates other names", name)
		}
		scalars[name] = v
	}
	return nil
}

// finishEpoch measures the task, then records and saves the epoch.
func (l *Loop) finishEpoch(ctx context.Context) error {
	if err := l.checkWeights(); err != nil {
		return err
	}
	lr, err := l.lr(l.state.Step - 1)
	if err != nil {
		return err
	}
	s := Summary{Epoch: l.state.Step / l.steps, Step: l.state.Step, Seconds: l.state.Seconds,
		LR: lr, Train: map[string]float64{}, Best: l.state.Best}
	if s.Seconds > 0 { // a coarse clock may have measured none
		s.RowsPerSecond = float64(l.state.Seen) / s.Seconds
	}
	for name, sum := range l.state.Sums {
		s.Train[name] = sum / float64(l.state.Seen)
	}
	var line any = s
	var score *float64
	if l.Record != nil {
		var err error
		if line, score, err = l.Record(ctx, s); err != nil {
			return err
		}
	}
	if score != nil && !finite(*score) {
		return fmt.Errorf("train: epoch %d: Record gives the score %v, want a finite number", s.Epoch, *score)
	}
	best := score != nil && (l.state.Best == nil || *score > *l.state.Best)
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("train: the record of epoch %d: %w", s.Epoch, err)
	}
	if best {
		l.state.Best, l.state.BestEpoch = score, s.Epoch
	}
	l.lines = append(l.lines, text)
	l.state.Seen, l.state.Sums, l.state.Seconds = 0, map[string]float64{}, 0
	l.state.Distortion, l.state.Rate = 0, 0
	if l.Dir != "" {
		if err := l.saveEpoch(s, best); err != nil {
			return err
		}
	}
	if l.Epoch != nil {
		l.Epoch(s)
	}
	return nil
}

// checkWeights fails if a weight is not finite.
func (l *Loop) checkWeights() error {
	if p := l.notFinite(); p != nil {
		return l.diverged(l.state.Step, fmt.Sprintf("the weights of %s are not finite", p.Names[0]))
	}
	return nil
}

// notFinite is the first parameter with a weight that is not finite, nil for none.
func (l *Loop) notFinite() *nn.Param {
	for _, p := range l.params {
		if w, ok := p.Value.Data().([]float32); ok && !finite(simd.SumSquares(w)) {
			return p
		}
	}
	return nil
}

// diverged is the error of a run that has left the finite numbers.
func (l *Loop) diverged(step int, what string) error {
	kept := "nothing was saved"
	switch {
	case l.Dir == "" || l.saved == 0:
	case l.saved%l.steps == 0:
		kept = fmt.Sprintf("%s of epoch %d is kept", l.path(modelFile), l.saved/l.steps)
	default:
		kept = fmt.Sprintf("%s of step %d is kept", l.path(modelFile), l.saved)
	}
	advice := "a smaller lr or clip may help, or settings that make the loss smaller, such as beta or sigma"
	if l.state.Step == 0 && len(l.updates) == 1 {
		advice = "the step size has not been used yet: look at the data, the initial weights, and settings of the loss, such as beta or sigma"
	}
	return fmt.Errorf("train: step %d: %s; %s; %s", step, what, kept, advice)
}

// interrupt saves a run that is to stop now. The model file then holds the
// weights in the middle of an epoch. No loss has been computed with these yet, so
// they are tried first: what has diverged is not saved.
func (l *Loop) interrupt(ctx context.Context) error {
	if err := l.saveNow(); err != nil {
		return err
	}
	return interruptedBy(ctx)
}

// ErrInterrupted is returned when the context ends a run, together with the context's own
// error. If the run has a directory, Resume goes on from there.
var ErrInterrupted = errors.New("train: interrupted")

// interruption is ErrInterrupted and the context's error at once.
type interruption struct{ cause error }

func interruptedBy(ctx context.Context) error { return interruption{ctx.Err()} }

// Error implements error.
func (interruption) Error() string { return ErrInterrupted.Error() }

// Unwrap has both errors match.
func (i interruption) Unwrap() []error { return []error{ErrInterrupted, i.cause} }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// caught is what a function of the task returns; a panic of it is an error that says where.
func caught(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = panics.Error(r)
		}
	}()
	return f()
}
