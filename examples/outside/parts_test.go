package outside

import (
	"context"
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
	c.Encoder, c.Decoder, c.Hidden = "conv", "conv", []int{4, 8}
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
		{"vq", quantised, quantisedRun},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			lifecycle(t, small(part.model), part.run)
		})
	}
}

// What does not go together is an error before anything is trained.
func TestWrongConfigs(t *testing.T) {
	for _, wrong := range []struct {
		name  string
		model func(c *vae.Config)
		run   func(c *train.Config)
	}{
		{"conv of one layer", func(c *vae.Config) { c.Encoder = "conv" }, nil},
		{"conv of 30 rows", func(c *vae.Config) { convolutional(c); c.Rows = 30 }, nil},
		{"conv with labels", func(c *vae.Config) { convolutional(c); c.Labels = 10 }, nil},
		{"binary posterior of the default prior", func(c *vae.Config) { c.Posterior = "binary" }, nil},
		{"conditional prior without labels", func(c *vae.Config) { c.Prior = "conditional" }, nil},
		{"binary posterior, standard prior", func(c *vae.Config) { c.Posterior, c.Prior = "binary", "standard" }, sampled},
		{"normal posterior, binary prior", func(c *vae.Config) { c.Prior = "binary" }, sampled},
		{"flow prior, elbo", func(c *vae.Config) { c.Prior = "flow" }, nil},
		{"flow prior, mmd", func(c *vae.Config) { c.Prior = "flow" }, infoVAE},
		{"mmd of two draws", nil, func(c *train.Config) { infoVAE(c); c.Objective.K = 2 }},
		{"mmd of weight -1", nil, func(c *train.Config) { infoVAE(c); c.Objective.Options = vae.Options{"mmd.weight": "-1"} }},
		{"mmd of another option", nil, func(c *train.Config) { infoVAE(c); c.Objective.Options = vae.Options{"mmd.wait": "7"} }},
		{"an option of no part", func(c *vae.Config) { c.Options = vae.Options{"flow.layers": "7"} }, nil},
		{"vq of another posterior", nil, quantisedRun},
		{"vq posterior, standard prior", func(c *vae.Config) { quantised(c); c.Prior = "" }, quantisedRun},
		{"vq of 6 dimensions", func(c *vae.Config) { quantised(c); c.Latent = 6 }, quantisedRun},
		{"vq with the analytic KL", quantised, nil},
		{"vq of no codes", func(c *vae.Config) { quantised(c); c.Options = vae.Options{"vq.codes": "0"} }, quantisedRun},
		{"beta of binarised pixels", func(c *vae.Config) { c.Likelihood = "beta" }, nil},
	} {
		m, err := vae.New(small(wrong.model))
		if err == nil {
			_, err = train.Run(context.Background(), m, load(t), short(t, wrong.run), train.Hooks{Step: func(train.Progress) {
				t.Errorf("%s: it is trained", wrong.name)
			}})
		}
		if err == nil {
			t.Errorf("%s: no error", wrong.name)
		} else {
			t.Logf("%s: %v", wrong.name, err)
		}
	}
}
