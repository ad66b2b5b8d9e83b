package train

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"gorgonia.org/tensor"

	"govae/dist"
	"govae/evaluate"
	"govae/internal/simd"
	"govae/internal/stream"
	"govae/mnist"
	"govae/optim"
	"govae/vae"
)

// Data is what a model is trained on and measured by. The test set never chooses
// anything; Test may be nil.
type Data struct{ Train, Test *mnist.Set }

// Metrics are the averages of a pass over a set, in nats per image.
type Metrics struct {
	ELBO       float64 `json:"elbo"`
	Distortion float64 `json:"distortion"`
	Rate       float64 `json:"rate"`
}

// Epoch is the record of one epoch, a line of metrics.jsonl.
type Epoch struct {
	Epoch           int      `json:"epoch"` // counted from 1
	Step            int      `json:"step"`  // steps so far
	Seconds         float64  `json:"seconds"`
	ImagesPerSecond float64  `json:"images_per_second"` // of training alone
	Beta            float64  `json:"beta"`              // at the last step
	LR              float64  `json:"lr"`                // at the last step
	Train           Metrics  `json:"train"`             // averaged over the epoch, while the weights changed
	Validation      *Metrics `json:"validation,omitempty"`
	Test            *Metrics `json:"test,omitempty"` // after the epoch
	Best            bool     `json:"best,omitempty"` // the best validation ELBO so far
}

// Progress is what a callback learns of one step.
type Progress struct {
	Epoch, Epochs int // current, counted from 1, and all
	Step, Steps   int // done in this epoch, and all of it
	Images        int // of this step's batch
	Loss          vae.Loss
}

// Hooks are called while training, from its goroutine; each may be nil.
type Hooks struct {
	Step  func(Progress)
	Epoch func(Epoch)
}

// ErrInterrupted is returned when the context ends a run. If the run has a
// directory, Resume goes on from there.
var ErrInterrupted = errors.New("train: interrupted")

// Run trains a model in place, from where it is, or, with cfg.Resume, from where
// the run in cfg.Out stopped. It returns the epochs done, those of an earlier
// session included. When ctx ends it finishes the step, saves, and returns
// ErrInterrupted. A loss or gradient that is not finite ends the run before it can
// reach the weights on disk; the error names step and term.
func Run(ctx context.Context, m *vae.Model, data Data, cfg Config, hooks Hooks) ([]Epoch, error) {
	t, err := newTrainer(m, data, cfg, hooks)
	if err != nil {
		return nil, err
	}
	if cfg.Out != "" {
		if err := t.open(); err != nil {
			return nil, err
		}
	}
	for t.epoch() < cfg.Epochs {
		if err := t.runEpoch(ctx); err != nil {
			return t.history, err
		}
	}
	return t.history, nil
}

// trainer is a run in progress.
type trainer struct {
	cfg   Config
	model *vae.Model
	hooks Hooks

	optim    optim.Optimizer
	schedule func(done float64) float64

	train, validation, test *mnist.Set
	feed                    *feed
	perEpoch                int    // steps
	dataID                  string // names the training images

	state   state
	saved   int // steps of the weights in the model file
	history []Epoch
	drawn   time.Time // when the figures were drawn last
}

// state is what a resumed run needs besides weights and moments. Random streams
// are functions of seed and step, so their state is the step.
type state struct {
	Step       int      `json:"step"`       // steps done
	Seen       int      `json:"seen"`       // images seen in the current epoch
	Distortion float64  `json:"distortion"` // summed over them
	Rate       float64  `json:"rate"`
	Seconds    float64  `json:"seconds"` // spent on this epoch
	Best       *float64 `json:"best,omitempty"`
}

