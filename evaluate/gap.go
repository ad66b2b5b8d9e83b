package evaluate

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"govae/dist"
	"govae/internal/stream"
	"govae/mnist"
)

// GapModel is what InferenceGap asks of a model. The prior of z is N(0,I) unless the model
// is a PriorModel too, as vae.Model is. All rows are in row-major order.
type GapModel interface {
	// Encode returns mean and log-variance of q(z|x), [n,Z], for images x [n,X].
	Encode(x []float32) (mu, logvar []float32, err error)
	// DistortionGrad returns −log p(x|z) in nats, [n], and its gradient with
	// respect to z, [n,Z], for images x [n,X] and codes z [n,Z]. Both are the caller's.
	DistortionGrad(x, z []float32) (distortion []float64, dz []float32, err error)
}

// GapOptions say how the inference gap is split.
type GapOptions struct {
	Images   int                // chosen at random
	Steps    int                // of Adam, for the best Gaussian of each image
	Noise    int                // draws of eps an image and step, half of them the opposites of the others
	LR       float64            // Adam's first step size, which falls linearly to 0
	Draws    int                // of z an image, for each ELBO; even. log p(x) is of both ELBOs' draws
	Binarize mnist.Binarization // of the pixels
	Seed     uint64             // of all that is random
	Progress func(done, of int) // of the images; may be nil
}

// DefaultGapOptions is 100 images, 500 steps of 0.05 with 8 draws, 1000 draws an
// ELBO, dynamic binarisation, seed 1.
func DefaultGapOptions() GapOptions {
	return GapOptions{Images: 100, Steps: 500, Noise: 8, LR: 0.05, Draws: 1000, Binarize: mnist.Dynamic, Seed: 1}
}

// maxNoise keeps the images of a step, each as often as it is drawn for, to 160 MB for MNIST.
const maxNoise = 1000

// Validate returns an error that names the first option that is wrong.
func (o GapOptions) Validate() error {
	for _, f := range []struct {
		name       string
		value, min int
	}{{"images", o.Images, 1}, {"steps", o.Steps, 1}, {"noise", o.Noise, 2}, {"draws", o.Draws, 2}} {
		if f.value < f.min {
			return fmt.Errorf("evaluate: %s is %d, want at least %d", f.name, f.value, f.min)
		}
	}
	if o.Noise > maxNoise {
		return fmt.Errorf("evaluate: noise is %d, want at most %d draws an image and step", o.Noise, maxNoise)
	}
	if o.Draws > maxK {
		return fmt.Errorf("evaluate: draws is %d, want at most %d an image", o.Draws, maxK)
	}
	if o.Noise%2 != 0 {
		return fmt.Errorf("evaluate: noise is %d, want an even number of draws", o.Noise)
	}
	if o.Draws%2 != 0 {
		return fmt.Errorf("evaluate: draws is %d, want an even number", o.Draws)
	}
	if !(o.LR > 0) || math.IsInf(o.LR, 1) {
		return fmt.Errorf("evaluate: lr is %v, want a finite number above 0", o.LR)
	}
	return nil
}

// Gap is the distance of the ELBO from log p(x) in two parts, in nats per image:
//
//	log p(x) − ELBO(q) = (log p(x) − ELBO(q*)) + (ELBO(q*) − ELBO(q))
//	                     approximation           amortisation
//
// q is the encoder's Gaussian and q* the best diagonal Gaussian of each image; with several
// stochastic layers those of z_1, with q(z_l+1|z_l) as it is, what that costs being in the
// first part. The first part is the price of the family: KL(q* ‖ p(z|x)). The second is the
// price of one encoder for all images. An optimum that was not reached shifts nats from the
// second to the first.
//
// log p(x) is estimated by importance weights from the draws of both ELBOs, S of each, and
// S draws of a broad Gaussian r(z) that has mean and variances of the codes of up to 50
// images, all as from the mixture of the three:
//
//	log p(x) ≈ log 1/3S Σ_i w_i,   w_i = p(x|z_i)·p(z_i) / ⅓(q(z_i) + q*(z_i) + r(z_i))
//
// A draw that one of them finds unlikely and another does not has no weight out of
// proportion, and r finds what lies far from q and q*, if dimensions are few. The expectation
// is a lower bound of log p(x), and the first part is too small by as much as it is too low:
// by about 1/(2·ESS) nats for an image, as long as the draws show the weights' variance.
// Below an ESS of LowESS it may be far more.
//
// Sources: Cremer, Li & Duvenaud 2018, Table 1, arXiv:1801.03558; for the weights, Veach
// & Guibas 1995, "Optimally combining sampling techniques", section 3.2 (the balance
// heuristic), and Owen & Zhou 2000, "Safe and effective importance sampling", section 2.
type Gap struct {
	LogLikelihood Mean `json:"log_likelihood"`
	ESS           Mean `json:"ess"`     // effective sample size of the 3S weights
	LowESS        int  `json:"low_ess"` // images whose ESS is below LowESS: with any, log p(x) and approximation are lower bounds only
	Best          Mean `json:"best"`    // ELBO(q*)
	ELBO          Mean `json:"elbo"`    // ELBO(q)
	Approximation Mean `json:"approximation"`
	Amortisation  Mean `json:"amortisation"`

	Protocol GapProtocol `json:"protocol"`
}

