package nn

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/internal/names"
)

// gated is the activation of layers that are (W·h + b)·sigmoid(V·h + c).
const gated = "gated"

// activation is what a name of MLPConfig.Activation stands for.
type activation struct {
	name  string
	fused Activation // part of the layer's operation
	gated bool
	apply func(h *G.Node) (*G.Node, error) // of the layer's output; nil for none
	value func(h []float64) []float64      // the same of a row
}

var activations = &names.Registry[activation]{Kind: "activation"}

func init() {
	activations.Register("relu", activation{fused: ReLU})
	activations.Register("tanh", activation{fused: Tanh})
	activations.Register("softplus", activation{fused: Softplus})
	activations.Register(gated, activation{gated: true})
}

// RegisterActivation adds an activation of hidden layers under a name, for
// MLPConfig.Activation. f adds it to the graph of h = x·Wᵀ + b [B,O], and returns a node of
// the same shape. f is called once for each layer and graph. value computes the same of one
// row [O] as plain numbers, for Linear.Value, which panics where it is nil.
//
// These are there: relu, tanh, softplus and gated (Linear.Gated).
//
// It is meant for init functions. A name that is registered twice is an error when it is
// used.
func RegisterActivation(name string, f func(h *G.Node) (*G.Node, error), value func(h []float64) []float64) {
	activations.Register(name, activation{name: name, apply: f, value: value})
}

// Activations lists the names of the hidden layers' activations, sorted.
func Activations() []string { return activations.Names() }

// activationOf is the activation of a name. One without a function is an error.
func activationOf(name string) (activation, error) {
	a, err := activations.Get(name)
	if err == nil && a.name != "" && a.apply == nil {
		err = fmt.Errorf("activation %q is registered without a function", name)
	}
	return a, err
}

// on applies a registered activation.
func (a *activation) on(h *G.Node) (*G.Node, error) {
	y, err := a.apply(h)
	if err != nil {
		return nil, fmt.Errorf("nn: activation %s: %w", a.name, err)
	}
	if y == nil {
		return nil, fmt.Errorf("nn: activation %s: no node", a.name)
	}
	if !y.Shape().Eq(h.Shape()) {
		return nil, fmt.Errorf("nn: activation %s: shape %v, want that of its input, %v", a.name, y.Shape(), h.Shape())
	}
	return y, nil
}
