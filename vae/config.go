package vae

import (
	"fmt"
	"maps"
	"slices"
)

// Config describes a model. It is saved with the weights.
type Config struct {
	Rows       int     `json:"rows"`            // of an image, in pixels
	Cols       int     `json:"cols"`            // of an image, in pixels
	Hidden     []int   `json:"hidden"`          // encoder's hidden layers from x to z; the decoder mirrors them
	Latent     int     `json:"latent"`          // Z
	Activation string  `json:"activation"`      // of the hidden layers: a name that nn.Activations lists
	Likelihood string  `json:"likelihood"`      // a name that is registered
	Sigma      float64 `json:"sigma,omitempty"` // of gaussian; where that of gaussian-learned starts, 0 for 1; the least of gaussian-pixel and laplace. 1 is the range of a pixel
	Init       string  `json:"init"`            // of the weights: a name that nn.Inits lists

	// Above are stochastic layers above the first one, from below: z_2, z_3, …
	Above []Stochastic `json:"above,omitempty"`
	// Prior of the topmost code: standard (also if empty), or another name that is
	// registered, such as mixture or vamp, which have Components parts.
	Prior      string `json:"prior,omitempty"`
	Components int    `json:"components,omitempty"`
	// Flow is the number of coupling layers that make a richer q(z_1|x) of the
	// encoder's Gaussian (dist.RealNVP); 0 for none.
	Flow int `json:"flow,omitempty"`

	// Encoder and Decoder are the networks: mlp (also if empty), or another name that is
	// registered. Posterior is the family of q(z_1|x): normal (also if empty), or another
	// one.
	Encoder   string `json:"encoder,omitempty"`
	Decoder   string `json:"decoder,omitempty"`
	Posterior string `json:"posterior,omitempty"`
	// Labels is the width of the labels that the model is given with each image, 0 for
	// none: p(x|y).
	Labels int `json:"labels,omitempty"`
	// Options are settings of the parts, by names of their own (Part.Options).
	Options Options `json:"options,omitempty"`

	Seed uint64 `json:"seed"` // of the initial weights
}

// Stochastic describes a stochastic layer z_l+1 above z_l: an encoder
// q(z_l+1|z_l) with the given hidden layers, from below, and its mirror
// p(z_l|z_l+1).
//
// Source: Burda, Grosse & Salakhutdinov 2016, section 2, arXiv:1509.00519.
type Stochastic struct {
	Hidden []int `json:"hidden"`
	Latent int   `json:"latent"`
}

// DefaultConfig is 784-400-20 with ReLU and a Bernoulli likelihood, initialised
// as PyTorch does: the architecture of PyTorch's examples/vae.
func DefaultConfig() Config {
	return Config{Rows: 28, Cols: 28, Hidden: []int{400}, Latent: 20, Activation: "relu", Likelihood: "bernoulli", Init: "pytorch", Seed: 1}
}

// Pixels is X, the number of pixels of an image.
func (c Config) Pixels() int { return c.Rows * c.Cols }

// top is the number of dimensions of the topmost code.
func (c Config) top() int {
	if n := len(c.Above); n > 0 {
		return c.Above[n-1].Latent
	}
	return c.Latent
}

// maxWeights bounds the size of one layer, so that a wrong number is an error
// and not an attempt to allocate it.
const maxWeights = 1 << 28

// flowHidden is the width of a coupling layer's network, maxFlow the largest number
// of layers.
const flowHidden, maxFlow = 100, 64

// Validate returns an error that names the first field that is wrong.
func (c Config) Validate() error {
	if c.Rows < 1 || c.Cols < 1 || c.Rows > 4096 || c.Cols > 4096 {
		return fmt.Errorf("vae: images of %d×%d pixels, want 1 to 4096 rows and columns", c.Rows, c.Cols)
	}
	if c.Latent < 1 {
		return fmt.Errorf("vae: %d latent dimensions, want at least 1", c.Latent)
	}
	if c.Latent > maxWeights {
		return fmt.Errorf("vae: %d latent dimensions, want at most %d", c.Latent, maxWeights)
	}
	if c.Labels < 0 || c.Labels > maxWeights {
		return fmt.Errorf("vae: labels of %d numbers, want 0 for none to %d", c.Labels, maxWeights)
	}
	below := c.Latent
	for l, a := range c.Above {
		in := below
		for _, h := range append(append([]int{}, a.Hidden...), 2*a.Latent) {
			if h < 1 || h > maxWeights/in {
				return fmt.Errorf("vae: stochastic layer %d has a layer of %d units on %d, want at least 1 and at most %d weights", l+2, h, in, maxWeights)
			}
			in = h
		}
		below = a.Latent
	}
	switch {
	case c.Flow < 0 || c.Flow > maxFlow:
		return fmt.Errorf("vae: a flow of %d layers, want 0 for none to %d", c.Flow, maxFlow)
	case c.Flow > 0 && c.Latent < 2:
		return fmt.Errorf("vae: a flow on %d latent dimension, want at least 2", c.Latent)
	}
	parts, err := c.known()
	if err != nil {
		return err
	}
	return prefixed(parts.check(c))
}

// clone shares no memory with c.
func (c Config) clone() Config {
	c.Hidden, c.Above, c.Options = slices.Clone(c.Hidden), slices.Clone(c.Above), maps.Clone(c.Options)
	for l, a := range c.Above {
		c.Above[l].Hidden = slices.Clone(a.Hidden)
	}
	return c
}

// CheckHidden is the Part.Check of networks that read Config.Hidden as the sizes of fully
// connected layers. It returns an error that names the first layer that is empty, or larger
// than anybody means.
func CheckHidden(c Config) error {
	in := c.Pixels()
	for i, h := range append(slices.Clone(c.Hidden), 2*c.Latent) {
		if h < 1 {
			return fmt.Errorf("hidden layer %d has %d units, want at least 1", i, h)
		}
		if h > maxWeights/(in+c.Labels) {
			return fmt.Errorf("a layer of %d×%d weights, want at most %d", h, in+c.Labels, maxWeights)
		}
		in = h
	}
	return nil
}
