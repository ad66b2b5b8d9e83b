package evaluate

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"govae/dist"
	"govae/internal/stream"
	"govae/mnist"
	"govae/vae"
)

// SurgeryOptions say how a rate is taken apart.
type SurgeryOptions struct {
	Images int    `json:"images"` // that codes are drawn for, chosen at random; 0 for all. q(z) is always of all
	Draws  int    `json:"draws"`  // of z for each of them; fewer than 2³¹ numbers in all
	Seed   uint64 `json:"seed"`   // of the choice and of the draws
}

// DefaultSurgeryOptions is two draws for each image, seed 1.
func DefaultSurgeryOptions() SurgeryOptions { return SurgeryOptions{Draws: 2, Seed: 1} }

// Validate returns an error that names the first option that is wrong.
func (o SurgeryOptions) Validate() error {
	if o.Images < 0 {
		return fmt.Errorf("evaluate: images is %d, want at least 1, or 0 for all", o.Images)
	}
	if o.Draws < 1 {
		return fmt.Errorf("evaluate: draws is %d, want at least 1", o.Draws)
	}
	return nil
}

// RateParts is the rate of a set of N images taken apart, in nats per image:
//
//	1/N Σ_n KL(q(z|x_n) ‖ p(z)) = I_q(n;z) + KL(q(z) ‖ p(z)),   q(z) = 1/N Σ_n q(z|x_n)
//
// where z is all codes of a model of several stochastic layers. Those above the first are
// drawn given the first alone, so I_q(n;z) = I_q(n;z_1), and q(z) = q(z_1)·q(z_2|z_1)⋯.
// The first part is what a code tells of the image that it was made from, the
// second how far the codes of all images together are from the prior, which
// samples are drawn from. The standard errors are those of the draws, and of the
// choice of images if there was one; the N images themselves are taken as given.
//
// Source: Hoffman & Johnson 2016, "ELBO surgery", NIPS workshop on Advances in
// Approximate Bayesian Inference.
type RateParts struct {
	Rate              float64 `json:"rate"`               // the left side: exact under N(0,I), else over the draws
	MutualInformation Mean    `json:"mutual_information"` // I_q(n;z), from 0 to log N
	MarginalKL        Mean    `json:"marginal_kl"`        // Rate − MutualInformation
	LogN              float64 `json:"log_n"`              // the most that the mutual information can be

	Protocol SurgeryOptions `json:"protocol"`
}

// Surgery takes the rate of a model on a set apart. The seed fixes the
// binarisation as well. The set must have been through Prepare, and the model must
// not have a flow; stochastic layers and the prior may be any.
func Surgery(ctx context.Context, m *vae.Model, set *mnist.Set, b mnist.Binarization, o SurgeryOptions) (RateParts, error) {
	if err := check(ctx, m != nil, set); err != nil {
		return RateParts{}, err
	}
	if err := wantGaussian(m); err != nil {
		return RateParts{}, err
	}
	if err := checkModel(m, set, b); err != nil {
		return RateParts{}, err
	}
	var mu, logvar []float32 // [N,Z]
	for lo := 0; lo < set.Len(); lo += chunk {
		if err := ctx.Err(); err != nil {
			return RateParts{}, err
		}
		mus, logvars, err := m.Encode(images(set, lo, min(set.Len(), lo+chunk), b, o.Seed))
		if err != nil {
			return RateParts{}, err
		}
		mu, logvar = append(mu, mus...), append(logvar, logvars...)
	}
	latents := m.Latents()
	if len(latents) == 1 && standardPrior(m) {
		return SplitRate(ctx, mu, logvar, latents[0], nil, o)
	}
	return SplitRate(ctx, mu, logvar, latents[0], m, o)
}

// PriorModel is a model's p(z), by itself or with all that stands above the first code, as
// a vae.Model has it.
type PriorModel interface {
	// PriorGrad returns log p(z) in nats, [n], and its gradient with respect to z
	// [n,Z], for codes z [n,Z] and noise eps [n,Noise−Z]. Where it depends on eps, its
	// mean is what takes the place of log p(z) in the ELBO.
	PriorGrad(z, eps []float32) (logp []float64, dz []float32, err error)
	// Noise returns how many numbers of noise a draw of all codes takes.
	Noise() int
}

// standard is N(0,I).
type standard struct{ latent int }

func (s standard) Noise() int { return s.latent }

func (s standard) PriorGrad(z, _ []float32) (logp []float64, dz []float32, err error) {
	logp, dz = make([]float64, len(z)/s.latent), make([]float32, len(z))
	for i, v := range z {
		logp[i/s.latent] -= (float64(v)*float64(v) + log2Pi) / 2
		dz[i] = -v
	}
	return logp, dz, nil
}

var log2Pi = math.Log(2 * math.Pi)

