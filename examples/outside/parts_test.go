package outside

import (
	"math/rand/v2"

	"govae/train"
	"govae/vae"
)

func seeded() rand.Source { return rand.NewPCG(1, 2) }

// sampled is the ELBO of priors and posteriors that have no closed KL.
func sampled(c *train.Config) { c.Objective = vae.Objective{Name: "elbo-sampled"} }