func newTrainer(m *vae.Model, data Data, cfg Config, hooks Hooks) (*trainer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if m.Params()[0].Value.Dtype() != tensor.Float32 {
		return nil, fmt.Errorf("train: a model of %v, want float32", m.Params()[0].Value.Dtype())
	}
	mc := m.Config()
	for _, s := range []*mnist.Set{data.Train, data.Test} {
		if s != nil && mc.Labels > 0 {
			if _, err := vae.OneHot(s.Labels, mc.Labels); err != nil {
				return nil, fmt.Errorf("train: %s: %w", s.Name, err)
			}
		}
		if s != nil && s.Size() != mc.Pixels() {
			return nil, fmt.Errorf("train: %s has images of %d×%d pixels, the model takes %d×%d", s.Name, s.Rows, s.Cols, mc.Rows, mc.Cols)
		}
	}
	if data.Train == nil || data.Train.Len() == 0 {
		return nil, fmt.Errorf("train: no training images")
	}
	n := data.Train.Len() - cfg.Validation
	if n < 1 {
		return nil, fmt.Errorf("train: validation takes %d of %d training images and leaves none", cfg.Validation, data.Train.Len())
	}
	if m.Likelihood().Domain() != dist.Binary && cfg.Binarize != mnist.None {
		return nil, fmt.Errorf("train: a %s likelihood is of grey pixels: binarize must be none, not %s", mc.Likelihood, cfg.Binarize)
	}
	if err := cfg.Check(m, n); err != nil {
		return nil, err
	}
	if cfg.Optimizer == optim.Default {
		cfg.Optimizer = "" // one spelling in config.json, that of runs from before there was a choice
	}
	t := &trainer{cfg: cfg, model: m, hooks: hooks, drawn: time.Now()}
	all := data.Train.Prepare(cfg.Binarize, stream.New(cfg.Seed, stream.Fixed, 0))
	t.train, t.validation = all.Slice(0, n), all.Slice(n, all.Len())
	if cfg.Limit > 0 {
		t.train = t.train.Slice(0, min(cfg.Limit, n))
	}
	if data.Test != nil {
		t.test = data.Test.Prepare(cfg.Binarize, stream.New(cfg.Seed, stream.Fixed, 1))
	}
	t.dataID = fmt.Sprintf("%d images of %d×%d, crc32 %08x", t.train.Len(), t.train.Rows, t.train.Cols, crc32.ChecksumIEEE(t.train.Pixels))
	t.perEpoch = (t.train.Len()-1)/cfg.Batch + 1 // rounded up, without overflow
	var weights [][]float32
	for _, p := range m.Params() {
		weights = append(weights, p.Value.Data().([]float32))
	}
	var err error
	if t.optim, err = cfg.optimizer(weights); err != nil {
		return nil, err
	}
	if t.schedule, err = optim.Schedule(cfg.Schedule); err != nil {
		return nil, err
	}
	t.feed = &feed{cfg: cfg, model: m, set: t.train, perEpoch: t.perEpoch, graphs: map[kind]*vae.Step{}, epoch: -1}
	return t, nil
}

// epoch is the number of epochs done.
func (t *trainer) epoch() int { return t.state.Step / t.perEpoch }

// runEpoch works off what is left of the current epoch, then measures and saves.
func (t *trainer) runEpoch(ctx context.Context) error {
	epoch := t.epoch()
	for t.epoch() == epoch {
		start := time.Now()
		images, loss, err := t.step()
		if err != nil {
			return err
		}
		t.state.Step++
		t.state.Seen += images
		t.state.Distortion += loss.Distortion * float64(images)
		t.state.Rate += loss.Rate * float64(images)
		t.state.Seconds += time.Since(start).Seconds()
		if t.hooks.Step != nil {
			t.hooks.Step(Progress{Epoch: epoch + 1, Epochs: t.cfg.Epochs, Step: (t.state.Step-1)%t.perEpoch + 1,
				Steps: t.perEpoch, Images: images, Loss: loss})
		}
		if ctx.Err() != nil && t.epoch() == epoch { // a whole epoch is measured first
			return t.interrupt()
		}
	}
	if err := t.finishEpoch(); err != nil {
		return err
	}
	if ctx.Err() != nil && t.epoch() < t.cfg.Epochs {
		return t.interrupt()
	}
	return nil
}

// step trains on one batch, while the next one is made ready, and returns how
// many images it had.
func (t *trainer) step() (images int, loss vae.Loss, err error) {
	b, err := t.feed.take(t.state.Step)
	if err != nil {
		return 0, loss, err
	}
	if t.state.Step+1 < t.cfg.Epochs*t.perEpoch {
		if err := t.feed.prepare(t.state.Step + 1); err != nil {
			return 0, loss, err
		}
	}
	if err := b.graph.Set("capacity", t.capacity()); err != nil {
		return 0, loss, err
	}
	if err := b.graph.Set("share", t.share()); err != nil {
		return 0, loss, err
	}
	if loss, err = b.graph.Run(t.beta()); err != nil {
		return 0, loss, err
	}
	return b.images, loss, t.update(b.graph, loss)
}

// update checks what a step has computed, and changes the weights. Without
// clipping nobody looks at the gradient: if it is not finite, then the loss of the
// next step isn't, or else the weights at the end of the epoch.
func (t *trainer) update(s *vae.Step, loss vae.Loss) error {
	for _, term := range []struct {
		name  string
		value float64
	}{{"distortion", loss.Distortion}, {"rate", loss.Rate}, {"loss", loss.Loss}} {
		if !finite(term.value) {
			return t.diverged(t.state.Step+1, fmt.Sprintf("the %s is %v", term.name, term.value))
		}
	}
	lr := t.lr()
	if !(lr >= 0) || math.IsInf(lr, 1) {
		return fmt.Errorf("train: step %d: schedule %s makes the step size %v", t.state.Step+1, t.cfg.Schedule, lr)
	}
	scale, err := optim.ClipNorm(s.Grads(), t.cfg.Clip)
	if bad := (*optim.NotFiniteError)(nil); errors.As(err, &bad) {
		return t.diverged(t.state.Step+1, fmt.Sprintf("the gradient of %s is not finite", t.model.Params()[bad.Index].Names[0]))
	} else if err != nil {
		return err
	}
	t.optim.Step(s.Grads(), lr, scale)
	return nil
}

