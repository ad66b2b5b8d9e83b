// Package encoder is q(z|x): networks that give, for images x, the parameters of a
// distribution over the latent code z. For MLP it is a diagonal Gaussian, with mean mu and
// log-variance logvar (dist.Normal), or any other family (dist.Code).
//
// It is the first half of the model. The package knows neither decoder nor KL
// term; vae ties the three together. docs/elbo.md teaches what q is for.
package encoder

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/nn"
)

// Encoder is a network from images x [B,X], and labels y [B,Labels] if it takes any, to
// the parameters of q(z|x): [B,Outputs(Z)] of a family (dist.Code), for dist.Normal mu and
// logvar side by side, [B,2Z]. The names of its parameters start with "encoder.".
type Encoder interface{ nn.Network }

// Config describes an MLP encoder.
type Config struct {
	Name       string // that the parameters' names start with; if empty, encoder
	In         int    // inputs: X, the number of pixels, or for a layer above the dimensions of the code below
	Labels     int    // width of the labels, 0 for none
	Latent     int    // Z, latent dimensions
	Outputs    int    // Outputs(Z) of q's family; 0 for dist.Normal, whose 2Z are two heads, mu and logvar
	Hidden     []int  // sizes of the hidden layers, from x to z; none makes a linear encoder
	Activation string // of the hidden layers: a name that nn.Activations lists
	Init       string // pytorch (uniform ±1/√inputs, weights and biases) or glorot
}

// MLP is the multilayer perceptron of Kingma & Welling 2014, Appendix C.2
// (arXiv:1312.6114): hidden layers, then two linear heads mu and logvar, or one for all
// parameters of another family. It is a nn.Network, of images and of anything else: p(z_l|z_l+1) between stochastic layers is one
// as well.
type MLP struct {
	hidden nn.MLP
	heads  nn.Linear // in one product: rows 0…Z−1 of the weight are mu's, the rest logvar's
	cfg    Config
}

// NewMLP makes an MLP of float32 or float64 whose initial weights come from src.
// The error names the field of cfg that is wrong.
func NewMLP(cfg Config, dt tensor.Dtype, src rand.Source) (*MLP, error) {
	if cfg.In < 1 || cfg.Latent < 1 || cfg.Labels < 0 {
		return nil, fmt.Errorf("encoder: %d inputs, %d latent dimensions and %d labels, want at least 1, 1 and 0", cfg.In, cfg.Latent, cfg.Labels)
	}
	if cfg.Outputs < 0 {
		return nil, fmt.Errorf("encoder: %d outputs, want at least 1, or 0 for mu and logvar", cfg.Outputs)
	}
	if cfg.Name == "" {
		cfg.Name = "encoder"
	}
	layers := nn.MLPConfig{Name: cfg.Name, In: cfg.In + cfg.Labels, Hidden: cfg.Hidden, Activation: cfg.Activation, Init: cfg.Init}
	hidden, err := nn.NewMLP(layers, dt, src)
	if err != nil {
		return nil, fmt.Errorf("encoder: %w", err)
	}
	outputs, names := cfg.Outputs, []string{cfg.Name + ".output"}
	if outputs == 0 {
		outputs, names = 2*cfg.Latent, []string{cfg.Name + ".mu", cfg.Name + ".logvar"}
	}
	heads, err := nn.NewLinear(dt, outputs, layers.Out(), nn.Identity, cfg.Init, src, names...)
	if err != nil {
		return nil, fmt.Errorf("encoder: %w", err)
	}
	return &MLP{hidden, heads, cfg}, nil
}

// Apply implements nn.Network:
//
//	h = act(W_i·h + b_i)  for each hidden layer, from h = x, or x and y side by side; gated, it is
//	h = (W_i·h + b_i)·sigmoid(V_i·h + c_i)
//	mu = W_mu·h + b_mu     logvar = W_lv·h + b_lv
//
// or params = W_out·h + b_out for another family.
func (m *MLP) Apply(x, y *G.Node) (params *G.Node, err error) {
	h, err := nn.WithLabels(x, y, m.cfg.Labels)
	if err != nil {
		return nil, fmt.Errorf("encoder: %w", err)
	}
	if h, err = m.hidden.Apply(h); err != nil { // [B,H]
		return nil, fmt.Errorf("encoder: %w", err)
	}
	if h, err = m.heads.Apply(h); err != nil { // [B,2Z] or [B,Outputs]
		return nil, fmt.Errorf("encoder: heads: %w", err)
	}
	return h, nil
}

// Value is what Apply computes, of one row as plain numbers: x [In], with the labels after it if
// the network takes any, to the parameters. It panics if the length is wrong.
func (m *MLP) Value(xy []float64) []float64 { return m.heads.Value(m.hidden.Value(xy)) }

// Fixed implements nn.Fixable.
func (m *MLP) Fixed() nn.Network {
	fixed := *m
	fixed.hidden, fixed.heads.Fixed = m.hidden.Fixed(), true
	return &fixed
}

// Params implements nn.Network: hidden.0.weight, hidden.0.bias, …, then the heads.
func (m *MLP) Params() []*nn.Param { return append(m.hidden.Params(), m.heads.Params()...) }

// Dims implements nn.Network: X, the labels, 2Z or the outputs.
func (m *MLP) Dims() (in, labels, out int) {
	return m.cfg.In, m.cfg.Labels, m.heads.W.Value.Shape()[0]
}
