package train

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"time"

	"gorgonia.org/tensor"

	"govae/checkpoint"
	"govae/evaluate"
	"govae/graph"
	"govae/internal/stream"
	"govae/mnist"
	"govae/nn"
	"govae/optim"
	"govae/vae"
)

// task is a variational autoencoder and its data: what Run trains.
type task struct {
	cfg   Config
	model *vae.Model
	hooks Hooks
	loop  *Loop

	schedule                func(done float64) float64
	train, validation, test *mnist.Set
	perEpoch                int                   // steps
	ids                     map[*mnist.Set]string // what the sets are known by
	given                   Data                  // as it was given: before its pixels were prepared

	steps map[kind]*vae.Step
	epoch int   // that order is for
	order []int // of the images

	history []Epoch
	drawn   time.Time // when the figures were drawn last
}

// kind is what tells the programs of a run apart.
type kind struct {
	images int // the last batch of an epoch may be smaller
	k      int // draws an image
}

func newTask(m *vae.Model, data Data, cfg Config, hooks Hooks) (*task, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, errors.New("train: no model")
	}
	if len(nn.Trained(m.Params())) == 0 {
		return nil, errors.New("train: nothing to train: all parameters of the model are frozen")
	}
	if m.Params()[0].Value.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("train: a model of %v, want float32", m.Params()[0].Value.Dtype())
	}
	if err := data.check(m, cfg); err != nil {
		return nil, err
	}
	n := data.Train.Len() - cfg.Validation
	if err := cfg.Check(m, n); err != nil {
		return nil, err
	}
	if cfg.Optimizer == optim.Default {
		cfg.Optimizer = "" // one spelling in config.json, that of runs from before there was a choice
	}
	t := &task{cfg: cfg, model: m, hooks: hooks, drawn: time.Now(), steps: map[kind]*vae.Step{}, ids: map[*mnist.Set]string{}, given: data, epoch: -1}
	all := data.Train.Prepare(cfg.Binarize, stream.New(cfg.Seed, stream.Fixed, 0))
	t.train, t.validation = all.Slice(0, n), all.Slice(n, all.Len())
	if cfg.Limit > 0 {
		t.train = t.train.Slice(0, min(cfg.Limit, n))
	}
	if data.Test != nil {
		t.test = data.Test.Prepare(cfg.Binarize, stream.New(cfg.Seed, stream.Fixed, 1))
	}
	t.perEpoch = (t.train.Len()-1)/cfg.Batch + 1 // rounded up, without overflow
	var err error
	if t.schedule, err = optim.Schedule(cfg.Schedule); err != nil {
		return nil, err
	}
	t.loop = &Loop{Task: t, Epochs: cfg.Epochs, Seed: cfg.Seed, LR: t.lr, Clip: cfg.Clip, Dir: cfg.Out, Resume: cfg.Resume, Patience: cfg.Patience,
		Settings: t.settings(), Agree: t.agree, Model: t.file, Record: t.record, Restored: t.restored, Save: t.save, Check: t.check, AnyMachine: cfg.AnyMachine, Every: cfg.CheckpointEvery, Keep: cfg.Keep, Notice: hooks.Notice}
	if hooks.Step != nil {
		t.loop.Step = t.stepped
	}
	if hooks.Epoch != nil {
		t.loop.Epoch = func(Summary) { hooks.Epoch(t.history[len(t.history)-1]) }
	}
	return t, nil
}

// check returns an error unless the data goes with the model.
func (d Data) check(m *vae.Model, cfg Config) error {
	mc := m.Config()
	for _, s := range []*mnist.Set{d.Train, d.Test} {
		if s == nil {
			continue
		}
		if err := s.Validate(); err != nil {
			return fmt.Errorf("train: %w", err)
		}
		switch {
		case s.Size() != mc.Pixels():
			return fmt.Errorf("train: %s has images of %d×%d pixels, the model takes %d×%d", s.Name, s.Rows, s.Cols, mc.Rows, mc.Cols)
		case m.Labels() > 0 && s.Labels == nil:
			return fmt.Errorf("train: %s has no labels, and the model takes them", s.Name)
		case m.Labels() > 0:
			if _, err := vae.OneHot(s.Labels, m.Labels()); err != nil {
				return fmt.Errorf("train: %s: %w", s.Name, err)
			}
		}
		if err := inDomain(m, s, cfg.Binarize); err != nil {
			return err
		}
	}
	switch {
	case d.Train == nil || d.Train.Len() == 0:
		return fmt.Errorf("train: no training images")
	case d.Test != nil && d.Test.Len() == 0:
		return fmt.Errorf("train: no test images in %s: leave the set out", d.Test.Name)
	case d.Train.Len() <= cfg.Validation:
		return fmt.Errorf("train: validation takes %d of %d training images and leaves none", cfg.Validation, d.Train.Len())
	case !m.Likelihood().Domain().Binarised() && cfg.Binarize != mnist.None:
		return fmt.Errorf("train: a %s likelihood is of grey pixels: binarize must be none, not %s", mc.Likelihood, cfg.Binarize)
	}
	return nil
}