// capacity, share, beta and lr are those of the next step.
func (t *trainer) capacity() float64 {
	return t.cfg.weight().CapacityAt(float64(t.state.Step) / float64(t.perEpoch))
}

func (t *trainer) share() float64 {
	return t.cfg.weight().AboveAt(float64(t.state.Step) / float64(t.perEpoch))
}

func (t *trainer) beta() float64 {
	return t.cfg.weight().At(float64(t.state.Step) / float64(t.perEpoch))
}

func (t *trainer) lr() float64 {
	return t.cfg.LR * t.schedule(t.progress(t.state.Step)/t.progress(t.perEpoch*t.cfg.Epochs))
}

// progress is what the schedule counts: how many draws of z an image of each batch has
// had in all after some steps, or the steps themselves.
func (t *trainer) progress(steps int) float64 {
	if t.cfg.ScheduleSteps {
		return float64(steps)
	}
	first := min(steps, t.perEpoch*min(t.cfg.WarmupK, t.cfg.Epochs))
	return float64(first*t.cfg.objective(0).Samples()) + float64(steps-first)*float64(t.cfg.Objective.Samples())
}

// finishEpoch measures the model, then records and saves the epoch.
func (t *trainer) finishEpoch() error {
	t.state.Step-- // beta and lr are those of the last step
	e := Epoch{Beta: t.beta(), LR: t.lr()}
	t.state.Step++
	if err := t.checkWeights(); err != nil {
		return err
	}
	seen := float64(t.state.Seen)
	d, r := t.state.Distortion/seen, t.state.Rate/seen
	e.Epoch, e.Step = t.epoch(), t.state.Step
	e.Seconds, e.ImagesPerSecond = t.state.Seconds, seen/t.state.Seconds
	e.Train = Metrics{ELBO: -(d + r), Distortion: d, Rate: r}
	var err error
	if t.cfg.Validation > 0 {
		if e.Validation, err = t.measure(t.validation); err != nil {
			return err
		}
		if e.Best = t.state.Best == nil || e.Validation.ELBO > *t.state.Best; e.Best {
			t.state.Best = &e.Validation.ELBO
		}
	}
	if t.test != nil {
		if e.Test, err = t.measure(t.test); err != nil {
			return err
		}
	}
	t.history = append(t.history, e)
	t.state.Seen, t.state.Distortion, t.state.Rate, t.state.Seconds = 0, 0, 0, 0
	if t.cfg.Out != "" {
		if err := t.saveEpoch(e); err != nil {
			return err
		}
	}
	if t.hooks.Epoch != nil {
		t.hooks.Epoch(e)
	}
	return nil
}

// checkWeights fails if a weight is not finite.
func (t *trainer) checkWeights() error {
	for _, p := range t.model.Params() {
		if !finite(simd.SumSquares(p.Value.Data().([]float32))) {
			return t.diverged(t.state.Step, fmt.Sprintf("the weights of %s are not finite", p.Names[0]))
		}
	}
	return nil
}

// measure evaluates the model on a set, on the same draws after each epoch.
func (t *trainer) measure(set *mnist.Set) (*Metrics, error) {
	b, err := evaluate.ELBO(context.Background(), t.model, set, t.cfg.Binarize, t.cfg.Seed)
	if err != nil {
		return nil, err
	}
	if !finite(b.ELBO.Mean) {
		return nil, t.diverged(t.state.Step, fmt.Sprintf("the ELBO of %s is %v", set.Name, b.ELBO.Mean))
	}
	return &Metrics{ELBO: b.ELBO.Mean, Distortion: b.Distortion.Mean, Rate: b.Rate.Mean}, nil
}

// diverged is the error of a run that has left the finite numbers.
func (t *trainer) diverged(step int, what string) error {
	kept := "nothing was saved"
	switch {
	case t.cfg.Out == "" || t.saved == 0:
	case t.saved%t.perEpoch == 0:
		kept = fmt.Sprintf("%s of epoch %d is kept", t.path(modelFile), t.saved/t.perEpoch)
	default:
		kept = fmt.Sprintf("%s of step %d is kept", t.path(modelFile), t.saved)
	}
	return fmt.Errorf("train: step %d: %s; %s; try a smaller lr, or clip", step, what, kept)
}

// interrupt saves a run that is to stop now. The model file then holds the
// weights in the middle of an epoch. No loss has been computed with these yet, so
// they are tried on a few images first: what has diverged is not saved.
func (t *trainer) interrupt() error {
	if t.cfg.Out != "" {
		if err := t.checkWeights(); err != nil {
			return err
		}
		if _, err := t.measure(t.train.Slice(0, min(t.train.Len(), t.cfg.Batch))); err != nil {
			return err
		}
		if err := t.saveModel(modelFile); err != nil {
			return err
		}
		if err := t.saveState(); err != nil {
			return err
		}
	}
	return ErrInterrupted
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
