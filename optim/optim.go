package optim

import (
	"cmp"
	"fmt"
	"slices"

	"govae/internal/names"
)

// Optimizer changes a list of weights that it was made for. It is not safe for
// concurrent use.
type Optimizer interface {
	// Step changes the weights by one step of the given size along the gradients, each
	// of which counts scale times (see ClipNorm). The gradients have the order and sizes
	// of the weights, and are left as they are. A gradient that is not finite gives
	// weights that are not.
	Step(grads [][]float32, lr, scale float64)

	// State returns all that the next step depends on besides weights, gradients and the
	// number of steps. The values are the optimiser's own: a checkpoint is made of a copy of
	// them, and restored by writing into them.
	State() []Moment

	// SetSteps says how many steps were taken before, after the state was restored. An
	// optimiser whose steps are all alike does nothing here.
	SetSteps(n int)
}

// Moment is a part of an optimiser's state: a number for each weight.
type Moment struct {
	Name   string      // in checkpoints, before the weight's name and a dot, such as adam.m
	Values [][]float32 // of the order and sizes of the weights
}

// Default is the name of the optimiser that New makes of an empty name.
const Default = "adam"

var optimizers = &names.Registry[func(weights [][]float32, cfg Config) (Optimizer, error)]{Kind: "optim: optimiser"}

// Register makes an optimiser known by a name. The maker is handed the weights to change,
// and settings that are valid and whole. It is also called with no weights, to check the settings.
// It returns an error if WeightDecay, Momentum or Nesterov is not 0 and has no effect;
// Beta1, Beta2 and Eps are always set, and it may ignore them. Register belongs in an
// init function. A name that is registered twice is an error of New.
func Register(name string, maker func(weights [][]float32, cfg Config) (Optimizer, error)) {
	optimizers.Register(name, maker)
}

// New makes the optimiser of that name for weights that it will change in place. The
// error names an unknown optimiser, or the setting that is wrong.
func New(name string, weights [][]float32, cfg Config) (Optimizer, error) {
	name = cmp.Or(name, Default)
	maker, err := optimizers.Get(name)
	if err != nil {
		return nil, err
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.Whole()
	if maker == nil {
		return nil, fmt.Errorf("optim: optimiser %q is registered without a function", name)
	}
	o, err := maker(weights, cfg)
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, fmt.Errorf("optim: optimiser %q gives nil", name)
	}
	if err := checkState(name, o, weights); err != nil {
		return nil, err
	}
	return o, nil
}

// checkState returns an error if what the optimiser shows cannot be kept in a file by
// the names of the weights.
func checkState(name string, o Optimizer, weights [][]float32) error {
	seen := []string{}
	for _, m := range o.State() {
		if m.Name == "" || slices.Contains(seen, m.Name) {
			return fmt.Errorf("optim: optimiser %q: its state has two parts of the name %q, or one without", name, m.Name)
		}
		seen = append(seen, m.Name)
		if !slices.EqualFunc(m.Values, weights, func(v, w []float32) bool { return len(v) == len(w) }) {
			return fmt.Errorf("optim: optimiser %q: its state %s has not the sizes of the weights", name, m.Name)
		}
	}
	return nil
}

// Names returns the names that New knows, sorted.
func Names() []string { return optimizers.Names() }

// moment returns a number for each weight, 0 at first.
func moment(weights [][]float32) [][]float32 {
	m := make([][]float32, len(weights))
	for i, w := range weights {
		m[i] = make([]float32, len(w))
	}
	return m
}
