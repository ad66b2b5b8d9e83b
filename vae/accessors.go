package vae

import (
	"slices"

	"govae/dist"
	"govae/nn"
)

// Config returns what the model was made from.
func (m *Model) Config() Config { return m.cfg }

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
