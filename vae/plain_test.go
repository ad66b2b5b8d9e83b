package vae

import (
	"testing"

	"govae/dist"
)

// distortionOf is −log p(x|z) of one image, from the definition of the likelihood.
func distortionOf(m *Model, params, x []float64) float64 {
	return -m.Likelihood().At(params).LogProb(x)
}

// flowOf is the flow of the posterior.
func flowOf(m *Model) dist.Flow { return m.Posterior().(dist.Transformed).Flow }

// components are the weights [C] of the mixture that the prior is, and the means and
// log-variances [C,Z] of its parts.
func components(m *Model) (weights, mu, logvar []float64, err error) {
	v, err := m.prior.At(nil)
	if err != nil {
		return nil, nil, nil, err
	}
	if n, ok := v.(dist.NormalValue); ok {
		return []float64{1}, n.Mu, n.Logvar, nil
	}
	mix := v.(dist.MixtureValue)
	for _, p := range mix.Parts {
		mu, logvar = append(mu, p.Mu...), append(logvar, p.Logvar...)
	}
	return mix.Weights, mu, logvar, nil
}

var _ testing.TB
