// Package decoder is p(x|z): networks that give, for latent codes z, the
// parameters of a distribution over images, and those distributions.
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

// Decoder is a network from latent codes to the parameters of p(x|z).
type Decoder interface {
	// Decode adds the network to the graph of z [B,Z] and returns the parameters
	// [B,X'] of the likelihood, X' = Outputs(X): for Bernoulli the logits [B,X]. It is called once a batch
	// size, with a new graph each time; the parameters are bound by Param.Node, so
	// that all the graphs share them.
	Decode(z *G.Node) (params *G.Node, err error)
	// Params lists what training changes, always in the same order, under names
	// that start with "decoder.".
	Params() []*nn.Param
	// Dims returns Z, the number of latent dimensions, and X', the number of parameters.
	Dims() (latent, outputs int)
}

// Config describes an MLP decoder.
type Config struct {
	Latent     int    // Z, inputs
	Pixels     int    // outputs: Outputs(X) of the likelihood, which is X, the number of pixels, for most
	Hidden     []int  // sizes of the hidden layers, from z to x; none makes a linear decoder
	Activation string // of the hidden layers: relu, tanh, softplus or gated
	Init       string // pytorch (uniform ±1/√inputs, weights and biases) or glorot
}

// MLP is the multilayer perceptron of Kingma & Welling 2014, Appendix C.1
// (arXiv:1312.6114): hidden layers, then a linear layer to the logits.
type MLP struct {
	layers         nn.MLP // hidden ones, then the output
	latent, pixels int
}

// NewMLP makes an MLP of float32 or float64 whose initial weights come from src.
// The error names the field of cfg that is wrong.
func NewMLP(cfg Config, dt tensor.Dtype, src rand.Source) (*MLP, error) {
	if cfg.Latent < 1 || cfg.Pixels < 1 {
		return nil, fmt.Errorf("decoder: %d latent dimensions and %d pixels, want at least 1 of each", cfg.Latent, cfg.Pixels)
	}
	layers := nn.MLPConfig{Name: "decoder", In: cfg.Latent, Hidden: cfg.Hidden, Activation: cfg.Activation, Init: cfg.Init}
	hidden, err := nn.NewMLP(layers, dt, src)
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	output, err := nn.NewLinear(dt, cfg.Pixels, layers.Out(), nn.Identity, cfg.Init, src, "decoder.output")
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return &MLP{append(hidden, output), cfg.Latent, cfg.Pixels}, nil
}

// Decode implements Decoder:
//
//	h = act(W_i·h + b_i)  for each hidden layer, from h = z; gated, it is
//	h = (W_i·h + b_i)·sigmoid(V_i·h + c_i)
//	logits = W_out·h + b_out
func (m *MLP) Decode(z *G.Node) (logits *G.Node, err error) {
	if logits, err = m.layers.Apply(z); err != nil { // [B,Z] to [B,X]
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return logits, nil
}

// Params implements Decoder: hidden.0.weight, hidden.0.bias, …, then the output.
func (m *MLP) Params() []*nn.Param { return m.layers.Params() }

// Dims implements Decoder.
func (m *MLP) Dims() (latent, pixels int) { return m.latent, m.pixels }
