package train

import (
	"context"

	"govae/mnist"
	"govae/vae"
)

// Data is what a model is trained on and measured by. The test set never chooses
// anything; Test may be nil.
type Data struct {
	Train, Test *mnist.Set
	// Place is the directory that they were read from, for config.json; "" for GoMNIST's copy.
	Place string
}

// Metrics are the averages of a pass over a set, in nats per image.
type Metrics struct {
	ELBO       float64 `json:"elbo"`
	Distortion float64 `json:"distortion"`
	Rate       float64 `json:"rate"`
}

// Epoch is the record of one epoch, a line of metrics.jsonl.
type Epoch struct {
	Epoch           int     `json:"epoch"` // counted from 1
	Step            int     `json:"step"`  // steps so far
	Seconds         float64 `json:"seconds"`
	ImagesPerSecond float64 `json:"images_per_second"` // of training alone
	Beta            float64 `json:"beta"`              // at the last step
	LR              float64 `json:"lr"`                // at the last step
	Train           Metrics `json:"train"`             // averaged over the epoch, while the weights changed
	// Terms are the further terms of the objective by their names, averaged over the epoch,
	// without their weights.
	Terms      map[string]float64 `json:"terms,omitempty"`
	Validation *Metrics           `json:"validation,omitempty"`
	Test       *Metrics           `json:"test,omitempty"` // after the epoch
	Best       bool               `json:"best,omitempty"` // the best validation ELBO so far
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
	// Notice is told what a user should know of a run that is resumed, such as a file that
	// was damaged and what stands in for it.
	Notice func(text string)
	// Draw draws figures into the run directory, at the end and from time to time: this
	// package draws none itself. Package command has one.
	Draw func(Drawing) error
}

// Drawing is what figures of a run are drawn from.
type Drawing struct {
	Dir     string // the run directory
	Model   *vae.Model
	History []Epoch
	Set     *mnist.Set // the test images, or if there are none those of training; prepared
	Config  Config
}

// Run trains a model in place, from where it is, or, with cfg.Resume, from where
// the run in cfg.Out stopped. It returns the epochs done, those of an earlier
// session included. When ctx ends it finishes the step, saves, and returns
// ErrInterrupted. A loss or gradient that is not finite ends the run before it can
// reach the weights on disk; the error names step and term.
func Run(ctx context.Context, m *vae.Model, data Data, cfg Config, hooks Hooks) ([]Epoch, error) {
	t, err := newTask(m, data, cfg, hooks)
	if err != nil {
		return nil, err
	}
	err = t.loop.Run(ctx)
	return t.history, err
}
