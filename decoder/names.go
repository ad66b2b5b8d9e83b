package decoder

import (
	"fmt"
	"strings"

	"gorgonia.org/tensor"
)

// known are the likelihoods that NewLikelihood makes.
var known = []struct {
	name string
	make func(sigma float64, dt tensor.Dtype) (Likelihood, error)
}{
	{"bernoulli", func(float64, tensor.Dtype) (Likelihood, error) { return Bernoulli{}, nil }},
	{"continuous-bernoulli", func(float64, tensor.Dtype) (Likelihood, error) { return ContinuousBernoulli{}, nil }},
	{"gaussian", func(sigma float64, _ tensor.Dtype) (Likelihood, error) {
		g := Gaussian{Sigma: sigma}
		return g, g.validate()
	}},
	{"gaussian-learned", func(sigma float64, dt tensor.Dtype) (Likelihood, error) {
		if sigma == 0 {
			sigma = 1
		}
		return NewGaussianLearned(sigma, dt)
	}},
	{"gaussian-pixel", func(sigma float64, _ tensor.Dtype) (Likelihood, error) {
		g := GaussianPixel{MinSigma: sigma}
		return g, g.validate()
	}},
	{"logistic256", func(float64, tensor.Dtype) (Likelihood, error) { return Logistic256{}, nil }},
}

// Names lists the likelihoods that NewLikelihood knows.
func Names() (names []string) {
	for _, k := range known {
		names = append(names, k.name)
	}
	return names
}

// NewLikelihood makes a likelihood from its name; dt is the precision of the model,
// float32 or float64. sigma, in units of x, is the σ of gaussian, above 0; where
// that of gaussian-learned starts, 0 for 1; and what that of gaussian-pixel never
// goes below, 0 for no bound. The others have no use for it.
func NewLikelihood(name string, sigma float64, dt tensor.Dtype) (Likelihood, error) {
	for _, k := range known {
		if k.name == name {
			lik, err := k.make(sigma, dt)
			if err != nil {
				return nil, err
			}
			return lik, nil
		}
	}
	return nil, fmt.Errorf("decoder: unknown likelihood %q: choose one of %s", name, strings.Join(Names(), ", "))
}