// GapProtocol is what a Gap was made under: fields of GapOptions.
type GapProtocol struct {
	Images       int     `json:"images"`
	Steps        int     `json:"steps"`
	Noise        int     `json:"noise"`
	LR           float64 `json:"lr"`
	Draws        int     `json:"draws"`
	Binarization string  `json:"binarization"` // in words
	Seed         uint64  `json:"seed"`
}

// LowESS is the effective sample size below which an image's log p(x) counts as a lower bound
// only. At 100 the estimate is 0.005 nats low on average, with a standard deviation of
// 0.1 nats (by the delta method, √(1/ESS)).
const LowESS = 100

// gapBlock is how many images are optimised together.
const gapBlock = 50

// InferenceGap splits the gap of a model on images of a set, which must have been
// through Prepare. Memory does not grow with the number of images, steps or draws.
func InferenceGap(ctx context.Context, m GapModel, set *mnist.Set, o GapOptions) (Gap, error) {
	if err := o.Validate(); err != nil {
		return Gap{}, err
	}
	if err := check(ctx, m != nil, set); err != nil {
		return Gap{}, err
	}
	if f, ok := m.(interface{ Posterior() dist.Code }); ok {
		if err := wantGaussian(f); err != nil {
			return Gap{}, err
		}
	}
	n := min(o.Images, set.Len())
	pick := rand.New(stream.New(o.Seed, stream.Pick, 0)).Perm(set.Len())[:n]
	pixels := stream.New(o.Seed, stream.Evaluate+" pixels", math.MaxUint64)
	seeds := stream.New(o.Seed, stream.Evaluate+" gap", 0)
	var logp, ess, best, elbo, approximation, amortisation moments
	low := 0
	for lo := 0; lo < n; lo += gapBlock {
		index := pick[lo:min(n, lo+gapBlock)]
		x := make([]float32, len(index)*set.Size())
		set.Fill(x, index, o.Binarize, pixels)
		block := o
		block.Seed = seeds.Uint64()
		terms, err := gapTerms(ctx, m, x, len(index), block)
		if err != nil {
			return Gap{}, err
		}
		for _, t := range terms {
			logp.add(t.logp)
			ess.add(t.ess)
			if t.ess < LowESS {
				low++
			}
			best.add(t.best)
			elbo.add(t.elbo)
			approximation.add(t.logp - t.best)
			amortisation.add(t.best - t.elbo)
		}
		if o.Progress != nil {
			o.Progress(lo+len(index), n)
		}
	}
	g := Gap{logp.mean(), ess.mean(), low, best.mean(), elbo.mean(), approximation.mean(), amortisation.mean(),
		GapProtocol{n, o.Steps, o.Noise, o.LR, o.Draws, o.Binarize.Label(), o.Seed}}
	return g, figures{{"log p(x) of the gap", g.LogLikelihood}, {"ESS of the gap", g.ESS}, {"ELBO(q*)", g.Best}, {"ELBO(q)", g.ELBO},
		{"approximation gap", g.Approximation}, {"amortisation gap", g.Amortisation}}.check()
}

// gapTerm is what is known of one image, in nats.
type gapTerm struct{ logp, ess, best, elbo float64 }

// gapTerms works off a block of n images x [n,X]. Both ELBOs use the same noise.
func gapTerms(ctx context.Context, m GapModel, x []float32, n int, o GapOptions) ([]gapTerm, error) {
	mu, logvar, err := m.Encode(x)
	if err != nil {
		return nil, err
	}
	if n == 0 || len(mu)%n != 0 || len(logvar) != len(mu) {
		return nil, fmt.Errorf("evaluate: %d means and %d log-variances for %d images", len(mu), len(logvar), n)
	}
	bestMu, bestLogvar, err := BestGaussian(ctx, m, x, mu, logvar, n, o)
	if err != nil {
		return nil, err
	}
	q := gaussians{mu, logvar}
	proposals := []gaussians{q, {bestMu, bestLogvar}, q.broad(n)}
	elbos, w := make([][]float64, len(proposals)), make([]weights, n)
	for i := range proposals {
		if elbos[i], err = gaussianELBO(ctx, m, x, proposals, i, w, o); err != nil {
			return nil, err
		}
	}
	terms := make([]gapTerm, n)
	for i := range terms {
		terms[i] = gapTerm{w[i].logMean(len(proposals) * o.Draws), w[i].ess(), elbos[1][i], elbos[0][i]}
	}
	return terms, nil
}

