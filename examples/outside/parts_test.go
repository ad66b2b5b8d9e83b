package outside

import (
	"math/rand/v2"
	"testing"

	"govae/mnist"
	"govae/train"
	"govae/vae"
)

func seeded() rand.Source { return rand.NewPCG(1, 2) }

// sampled is the ELBO of priors and posteriors that have no closed KL.
func sampled(c *train.Config) { c.Objective = vae.Objective{Name: "elbo-sampled"} }

func grey(c *train.Config) { c.Binarize = mnist.None }

func convolutional(c *vae.Config) {
	c.Encoder, c.Decoder, c.Hidden = "conv", "conv", []int{8, 16}
}

// Every part goes through all that a model is used for.
func TestParts(t *testing.T) {
	for _, part := range []struct {
		name  string
		model func(c *vae.Config)
		run   func(c *train.Config)
	}{
		{"beta", func(c *vae.Config) { c.Likelihood = "beta" }, grey},
		{"binary", binary, nil},
		{"binary sampled", binary, sampled},
		{"conditional", conditional, nil},
		{"conv", convolutional, nil},
		{"flow", func(c *vae.Config) { c.Prior = "flow" }, sampled},
		{"mmd", nil, infoVAE},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			lifecycle(t, small(part.model), part.run)
		})
	}
}