// Params implements Task.
func (t *task) Params() []*nn.Param { return t.model.Params() }

// Steps implements Task.
func (t *task) Steps() int { return t.perEpoch }

// Updates implements Task: one, of what is not frozen.
func (t *task) Updates() []Update {
	return []Update{{Params: nn.Trained(t.model.Params()), Optimizer: t.cfg.Optimizer, Config: t.cfg.optimConfig()}}
}

// Batch implements Task. What a batch has, shuffled and binarised, is a function of seed
// and step, so it does not matter who makes it, or when.
func (t *task) Batch(step, _ int) (Batch, error) {
	first := step % t.perEpoch * t.cfg.Batch
	n := min(t.cfg.Batch, t.train.Len()-first)
	o := t.cfg.objective(step / t.perEpoch)
	s, ok := t.steps[kind{n, o.K}]
	if !ok {
		var err error
		if s, err = t.model.NewObjectiveStep(n, t.cfg.Weight(), o); err != nil {
			return Batch{}, err
		}
		for _, in := range s.Inputs() {
			if in.Noise == graph.Data && in.Name != "x" && in.Name != "y" {
				return Batch{}, fmt.Errorf("train: the objective %s has an input %q of data, which only a Loop with a task of its own can fill", t.cfg.Objective.Name, in.Name)
			}
		}
		t.steps[kind{n, o.K}] = s
	}
	epochs, w := float64(step)/float64(t.perEpoch), t.cfg.Weight()
	scalars := map[string]float64{"beta": w.At(epochs)}
	if w.Capacity > 0 {
		scalars["capacity"] = w.CapacityAt(epochs)
	}
	if w.WarmupAbove > 0 {
		scalars["share"] = w.AboveAt(epochs)
	}
	return Batch{Program: s.Program(), Rows: n, Scalars: scalars, After: s.After(), Fill: func(p *graph.Program) error { t.fill(p, step, first, n); return nil }}, nil
}

func (t *task) fill(p *graph.Program, step, first, n int) {
	if epoch := step / t.perEpoch; epoch != t.epoch {
		t.epoch = epoch
		t.order = rand.New(stream.New(t.cfg.Seed, stream.Shuffle, uint64(epoch))).Perm(t.train.Len())
	}
	index := t.order[first : first+n]
	t.train.Fill(p.Input("x"), index, t.cfg.Binarize, stream.New(t.cfg.Seed, stream.Binarize, uint64(step)))
	if width := t.model.Labels(); width > 0 {
		y := p.Input("y")
		clear(y)
		for i, j := range index {
			y[i*width+int(t.train.Labels[j])] = 1 // Data.check has seen that there is such a place
		}
	}
}

// lr is the step size of a step.
func (t *task) lr(step int) float64 {
	return t.cfg.LR * t.schedule(t.progress(step)/t.progress(t.perEpoch*t.cfg.Epochs))
}

// progress is what the schedule counts: how many draws of z an image of each batch has
// had in all after some steps, or the steps themselves.
func (t *task) progress(steps int) float64 {
	if t.cfg.ScheduleSteps {
		return float64(steps)
	}
	first := min(steps, t.perEpoch*min(t.cfg.WarmupK, t.cfg.Epochs))
	return float64(first*t.cfg.objective(0).Samples()) + float64(steps-first)*float64(t.cfg.Objective.Samples())
}

// stepped tells the hook of a step.
func (t *task) stepped(s Stepped) {
	l := vae.Loss{Loss: s.Scalars["loss"], Terms: vae.Terms{Distortion: s.Scalars["distortion"], Rate: s.Scalars["rate"]}, Parts: further(s.Scalars)}
	t.hooks.Step(Progress{Epoch: s.Epoch, Epochs: s.Epochs, Step: s.Step, Steps: s.Steps, Images: s.Rows, Loss: l})
}

// further are the scalars that only some objectives have, nil for none.
func further(scalars map[string]float64) map[string]float64 {
	var terms map[string]float64
	for name, v := range scalars {
		if name == "loss" || name == "distortion" || name == "rate" {
			continue
		}
		if terms == nil {
			terms = map[string]float64{}
		}
		terms[name] = v
	}
	return terms
}