// weights are importance weights, summed up.
type weights struct{ sum, squares dist.LogSumExp }

func (w *weights) add(logw float64) {
	w.sum.Add(logw)
	w.squares.Add(2 * logw)
}

// logMean is log 1/k Σ w, and ess (Σ w)² / Σ w².
func (w *weights) logMean(k int) float64 { return w.sum.Value() - math.Log(float64(k)) }
func (w *weights) ess() float64          { return math.Exp(2*w.sum.Value() - w.squares.Value()) }

// BestGaussian returns the diagonal Gaussian of the highest ELBO for each of n
// images x [n,X]: its mean and log-variance, [n,Z]. It starts at the given ones and
// takes o.Steps steps of Adam (Kingma & Ba 2015, algorithm 1, arXiv:1412.6980)
// against
//
//	−ELBO = E_eps −log p(x|z) − log p(z) + log q(z),   z = mu + exp(logvar/2)·eps
//
// with o.Noise draws of eps a step, every other one the opposite −eps of the one
// before, so that odd powers of eps cancel. The gradient goes through z alone and leaves out the
// parameters of log q, whose part has mean 0; without it there is no noise where q
// is the posterior (Roeder, Wu & Duvenaud 2017, arXiv:1703.09194). Images do not
// influence one another.
func BestGaussian(ctx context.Context, m GapModel, x, mu, logvar []float32, n int, o GapOptions) (bestMu, bestLogvar []float32, err error) {
	if err := o.Validate(); err != nil {
		return nil, nil, err
	}
	s := newDraws(x, mu, logvar, n, o.Noise)
	src := stream.New(o.Seed, stream.Evaluate+" gap steps", 0)
	size := len(mu)
	param, grad := make([]float64, 2*size), make([]float64, 2*size) // mu, then logvar
	first, second := make([]float64, 2*size), make([]float64, 2*size)
	for i := range size {
		param[i], param[size+i] = float64(mu[i]), float64(logvar[i])
	}
	for step := range o.Steps {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		_, dz, err := s.run(m, src)
		if err != nil {
			return nil, nil, err
		}
		clear(grad)
		for r, d := range dz {
			i, eps := s.param(r), float64(s.eps[r])
			std := math.Exp(param[size+i] / 2)
			g := (float64(d) - eps/std) / float64(o.Noise) // −log p(x|z) − log p(z), log q(z)
			grad[i] += g
			grad[size+i] += g * eps * std / 2
		}
		const b1, b2, tiny = 0.9, 0.999, 1e-8
		lr := o.LR * (1 - float64(step)/float64(o.Steps))
		c1, c2 := 1-math.Pow(b1, float64(step+1)), 1-math.Pow(b2, float64(step+1))
		for i, g := range grad {
			first[i] = b1*first[i] + (1-b1)*g
			second[i] = b2*second[i] + (1-b2)*g*g
			param[i] -= lr * first[i] / c1 / (math.Sqrt(second[i]/c2) + tiny)
		}
		s.set(param[:size], param[size:])
	}
	return s.mu, s.logvar, nil
}

// gaussians are diagonal ones, one for each image: mean and log-variance, [n,Z].
type gaussians struct{ mu, logvar []float32 }

// logDensity is the logarithm of the density of image i's Gaussian at z [Z].
func (g gaussians) logDensity(i int, z []float32) float64 {
	logp := 0.0
	for j, v := range z {
		lv := float64(g.logvar[i*len(z)+j])
		d := (float64(v) - float64(g.mu[i*len(z)+j])) * math.Exp(-lv/2)
		logp -= (d*d + lv + log2Pi) / 2
	}
	return logp
}

// broad has, for each of n images, the mean and the variances of the mixture of all.
func (g gaussians) broad(n int) gaussians {
	latent := len(g.mu) / n
	vary, within := make([]moments, latent), make([]moments, latent)
	for i, mu := range g.mu {
		vary[i%latent].add(float64(mu))
		within[i%latent].add(math.Exp(float64(g.logvar[i])))
	}
	b := gaussians{make([]float32, len(g.mu)), make([]float32, len(g.mu))}
	for i := range b.mu {
		j := i % latent
		b.mu[i], b.logvar[i] = float32(vary[j].m), float32(math.Log(vary[j].variance()+within[j].m))
	}
	return b
}

