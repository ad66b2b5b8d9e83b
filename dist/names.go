package dist

import (
	"fmt"
	"math"
	"strings"

	"gorgonia.org/tensor"
)

// known are the likelihoods that NewLikelihood makes.
var known = []struct {
	name  string
	make  func(sigma float64, dt tensor.Dtype) (Family, error)
	sigma bool
}{
	{"bernoulli", func(float64, tensor.Dtype) (Family, error) { return Bernoulli{}, nil }, false},
	{"continuous-bernoulli", func(float64, tensor.Dtype) (Family, error) { return ContinuousBernoulli{}, nil }, false},
	{"gaussian", func(sigma float64, _ tensor.Dtype) (Family, error) {
		g := Gaussian{Sigma: sigma}
		return g, g.Validate()
	}, true},
	{"gaussian-learned", func(sigma float64, dt tensor.Dtype) (Family, error) {
		if sigma == 0 {
			sigma = 1
		}
		return NewGaussianLearned(sigma, dt)
	}, true},
	{"gaussian-pixel", func(sigma float64, _ tensor.Dtype) (Family, error) {
		g := GaussianPixel{MinSigma: sigma}
		return g, g.Validate()
	}, true},
	{"laplace", func(sigma float64, _ tensor.Dtype) (Family, error) {
		l := LaplacePixel{MinScale: sigma}
		return l, l.Validate()
	}, true},
	{"logistic256", func(float64, tensor.Dtype) (Family, error) { return Logistic256{}, nil }, false},
}

// Likelihoods lists the names that NewLikelihood knows.
func Likelihoods() (names []string) {
	for _, k := range known {
		names = append(names, k.name)
	}
	return names
}

// UsesSigma reports whether the likelihood of that name has a use for sigma.
func UsesSigma(name string) bool {
	for _, k := range known {
		if k.name == name {
			return k.sigma
		}
	}
	return false
}

// NewLikelihood makes a likelihood from its name; dt is the precision of the model,
// float32 or float64. sigma, in units of x, is the σ of gaussian, above 0; where
// that of gaussian-learned starts, 0 for 1; and what that of gaussian-pixel and the scale of
// laplace never go below, 0 for no bound. The others have no use for it.
func NewLikelihood(name string, sigma float64, dt tensor.Dtype) (Family, error) {
	for _, k := range known {
		if k.name == name {
			lik, err := k.make(sigma, dt)
			if err != nil {
				return nil, err
			}
			return lik, nil
		}
	}
	return nil, fmt.Errorf("dist: unknown likelihood %q: choose one of %s", name, strings.Join(Likelihoods(), ", "))
}

// BitsPerDim is nats/(X·log 2): bits per pixel of an image of X pixels, for
// −log p(x) or a bound on it in nats. For the probability of 256 levels it is
// comparable between models, and 8 for the uniform distribution. That of a density
// on [0,1] can be negative.
func BitsPerDim(nats float64, pixels int) float64 { return nats / (float64(pixels) * math.Ln2) }
