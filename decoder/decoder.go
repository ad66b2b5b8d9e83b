// Package decoder is p(x|z): networks that give, for latent codes z, the
// parameters of a distribution over images, and the likelihoods by their names.
//
// It is the second half of the model. The package knows neither encoder nor KL
// term; vae ties the three together. docs/elbo.md teaches what p is for.
package decoder

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/nn"
)

// Decoder is a network from latent codes z [B,Z], and labels y [B,Labels] if it takes any,
// to the parameters of p(x|z): [B,Outputs(X)] of a likelihood (dist.Family), for Bernoulli
// the logits [B,X]. The names of its parameters start with "decoder.".
type Decoder interface{ nn.Network }

// Config describes an MLP decoder.
type Config struct {
	Latent     int    // Z, inputs
	Labels     int    // width of the labels, 0 for none
	Outputs    int    // Outputs(X) of the likelihood, which is X, the number of pixels, for most
	Hidden     []int  // sizes of the hidden layers, from z to x; none makes a linear decoder
	Activation string // of the hidden layers: a name that nn.Activations lists
	Init       string // pytorch (uniform ±1/√inputs, weights and biases) or glorot
}

// MLP is the multilayer perceptron of Kingma & Welling 2014, Appendix C.1
// (arXiv:1312.6114): hidden layers, then a linear layer to the logits.
type MLP struct {
	layers nn.MLP // hidden ones, then the output
	cfg    Config
}

// NewMLP makes an MLP of float32 or float64 whose initial weights come from src.
// The error names the field of cfg that is wrong.
func NewMLP(cfg Config, dt tensor.Dtype, src rand.Source) (*MLP, error) {
	if cfg.Latent < 1 || cfg.Outputs < 1 || cfg.Labels < 0 {
		return nil, fmt.Errorf("decoder: %d latent dimensions, %d outputs and %d labels, want at least 1, 1 and 0", cfg.Latent, cfg.Outputs, cfg.Labels)
	}
	layers := nn.MLPConfig{Name: "decoder", In: cfg.Latent + cfg.Labels, Hidden: cfg.Hidden, Activation: cfg.Activation, Init: cfg.Init}
	hidden, err := nn.NewMLP(layers, dt, src)
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	output, err := nn.NewLinear(dt, cfg.Outputs, layers.Out(), nn.Identity, cfg.Init, src, "decoder.output")
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return &MLP{append(hidden, output), cfg}, nil
}

// Apply implements nn.Network:
//
//	h = act(W_i·h + b_i)  for each hidden layer, from h = z, or z and y side by side; gated, it is
//	h = (W_i·h + b_i)·sigmoid(V_i·h + c_i)
//	logits = W_out·h + b_out
func (m *MLP) Apply(z, y *G.Node) (logits *G.Node, err error) {
	h, err := nn.WithLabels(z, y, m.cfg.Labels)
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	if logits, err = m.layers.Apply(h); err != nil { // [B,Z] to [B,X]
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return logits, nil
}

// Value is what Apply computes, of one row as plain numbers: z [Z], with the labels after it if
// the network takes any, to [Outputs]. It panics if the length is wrong.
func (m *MLP) Value(zy []float64) []float64 { return m.layers.Value(zy) }

// Fixed implements nn.Fixable.
func (m *MLP) Fixed() nn.Network {
	fixed := *m
	fixed.layers = m.layers.Fixed()
	return &fixed
}

// Params implements nn.Network: hidden.0.weight, hidden.0.bias, …, then the output.
func (m *MLP) Params() []*nn.Param { return m.layers.Params() }

// Dims implements nn.Network.
func (m *MLP) Dims() (latent, labels, outputs int) {
	return m.cfg.Latent, m.cfg.Labels, m.cfg.Outputs
}
