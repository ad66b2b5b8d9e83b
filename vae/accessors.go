package vae

import (
	"slices"

	"govae/dist"
	"govae/graph"
	"govae/nn"
)

// Config returns what the model was made from: a copy.
func (m *Model) Config() Config { return m.cfg.clone() }

// Encoder is the network of q(z_1|x).
func (m *Model) Encoder() nn.Network { return m.q[0].Net }

// Posterior is the family of q(z_1|x).
func (m *Model) Posterior() dist.Code { return m.q[0].Family.(dist.Code) }

// Decoder is the network of p(x|z_1).
func (m *Model) Decoder() nn.Network { return m.p.Net }

// Likelihood is the family of p(x|z_1).
func (m *Model) Likelihood() dist.Family { return m.p.Family }

// Prior returns the prior of the topmost code.
func (m *Model) Prior() dist.Prior { return m.prior }

// Latents returns the number of dimensions of each stochastic layer, from below.
func (m *Model) Latents() []int { return slices.Clone(m.latents) }

// Labels returns the width of the labels that the model takes, 0 for none.
func (m *Model) Labels() int { return m.labels }

// Noise returns how many numbers of noise a draw of all latent codes takes.
func (m *Model) Noise() int { return m.noise }

// Inputs lists what is to be filled before Run: x, and y for a model with labels, and noise
// with the names of its streams.
func (s *Step) Inputs() []graph.Input { return s.p.Inputs() }

// Input is the next batch's buffer of an input, to be filled before Run. It panics if there
// is no such input.
func (s *Step) Input(name string) []float32 { return s.p.Input(name) }

// X is the next batch's images [B,X], to be filled before Run.
func (s *Step) X() []float32 { return s.p.Input("x") }

// Eps is the next batch's noise [B·Samples,Noise], to be filled before Run with draws from
// N(0,1).
func (s *Step) Eps() []float32 { return s.p.Input("eps") }

// Set gives a scalar its value for the Runs to come, if the step has it: "capacity" is the
// rate that a weight with a capacity aims at, in nats per image (klreg.Weight.CapacityAt);
// "share" is that of the layers above the first in the KL term (AboveAt), 1 to begin with.
func (s *Step) Set(name string, v float64) error {
	if !slices.Contains(s.p.Scalars(), name) {
		return nil
	}
	return s.p.Set(name, v)
}

// Grads is the gradient of the last Run's loss, one slice for each of the
// model's Params that is not frozen, in their order and shape. The next Run overwrites it.
func (s *Step) Grads() [][]float32 { return s.grads }

// After is what the objective does when the parameters have changed (LossNodes.After), given
// the Program of the step; nil for nothing. Whoever trains by Run and Grads calls it, and a
// train.Batch has it.
func (s *Step) After() func(p *graph.Program) error { return s.after }

// Program is the compiled graph of the step, for a loop that trains programs of any kind.
func (s *Step) Program() *graph.Program { return s.p }