// gaussianELBO estimates the ELBO of a q, the one of the proposals at the given place, in
// nats for each image of x, as the mean of log p(x|z) + log p(z) − log q(z) over o.Draws
// draws of z. Near the posterior that hardly varies. To w [n] it adds the weights of these
// draws, as of draws from the mixture of all proposals.
func gaussianELBO(ctx context.Context, m GapModel, x []float32, proposals []gaussians, at int, w []weights, o GapOptions) ([]float64, error) {
	const most = 20 // draws at a time
	q := proposals[at]
	src := stream.New(o.Seed, stream.Evaluate+" gap draws", 0)
	elbo := make([]float64, len(w))
	for left := o.Draws; left > 0; left -= most {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := newDraws(x, q.mu, q.logvar, len(w), min(left, most))
		cost, _, err := s.run(m, src)
		if err != nil {
			return nil, err
		}
		for r, c := range cost {
			elbo[r/s.each] -= c / float64(o.Draws)
		}
		for r, e := range s.eps { // − log q(z)
			lv := float64(q.logvar[s.param(r)])
			elbo[r/s.latent/s.each] += (float64(e)*float64(e) + lv + log2Pi) / 2 / float64(o.Draws)
		}
		for r, c := range cost {
			i, z := r/s.each, s.z[r*s.latent:(r+1)*s.latent]
			var mixed dist.LogSumExp
			for _, p := range proposals {
				mixed.Add(p.logDensity(i, z))
			}
			w[i].add(-c - mixed.Value() + math.Log(float64(len(proposals))))
		}
	}
	return elbo, nil
}

// draws are codes of n images, some of each, in consecutive rows.
type draws struct {
	n, each, latent int
	mu, logvar      []float32 // [n,Z], its own
	x               []float32 // [n·each,X]
	eps, z          []float32 // [n·each,Z]
}

func newDraws(x, mu, logvar []float32, n, each int) *draws {
	s := &draws{n: n, each: each, latent: len(mu) / n, mu: append([]float32{}, mu...), logvar: append([]float32{}, logvar...)}
	s.eps, s.z = make([]float32, each*len(mu)), make([]float32, each*len(mu))
	size := len(x) / n
	for i := range n * each {
		s.x = append(s.x, x[i/each*size:(i/each+1)*size]...)
	}
	return s
}

func (s *draws) set(mu, logvar []float64) {
	for i := range mu {
		s.mu[i], s.logvar[i] = float32(mu[i]), float32(logvar[i])
	}
}

// param returns where in mu and logvar the parameters of z[r] are.
func (s *draws) param(r int) int { return r/(s.each*s.latent)*s.latent + r%s.latent }

// run draws fresh noise, each row followed by its opposite, and returns −log p(x|z) −
// log p(z) of each row and its gradient with respect to z.
func (s *draws) run(m GapModel, src rand.Source) (cost []float64, dz []float32, err error) {
	prior, ok := m.(PriorModel)
	if !ok {
		prior = standard{s.latent}
	}
	width, err := above(prior, s.latent)
	if err != nil {
		return nil, nil, err
	}
	higher := make([]float32, s.n*s.each*width) // noise of the codes above
	for r := 0; r < s.n*s.each; r += 2 {
		opposites(s.eps, r, s.latent, src)
		opposites(higher, r, width, src)
	}
	for r, e := range s.eps {
		i := s.param(r)
		s.z[r] = float32(float64(s.mu[i]) + math.Exp(float64(s.logvar[i])/2)*float64(e))
	}
	cost, dz, err = m.DistortionGrad(s.x, s.z)
	if err != nil {
		return nil, nil, err
	}
	logp, dp, err := prior.PriorGrad(s.z, higher)
	if err != nil {
		return nil, nil, err
	}
	if len(cost) != s.n*s.each || len(logp) != len(cost) || len(dz) != len(s.z) || len(dp) != len(dz) {
		return nil, nil, fmt.Errorf("evaluate: %d distortions and %d log-densities, with gradients of %d and %d numbers, for %d codes of %d",
			len(cost), len(logp), len(dz), len(dp), s.n*s.each, s.latent)
	}
	for r, p := range logp {
		cost[r] -= p
	}
	for r, d := range dp {
		dz[r] -= d
	}
	return cost, dz, nil
}

// opposites draws row r of eps [·,width], and makes the next one its opposite.
func opposites(eps []float32, r, width int, src rand.Source) {
	a, b := eps[r*width:(r+1)*width], eps[(r+1)*width:(r+2)*width]
	stream.Normal(a, src)
	for j, e := range a {
		b[j] = -e
	}
}
