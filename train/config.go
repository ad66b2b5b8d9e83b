// Package train fits a model to data: an optimiser on a bound on −log p(x), with metrics,
// checkpoints, and figures in a run directory. A run that was interrupted and
// resumed gives the same bits as one that never stopped.
package train

import (
	"fmt"
	"math"

	"govae/klreg"
	"govae/mnist"
	"govae/optim"
	"govae/vae"
)

// Config says how a model is trained. Start from DefaultConfig.
type Config struct {
	Epochs         int                `json:"epochs"`          // passes over the training images
	Batch          int                `json:"batch"`           // images a step
	LR             float64            `json:"lr"`              // the step size at its highest
	Schedule       string             `json:"schedule"`        // of the step size, over the run's draws of z: a name that optim.Schedule knows
	ScheduleSteps  bool               `json:"schedule_steps"`  // it counts steps, and falls while the warm-up of k lasts
	AdamEps        float64            `json:"adam_eps"`        // Adam's ε
	Clip           float64            `json:"clip"`            // largest global norm of the gradient, 0 for no limit
	Objective      vae.Objective      `json:"objective"`       // the bound on log p(x) that is raised
	WarmupK        int                `json:"warmup_k"`        // epochs at the start in which its k is 1
	Binarize       mnist.Binarization `json:"binarize"`        // of the pixels
	Beta           float64            `json:"beta"`            // factor of the KL term in the loss
	Warmup         float64            `json:"warmup"`          // epochs over which the factor rises from 0
	WarmupAbove    float64            `json:"warmup_above"`    // epochs over which the share of the layers above the first in the KL term rises from 0
	Cycles         int                `json:"cycles"`          // of the factor, in which it rises anew from 0; 0 for none
	Ramp           float64            `json:"ramp"`            // part of a cycle in which it rises, above 0 and at most 1
	FreeBits       float64            `json:"free_bits"`       // nats a latent dimension has for free
	Capacity       float64            `json:"capacity"`        // nats per image that the rate is held to in the end, 0 for none
	CapacityEpochs float64            `json:"capacity_epochs"` // over which that rises from 0
	Gamma          float64            `json:"gamma"`           // factor of the rate's distance from it
	Validation     int                `json:"validation"`      // images off the end of the training set that choose the best epoch
	Limit          int                `json:"limit"`           // training images used, 0 for all
	Seed           uint64             `json:"seed"`            // of shuffling, binarisation and noise

	// Patience is the number of epochs without a better ELBO of the validation images after
	// which the run stops; 0 for never.
	Patience int `json:"patience,omitempty"`

	// The optimiser: a name that optim.New knows, "" for Adam, and what only some take, 0
	// for none. See optim.Config.
	Optimizer   string  `json:"optimizer,omitempty"`
	WeightDecay float64 `json:"weight_decay,omitempty"` // the part of a weight taken off per unit of the step size
	Momentum    float64 `json:"momentum,omitempty"`     // the part of the velocity that a step keeps

	// CheckpointEvery says when a run is saved besides at the end of each epoch. Keep is how
	// many of the last epochs' models stay as files of their own, epoch-N.safetensors, beside
	// the best one; 0 for none. The result depends on neither.
	CheckpointEvery Every `json:"-"`
	Keep            int   `json:"-"`
	// Out is the run directory; empty to write nothing.
	Out string `json:"-"`
	// Resume goes on with the run in Out, which must have been on the same kind of machine
	// unless AnyMachine is set.
	Resume     bool `json:"-"`
	AnyMachine bool `json:"-"`
}

// DefaultConfig is 10 epochs of Adam at 1e-3 in batches of 128, dynamic
// binarisation, the plain ELBO, seed 1.
func DefaultConfig() Config {
	return Config{Epochs: 10, Batch: 128, LR: 1e-3, Schedule: "constant", AdamEps: 1e-8, Objective: vae.DefaultObjective(), Binarize: mnist.Dynamic, Beta: 1, Seed: 1}
}

