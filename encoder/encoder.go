// Package encoder is q(z|x): networks that give, for images x, the mean mu and
// the log-variance logvar of a diagonal Gaussian over the latent code z.
//
// It is the first half of the model. The package knows neither decoder nor KL
// term; vae ties the three together. docs/elbo.md teaches what q is for.
package encoder

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/nn"
)

// Encoder is a network from images to the parameters of q(z|x).
type Encoder interface {
	// Encode adds the network to the graph of x [B,X] and returns mu and logvar,
	// both [B,Z], where logvar is log σ² (neither σ nor log σ). It is called once
	// a batch size, with a new graph each time; the parameters are bound by
	// Param.Node, so that all the graphs share them.
	Encode(x *G.Node) (mu, logvar *G.Node, err error)
	// Params lists what training changes, always in the same order, under names
	// of their own, for q(z|x) such as start with "encoder.".
	Params() []*nn.Param
	// Dims returns X, the number of pixels, and Z, the number of latent dimensions.
	Dims() (pixels, latent int)
}

// Fixable is an Encoder whose parameters can be held fixed. The objectives stl and
// dreg need it of encoders above the first stochastic layer, whose input is a draw.
type Fixable interface {
	// EncodeFixed is Encode, but passes a gradient to x alone.
	EncodeFixed(x *G.Node) (mu, logvar *G.Node, err error)
}

// Config describes an MLP encoder.
type Config struct {
	Name       string // that the parameters' names start with; if empty, encoder
	Pixels     int    // X, inputs
	Latent     int    // Z, latent dimensions
	Hidden     []int  // sizes of the hidden layers, from x to z; none makes a linear encoder
	Activation string // of the hidden layers: relu, tanh, softplus or gated
	Init       string // pytorch (uniform ±1/√inputs, weights and biases) or glorot
}

// MLP is the multilayer perceptron of Kingma & Welling 2014, Appendix C.2
// (arXiv:1312.6114): hidden layers, then two linear heads mu and logvar.
type MLP struct {
	hidden         nn.MLP
	heads          nn.Linear // both in one product: rows 0…Z−1 of the weight are mu's, the rest logvar's
	pixels, latent int
}

// NewMLP makes an MLP of float32 or float64 whose initial weights come from src.
// The error names the field of cfg that is wrong.
func NewMLP(cfg Config, dt tensor.Dtype, src rand.Source) (*MLP, error) {
	if cfg.Pixels < 1 || cfg.Latent < 1 {
		return nil, fmt.Errorf("encoder: %d pixels and %d latent dimensions, want at least 1 of each", cfg.Pixels, cfg.Latent)
	}
	name := cfg.Name
	if name == "" {
		name = "encoder"
	}
	layers := nn.MLPConfig{Name: name, In: cfg.Pixels, Hidden: cfg.Hidden, Activation: cfg.Activation, Init: cfg.Init}
	hidden, err := nn.NewMLP(layers, dt, src)
	if err != nil {
		return nil, fmt.Errorf("encoder: %w", err)
	}
	heads, err := nn.NewLinear(dt, 2*cfg.Latent, layers.Out(), nn.Identity, cfg.Init, src, name+".mu", name+".logvar")
	if err != nil {
		return nil, fmt.Errorf("encoder: %w", err)
	}
	return &MLP{hidden, heads, cfg.Pixels, cfg.Latent}, nil
}

// Encode implements Encoder:
//
//	h = act(W_i·h + b_i)  for each hidden layer, from h = x; gated, it is
//	h = (W_i·h + b_i)·sigmoid(V_i·h + c_i)
//	mu = W_mu·h + b_mu     logvar = W_lv·h + b_lv
func (m *MLP) Encode(x *G.Node) (mu, logvar *G.Node, err error) {
	h, err := m.hidden.Apply(x) // [B,H]
	if err != nil {
		return nil, nil, fmt.Errorf("encoder: %w", err)
	}
	if h, err = m.heads.Apply(h); err != nil { // [B,2Z]
		return nil, nil, fmt.Errorf("encoder: heads: %w", err)
	}
	if mu, err = graph.Columns(h, 0, m.latent); err != nil { // [B,Z]
		return nil, nil, fmt.Errorf("encoder: mu: %w", err)
	}
	if logvar, err = graph.Columns(h, m.latent, 2*m.latent); err != nil { // [B,Z]
		return nil, nil, fmt.Errorf("encoder: logvar: %w", err)
	}
	return mu, logvar, nil
}

// EncodeFixed implements Fixable.
func (m *MLP) EncodeFixed(x *G.Node) (mu, logvar *G.Node, err error) {
	fixed := *m
	fixed.hidden, fixed.heads.Fixed = m.hidden.Fixed(), true
	return fixed.Encode(x)
}

// Params implements Encoder: hidden.0.weight, hidden.0.bias, …, then the heads.
func (m *MLP) Params() []*nn.Param { return append(m.hidden.Params(), m.heads.Params()...) }

// Dims implements Encoder.
func (m *MLP) Dims() (pixels, latent int) { return m.pixels, m.latent }