// above is how many numbers of noise the codes above those of the given dimensions take.
func above(p PriorModel, latent int) (int, error) {
	if n := p.Noise(); n < latent {
		return 0, fmt.Errorf("evaluate: a prior of %d dimensions for codes of %d", n, latent)
	}
	return p.Noise() - latent, nil
}

// wantGaussian returns an error unless the posterior of a model is a diagonal Gaussian, and
// the model takes no labels.
func wantGaussian(m interface{ Posterior() dist.Code }) error {
	if l, ok := m.(interface{ Labels() int }); ok && l.Labels() > 0 {
		return fmt.Errorf("evaluate: a model that takes labels: surgery and gap want one of images alone")
	}
	if _, ok := m.Posterior().(dist.Normal); !ok {
		return fmt.Errorf("evaluate: a model with the %s posterior: surgery and gap want a diagonal Gaussian q(z|x), posterior normal", m.Posterior().Name())
	}
	return nil
}

// standardPrior reports whether the prior is N(0,I).
func standardPrior(m *vae.Model) bool {
	_, ok := m.Prior().(dist.StandardNormal)
	return ok
}

// maxCodes is how many numbers the codes of SplitRate may have: 8 GiB.
const maxCodes = 1<<31 - 1

// SplitRate takes the rate of N diagonal Gaussians q(z|x_n) = N(mu_n, diag
// exp(logvar_n)) apart; mu and logvar are [N,Z]. With z_nm ~ q(z|x_n),
//
//	I_q(n;z) ≈ mean over n, m of log q(z_nm|x_n) − log 1/N Σ_k q(z_nm|x_k)
//
// A prior of nil is N(0,I), whose rate is exact; with another one
//
//	KL(q(z) ‖ p(z)) ≈ mean over n, m of log 1/N Σ_k q(z_nm|x_k) − log p(z_nm)
//
// is of the same draws. It takes Images·Draws·N·Z steps, on all cores; the result does not depend on
// their number. Each image draws from a stream of its own, numbered by its place.
func SplitRate(ctx context.Context, mu, logvar []float32, latent int, prior PriorModel, o SurgeryOptions) (RateParts, error) {
	if err := o.Validate(); err != nil {
		return RateParts{}, err
	}
	if latent < 1 || len(mu) == 0 || len(mu) != len(logvar) || len(mu)%latent != 0 {
		return RateParts{}, fmt.Errorf("evaluate: %d means and %d log-variances of posteriors of %d dimensions", len(mu), len(logvar), latent)
	}
	n := len(mu) / latent
	mix := newMixture(mu, logvar, latent)
	pick := make([]int, n)
	for i := range pick {
		pick[i] = i
	}
	if o.Images > 0 && o.Images < n {
		pick = rand.New(stream.New(o.Seed, stream.Pick, 0)).Perm(n)[:o.Images]
	}

	if o.Draws > maxCodes/(len(pick)*latent) {
		return RateParts{}, fmt.Errorf("evaluate: %d draws of codes of %d dimensions for each of %d images, want at most %d numbers in all", o.Draws, latent, len(pick), maxCodes)
	}

	ratios := make([]moments, len(pick))               // log q(z|x_n) − log q(z), over the draws of an image
	marginals := make([]float64, len(pick)*o.Draws)    // log q(z)
	codes := make([]float32, len(pick)*o.Draws*latent) // z
	var next atomic.Int64
	var done sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(pick)) {
		done.Add(1)
		go func() {
			defer done.Done()
			eps := make([]float32, latent)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(pick) {
					return
				}
				src := stream.New(o.Seed, stream.Evaluate+" surgery", uint64(pick[i]))
				for r := i * o.Draws; r < (i+1)*o.Draws; r++ {
					stream.Normal(eps, src)
					own, marginal := mix.logs(pick[i], codes[r*latent:(r+1)*latent], eps)
					ratios[i].add(own - marginal)
					marginals[r] = marginal
				}
			}
		}()
	}
	done.Wait()
	if err := ctx.Err(); err != nil {
		return RateParts{}, err
	}

	parts := RateParts{Protocol: o, LogN: math.Log(float64(n)), MutualInformation: twoStage(ratios, n)}
	if prior != nil {
		margins, err := marginsOf(ctx, prior, codes, marginals, o)
		if err != nil {
			return RateParts{}, err
		}
		parts.MarginalKL = twoStage(margins, n)
		parts.Rate = parts.MutualInformation.Mean + parts.MarginalKL.Mean
		return parts, parts.checkFinite()
	}
	for _, kl := range RatePerDim(mu, logvar, latent) {
		parts.Rate += kl
	}
	parts.MarginalKL = Mean{parts.Rate - parts.MutualInformation.Mean, parts.MutualInformation.StdErr}
	return parts, parts.checkFinite()
}

func (p RateParts) checkFinite() error {
	return figures{{"rate", Mean{Mean: p.Rate}}, {"mutual information", p.MutualInformation}, {"marginal KL", p.MarginalKL}}.check()
}