// record measures the model, and makes the record of an epoch.
func (t *task) record(ctx context.Context, s Summary) (any, *float64, error) {
	d, r := s.Train["distortion"], s.Train["rate"]
	e := Epoch{Epoch: s.Epoch, Step: s.Step, Seconds: s.Seconds, ImagesPerSecond: s.RowsPerSecond, LR: s.LR,
		Beta: t.cfg.Weight().At(float64(s.Step-1) / float64(t.perEpoch)), Train: Metrics{ELBO: -(d + r), Distortion: d, Rate: r}, Terms: further(s.Train)}
	var score *float64
	var err error
	if t.cfg.Validation > 0 {
		if e.Validation, err = t.measure(t.validation); err != nil {
			return nil, nil, err
		}
		score = &e.Validation.ELBO
		e.Best = s.Best == nil || *score > *s.Best
	}
	if t.test != nil {
		if e.Test, err = t.measure(t.test); err != nil {
			return nil, nil, err
		}
	}
	t.history = append(t.history, e)
	return e, score, nil
}

// measure evaluates the model on a set, on the same draws after each epoch.
func (t *task) measure(set *mnist.Set) (*Metrics, error) {
	b, err := evaluate.ELBO(context.Background(), t.model, set, t.cfg.Binarize, t.cfg.Seed)
	if err != nil {
		return nil, err
	}
	if !finite(b.ELBO.Mean) {
		return nil, t.loop.diverged(t.loop.state.Step, fmt.Sprintf("the ELBO of %s is %v", set.Name, b.ELBO.Mean))
	}
	return &Metrics{ELBO: b.ELBO.Mean, Distortion: b.Distortion.Mean, Rate: b.Rate.Mean}, nil
}

// check tries the weights on a few images.
func (t *task) check() error {
	_, err := t.measure(t.train.Slice(0, min(t.train.Len(), t.cfg.Batch)))
	return err
}

// restored reads the records of a resumed run.
func (t *task) restored(lines []json.RawMessage) error {
	for i, line := range lines {
		var e Epoch
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("train: %s: line %d is not the record of epoch %[2]d", t.loop.path(metricsFile), i+1)
		}
		t.history = append(t.history, e)
	}
	return nil
}

// figuresEvery is how often the figures of a run are drawn anew. It touches no
// other result.
const figuresEvery = 10 * time.Second

// save has the figures drawn, from time to time.
func (t *task) save(s Summary) error {
	if t.hooks.Draw == nil || s.Epoch < t.cfg.Epochs && time.Since(t.drawn) <= figuresEvery {
		return nil
	}
	set := t.test
	if set == nil {
		set = t.train
	}
	t.drawn = time.Now()
	return t.hooks.Draw(Drawing{Dir: t.cfg.Out, Model: t.model, History: t.history, Set: set, Config: t.cfg})
}

// settings describes this run.
func (t *task) settings() Settings {
	return Settings{Model: t.model.Config(), Train: t.cfg, Data: t.known(t.train), Validation: t.known(t.validation), Test: t.known(t.given.Test), Place: t.given.Place}
}

// known says what a set is known by: number, size and checksum of its images, and, for a
// model that takes them, the checksum of their labels.
func (t *task) known(set *mnist.Set) string {
	if set == nil || set.Len() == 0 {
		return ""
	}
	if id, ok := t.ids[set]; ok {
		return id
	}
	id := set.ID()
	if t.model.Labels() > 0 {
		id += fmt.Sprintf(", of labels %08x", crc32.ChecksumIEEE(set.Labels))
	}
	t.ids[set] = id
	return id
}

// file is the model file of this run as it stands.
func (t *task) file() (*checkpoint.File, error) {
	settings := t.settings()
	settings.Place = "" // nobody else's matter
	s, err := json.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return t.model.File(map[string]string{metaKey: string(s)})
}

// agree returns what differs between settings of the run in the directory and this run's,
// but for the number of epochs, which may grow unless the schedule depends on it.
func (t *task) agree(b json.RawMessage) error {
	old, err := parseSettings(b)
	if err != nil {
		return err
	}
	now := t.settings()
	if now.Train.CanGrow() {
		old.Train.Epochs = now.Train.Epochs
	}
	old.Place = now.Place
	old.Model, now.Model = old.Model.Whole(), now.Model.Whole()
	old.Train.Objective, now.Train.Objective = old.Train.Objective.Whole(), now.Train.Objective.Whole()
	for _, data := range []struct {
		what     string
		old, now *string
	}{{"data", &old.Data, &now.Data}, {"validation data", &old.Validation, &now.Validation}, {"test data", &old.Test, &now.Test}} {
		if *data.old == "" { // not noted
			*data.now = ""
		}
		if *data.old != *data.now {
			return fmt.Errorf("its %s are %s, these are %s", data.what, *data.old, cmp.Or(*data.now, "none"))
		}
	}
	was, _ := json.Marshal(old)
	is, _ := json.Marshal(now)
	if !bytes.Equal(was, is) {
		return errors.New(difference(was, is))
	}
	return nil
}
