package decoder

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/internal/simd"
	"govae/nn"
)

// ContinuousBernoulli is the likelihood of grey pixels in [0,1], with the logits
// l = log(λ/(1−λ)) as parameters. Its density is C(λ)·λˣ·(1−λ)¹⁻ˣ, Bernoulli's
// expression with the constant that makes its integral 1:
//
//	−log p(x|z) = Σ_j (softplus(l_j) − x_j·l_j − log C_j)
//	C = 2·atanh(1−2λ)/(1−2λ) = l/tanh(l/2)    2 at l = 0
//
// softplus(l) − log C is log((eˡ−1)/l), whose derivative is the mean, so that the
// gradient is E[x|l] − x. The mean is not λ.
//
// Source: Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845.
type ContinuousBernoulli struct{}

// Name implements Likelihood.
func (ContinuousBernoulli) Name() string { return "continuous-bernoulli" }

// Outputs implements Likelihood: X.
func (ContinuousBernoulli) Outputs(pixels int) int { return pixels }

// Params implements Likelihood: none.
func (ContinuousBernoulli) Params() []*nn.Param { return nil }

// Check implements Likelihood: pixels in [0,1].
func (ContinuousBernoulli) Check(x []float32) error {
	return check("continuous-bernoulli", x, unit, "0 to 1")
}

// DistortionNode implements Likelihood.
func (ContinuousBernoulli) DistortionNode(logits, x *G.Node) (*G.Node, error) {
	d, err := dist.ContinuousBernoulli(logits, x) // [B]
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return d, nil
}

// Distortion implements Likelihood. It panics if the lengths differ.
func (ContinuousBernoulli) Distortion(logits, x []float64) float64 {
	perPixel(1, logits, x)
	d := 0.0
	for j, l := range logits {
		c := 2.0
		if l != 0 {
			c = l / math.Tanh(l/2)
		}
		d += max(l, 0) + math.Log1p(math.Exp(-math.Abs(l))) - x[j]*l - math.Log(c)
	}
	return d
}

// Mean implements Likelihood: λ/(2λ−1) + 1/(2·atanh(1−2λ)) = 1/(1−e⁻ˡ) − 1/l, and
// 1/2 at l = 0.
func (ContinuousBernoulli) Mean(logits []float32) []float32 {
	for j, l := range logits {
		logits[j] = float32(simd.ContinuousBernoulliMean(float64(l)))
	}
	return logits
}

// Sample implements Likelihood: log(1 + u·(eˡ−1))/l, the inverse of the cumulative
// distribution function at a uniform u; u at l = 0.
func (ContinuousBernoulli) Sample(logits []float32, src rand.Source) []float32 {
	r := rand.New(src)
	for j, l := range logits {
		u := r.Float64()
		x := u
		if a := math.Abs(float64(l)); a > 0 { // as if l were −a, where nothing overflows
			x = min(math.Log1p(u*math.Expm1(-a))/-a, 1)
		}
		if l > 0 {
			x = 1 - x // the density at l is that at −l reflected
		}
		logits[j] = float32(x)
	}
	return logits
}