// marginsOf returns log q(z) − log p(z) over the draws of each image, of codes [R,Z] and
// their log q(z) [R].
func marginsOf(ctx context.Context, prior PriorModel, codes []float32, marginals []float64, o SurgeryOptions) ([]moments, error) {
	margins := make([]moments, len(marginals)/o.Draws)
	latent := len(codes) / len(marginals)
	width, err := above(prior, latent)
	if err != nil {
		return nil, err
	}
	src := stream.New(o.Seed, stream.Evaluate+" surgery", math.MaxUint64)
	for lo := 0; lo < len(marginals); lo += chunk {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(len(marginals), lo+chunk)
		eps := make([]float32, (hi-lo)*width)
		stream.Normal(eps, src)
		logp, _, err := prior.PriorGrad(codes[lo*latent:hi*latent], eps)
		if err != nil {
			return nil, err
		}
		if len(logp) != hi-lo {
			return nil, fmt.Errorf("evaluate: a prior of %d log-densities for %d codes", len(logp), hi-lo)
		}
		for r, p := range logp {
			margins[(lo+r)/o.Draws].add(marginals[lo+r] - p)
		}
	}
	return margins, nil
}

// twoStage is the mean over a random choice of n images, out of population, of
// each one's mean over its m draws, with its standard error:
//
//	stderr² = (1−f)·s₁²/n + f·s₂²/(n·m),   f = n/population
//
// where s₁² is the variance between the images' means and s₂² the mean variance
// within images. A single draw has no variance within: then stderr² = s₁²/n, which
// is too large rather than too small. A single image out of several, or a single draw
// of a single image, has no standard error: NaN.
//
// Source: Cochran 1977, Sampling Techniques, 3rd edition, chapter 10.
func twoStage(draws []moments, population int) Mean {
	var between, within moments
	for _, d := range draws {
		between.add(d.m)
		within.add(d.variance())
	}
	mean := between.mean()
	if m := draws[0].n; m > 1 && (len(draws) > 1 || population == 1) {
		n, f := float64(len(draws)), float64(len(draws))/float64(population)
		mean.StdErr = math.Sqrt(((1-f)*between.variance() + f*within.m/float64(m)) / n)
	}
	return mean
}

// mixture is q(z) = 1/N Σ_n N(mu_n, diag exp logvar_n), in the form in which its density
// is quickest to compute.
type mixture struct {
	latent  int
	mu, inv []float32 // [N,Z], inv = exp(−logvar/2)
	norm    []float64 // [N], −log N − ½ Σ_j (logvar_j + log 2π)
}

func newMixture(mu, logvar []float32, latent int) *mixture {
	n := len(mu) / latent
	q := &mixture{latent: latent, mu: mu, inv: make([]float32, len(mu)), norm: make([]float64, n)}
	for i, lv := range logvar {
		q.inv[i] = float32(math.Exp(-float64(lv) / 2))
		q.norm[i/latent] -= (float64(lv) + log2Pi) / 2
	}
	for k := range q.norm {
		q.norm[k] -= math.Log(float64(n))
	}
	return q
}

// logs returns log q(z|x_i) and log q(z) at the z that eps [Z] makes of q(z|x_i),
// which it leaves in z [Z].
func (q *mixture) logs(i int, z, eps []float32) (own, marginal float64) {
	at := i * q.latent
	for j, e := range eps {
		z[j] = q.mu[at+j] + e/q.inv[at+j]
	}
	return q.part(i, z) + math.Log(float64(len(q.norm))), q.logDensity(z)
}

// logDensity is the logarithm of the density.
func (q *mixture) logDensity(z []float32) float64 {
	var sum dist.LogSumExp
	highest := math.Inf(-1)
	for k := range q.norm {
		// A term e⁴⁰ times smaller than another one is lost in the sum.
		if d := q.part(k, z); d > highest-40 {
			highest = max(highest, d)
			sum.Add(d)
		}
	}
	return sum.Value()
}

// part is the logarithm of what component k adds to the density. Four sums side by side let the
// processor work on four products at once.
func (q *mixture) part(k int, z []float32) float64 {
	mu, inv := q.mu[k*q.latent:][:len(z)], q.inv[k*q.latent:][:len(z)]
	var s [4]float32
	j := 0
	for ; j+4 <= len(z); j += 4 {
		a, b := (z[j]-mu[j])*inv[j], (z[j+1]-mu[j+1])*inv[j+1]
		c, d := (z[j+2]-mu[j+2])*inv[j+2], (z[j+3]-mu[j+3])*inv[j+3]
		s[0] += a * a
		s[1] += b * b
		s[2] += c * c
		s[3] += d * d
	}
	for ; j < len(z); j++ {
		a := (z[j] - mu[j]) * inv[j]
		s[0] += a * a
	}
	return q.norm[k] - float64(s[0]+s[1]+s[2]+s[3])/2
}
