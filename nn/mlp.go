package nn

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// MLP is a multilayer perceptron: layers, each applied to what the one before gives.
type MLP []Linear

// MLPConfig describes the hidden layers of an MLP.
type MLPConfig struct {
	Name       string // that the names of the parameters start with: NAME.hidden.0, NAME.hidden.0.gate, …
	In         int    // inputs
	Hidden     []int  // sizes of the layers; none makes an MLP that is the identity
	Activation string // relu, tanh, softplus, gated (Linear.Gated) or a registered one
	Init       string // pytorch, glorot or a registered one
}

// Out is the number of outputs.
func (c MLPConfig) Out() int {
	if n := len(c.Hidden); n > 0 {
		return c.Hidden[n-1]
	}
	return c.In
}

// NewMLP makes hidden layers of float32 or float64 whose initial weights come from src.
// The error names the field of cfg that is wrong.
func NewMLP(cfg MLPConfig, dt tensor.Dtype, src rand.Source) (MLP, error) {
	if err := CheckNames(cfg.Activation, cfg.Init); err != nil {
		return nil, err
	}
	act, err := activationOf(cfg.Activation)
	if err != nil {
		return nil, err
	}
	var m MLP
	in := cfg.In
	for i, h := range cfg.Hidden {
		if h < 1 {
			return nil, fmt.Errorf("hidden layer %d has %d units, want at least 1", i, h)
		}
		o, names := h, []string{fmt.Sprintf("%s.hidden.%d", cfg.Name, i)}
		if act.gated {
			o, names = 2*h, append(names, names[0]+".gate")
		}
		layer, err := NewLinear(dt, o, in, act.fused, cfg.Init, src, names...)
		if err != nil {
			return nil, err
		}
		layer.Gated = act.gated
		if act.apply != nil {
			layer.more = &act
		}
		m = append(m, layer)
		in = h
	}
	return m, nil
}

// Apply adds all layers to the graph of x [B,I]; the result is [B,O] of the last one. The
// error names the layer, counted from 0.
func (m MLP) Apply(x *G.Node) (h *G.Node, err error) {
	h = x
	for i, layer := range m {
		if h, err = layer.Apply(h); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return h, nil
}

// Params lists the layers' parameters in order, weight before bias.
func (m MLP) Params() []*Param {
	var ps []*Param
	for _, l := range m {
		ps = append(ps, l.Params()...)
	}
	return ps
}