// Weight is how the KL term counts: Beta and what changes it over the epochs, as a Step of
// the model takes it. A task of one's own makes its Step with Weight(), and sets the scalar
// "beta" of each Batch to Weight().At of the epochs so far, step/Steps; where Capacity or
// WarmupAbove are set, it sets "capacity" to CapacityAt and "share" to AboveAt of them.
func (c Config) Weight() klreg.Weight {
	w := klreg.Weight{Beta: c.Beta, Warmup: c.Warmup, WarmupAbove: c.WarmupAbove, Ramp: c.Ramp, FreeBits: c.FreeBits,
		Capacity: c.Capacity, CapacityEpochs: c.CapacityEpochs, Gamma: c.Gamma}
	if c.Cycles > 0 {
		w.Cycle = float64(c.Epochs) / float64(c.Cycles)
	}
	return w
}

// optimizer makes the optimiser of these weights.
func (c Config) optimizer(weights [][]float32) (optim.Optimizer, error) {
	return newOptimizer(c.Optimizer, weights, c.optimConfig())
}

func (c Config) optimConfig() optim.Config {
	o := optim.DefaultConfig()
	o.Eps, o.WeightDecay, o.Momentum = c.AdamEps, c.WeightDecay, c.Momentum
	return o
}

// objective is the bound of an epoch, counted from 0.
func (c Config) objective(epoch int) vae.Objective {
	o := c.Objective
	if epoch < c.WarmupK {
		o.K, o.Backward = 1, 0
	}
	return o
}

// CanGrow reports whether a run can be resumed with more epochs: no step that it has taken
// depended on their number.
func (c Config) CanGrow() bool { return !optim.UsesLength(c.Schedule) && c.Cycles == 0 }

// Check returns an error unless m can be trained so on that many images: what does not
// go together, or is too large.
func (c Config) Check(m *vae.Model, images int) error {
	return m.CheckStep(max(1, min(c.Batch, images)), c.Weight(), c.Objective)
}

// Validate returns an error that names the first field that is wrong.
func (c Config) Validate() error {
	for _, f := range []struct {
		name       string
		value, min int
	}{{"epochs", c.Epochs, 1}, {"batch", c.Batch, 1}, {"validation", c.Validation, 0}, {"limit", c.Limit, 0}, {"cycles", c.Cycles, 0}, {"patience", c.Patience, 0}, {"warm-up of k", c.WarmupK, 0}, {"keep", c.Keep, 0}, {"checkpoint-every", c.CheckpointEvery.Steps, 0}} {
		if f.value < f.min {
			return fmt.Errorf("train: %s is %d, want at least %d", f.name, f.value, f.min)
		}
	}
	if !(c.LR > 0) || math.IsInf(c.LR, 1) {
		return fmt.Errorf("train: lr is %v, want a finite number above 0", c.LR)
	}
	if !(c.Clip >= 0) || math.IsInf(c.Clip, 1) {
		return fmt.Errorf("train: clip is %v, want a finite number of at least 0", c.Clip)
	}
	if _, err := c.optimizer(nil); err != nil {
		return err
	}
	if _, err := optim.Schedule(c.Schedule); err != nil {
		return err
	}
	if _, err := mnist.ParseBinarization(string(c.Binarize)); err != nil {
		return err
	}
	if err := c.Objective.Validate(); err != nil {
		return err
	}
	if c.Patience > 0 && c.Validation == 0 {
		return fmt.Errorf("train: patience of %d epochs without validation images, whose ELBO it is of: give some", c.Patience)
	}
	if c.WarmupK > 0 && c.Objective.K <= 1 {
		return fmt.Errorf("train: warm-up of k over %d epochs, of an objective whose k is 1: leave it out, or give a larger k", c.WarmupK)
	}
	return c.Weight().Validate()
}
