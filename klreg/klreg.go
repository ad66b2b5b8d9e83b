// Package klreg is the KL term of the ELBO: the analytic Kullback–Leibler
// divergence of a diagonal Gaussian q(z|x) from the prior N(0,I), its relatives,
// and the ways in which the term is weighted while training.
//
// Each divergence stands here as a plain float64 function, which is its
// definition. The one that training needs stands here a second time as an
// operation on a Gorgonia graph (GaussianNode, GaussianDimsNode), which the tests
// hold to the first. All are in nats. KL(q‖p) = E_q[log q − log p] is not
// symmetric: the first argument is the distribution that the expectation is
// taken under.
//
// The package knows no encoder and no decoder. docs/elbo.md teaches the term.
package klreg

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Gaussian returns KL(N(mu, diag exp(logvar)) ‖ N(0, I)) in nats:
//
//	KL = ½ Σ_j (mu_j² + exp(logvar_j) − 1 − logvar_j)
//
// mu and logvar are one image's [Z]. It is zero at mu = 0, logvar = 0, positive
// elsewhere, and never NaN for finite input. Its gradient is ∂KL/∂mu_j = mu_j and
// ∂KL/∂logvar_j = ½(exp(logvar_j) − 1). It panics if the lengths differ.
//
// Source: Kingma & Welling 2014, Appendix B, arXiv:1312.6114, with the sign
// turned (the paper gives −KL).
func Gaussian(mu, logvar []float64) float64 {
	sameLen(len(mu), len(logvar))
	kl := 0.0
	for j := range mu {
		kl += gaussian(mu[j], logvar[j])
	}
	return kl
}

// GaussianDims fills kl [Z] with the summands of Gaussian, the KL of each latent
// dimension in nats. A dimension near zero is not used by the model. It panics if
// the lengths differ.
func GaussianDims(kl, mu, logvar []float64) {
	sameLen(len(mu), len(logvar))
	sameLen(len(kl), len(mu))
	for j := range mu {
		kl[j] = gaussian(mu[j], logvar[j])
	}
}

func gaussian(mu, logvar float64) float64 { return (mu*mu + expm1Minus(logvar)) / 2 }

// expm1Minus is exp(x) − 1 − x. Near zero the three terms cancel, so there the
// series Σ_{n≥2} xⁿ/n! takes over; neither form ever turns negative.
func expm1Minus(x float64) float64 {
	if math.Abs(x) > 0.5 {
		return math.Expm1(x) - x
	}
	sum, term := 0.0, x*x/2
	for n := 3.0; sum+term != sum; n++ {
		sum += term
		term *= x / n
	}
	return sum
}

// GaussianMC returns a Monte Carlo estimate of Gaussian in nats, and its standard
// error, from n ≥ 2 draws z = mu + exp(logvar/2)·eps:
//
//	KL ≈ 1/n Σ_i (log q(z_i|x) − log p(z_i)) = 1/n Σ_i Σ_j ½(z_ij² − eps_ij² − logvar_j)
//
// This is the estimate that one is left with where no closed form exists (Kingma
// & Welling 2014, eq. 6, arXiv:1312.6114). A single draw may well be negative.
// It panics if the lengths differ or n < 2.
func GaussianMC(mu, logvar []float64, n int, src rand.Source) (kl, stderr float64) {
	sameLen(len(mu), len(logvar))
	if n < 2 {
		panic(fmt.Sprintf("klreg: %d draws, want at least 2", n))
	}
	r := rand.New(src)
	var mean, m2 float64 // Welford's running mean and sum of squared deviations
	for i := range n {
		draw := 0.0
		for j := range mu {
			eps := r.NormFloat64()
			z := mu[j] + math.Exp(logvar[j]/2)*eps
			draw += (float64(z*z) - float64(eps*eps) - logvar[j]) / 2 // rounded each: 0 at the prior, with fused multiply-add too
		}
		d := draw - mean
		mean += d / float64(i+1)
		m2 += d * (draw - mean)
	}
	return mean, math.Sqrt(m2 / float64(n-1) / float64(n))
}

// Gaussians returns KL(N(mu1, diag exp(logvar1)) ‖ N(mu2, diag exp(logvar2))) in
// nats, between two diagonal Gaussians:
//
//	KL = ½ Σ_j ((mu1_j − mu2_j)²/exp(logvar2_j) + exp(d_j) − 1 − d_j),  d = logvar1 − logvar2
//
// With the second N(0,I) it is Gaussian. ∂KL/∂mu1 = (mu1 − mu2)/exp(logvar2) and
// ∂KL/∂logvar1 = ½(exp(d) − 1). It panics if the lengths differ.
//
// Source: Soch et al., The Book of Statistical Proofs, P92 (multivariate normal).
func Gaussians(mu1, logvar1, mu2, logvar2 []float64) float64 {
	sameLen(len(mu1), len(logvar1))
	sameLen(len(mu1), len(mu2))
	sameLen(len(mu1), len(logvar2))
	kl := 0.0
	for j := range mu1 {
		// The scale comes before the square, which would overflow first.
		s := mu1[j] - mu2[j]
		if s != 0 { // 0·exp(…) is 0, also where the exponential overflows
			s *= math.Exp(-logvar2[j] / 2)
		}
		kl += (s*s + expm1Minus(logvar1[j]-logvar2[j])) / 2
	}
	return kl
}

func sameLen(a, b int) {
	if a != b {
		panic(fmt.Sprintf("klreg: %d and %d dimensions", a, b))
	}
}
