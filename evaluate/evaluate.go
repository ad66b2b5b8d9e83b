package evaluate

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"govae/decoder"
	"govae/internal/stream"
	"govae/klreg"
	"govae/mnist"
	"govae/vae"
)

// Options say how a model is evaluated.
type Options struct {
	K        int                // samples an image for log p(x)
	N        int                // images for log p(x), drawn at random; the rest is over all images
	Binarize mnist.Binarization // of the pixels
	Seed     uint64             // of binarisation, noise, and the choice of the N images
	Progress func(done, of int) // of the images for log p(x); may be nil

	// What takes longer, nil for none. Binarisation and seed are those above.
	Surgery *SurgeryOptions // takes the rate apart
	Gap     *GapOptions     // splits the inference gap
	Against *Report         // to compare with: of the same protocol
}

// DefaultOptions is K=100 on 1,000 images, dynamic binarisation, seed 1.
func DefaultOptions() Options {
	return Options{K: 100, N: 1000, Binarize: mnist.Dynamic, Seed: 1}
}

// maxK keeps the number of samples in a block of images within an int.
const maxK = 1_000_000_000

// Validate returns an error that names the first option that is wrong.
func (o Options) Validate() error {
	if o.K < 1 || o.K > maxK {
		return fmt.Errorf("evaluate: k is %d, want 1 to %d samples an image", o.K, maxK)
	}
	if o.N < 1 {
		return fmt.Errorf("evaluate: n is %d, want at least 1 image", o.N)
	}
	if o.Surgery != nil {
		if err := o.Surgery.Validate(); err != nil {
			return err
		}
	}
	if o.Gap != nil {
		return o.Gap.Validate()
	}
	return nil
}

// Protocol is what a figure depends on besides the model. Figures of different
// protocols are not to be compared.
type Protocol struct {
	Data         string `json:"data"`         // the set that was evaluated
	Images       int    `json:"images"`       // in it
	Binarization string `json:"binarization"` // in words
	Likelihood   string `json:"likelihood"`
	Estimator    string `json:"estimator"` // of log p(x)
	K            int    `json:"k"`
	N            int    `json:"n"` // images that log p(x) is averaged over
	Seed         uint64 `json:"seed"`
}

// Report is all that is known of a model on a data set, in nats per image.
type Report struct {
	Bound
	LogLikelihood Mean       `json:"log_likelihood"`         // importance-weighted, K samples, N images
	ESS           Mean       `json:"ess"`                    // effective sample size of the K weights, out of K
	ActiveUnits   int        `json:"active_units"`           // latent dimensions with Var(E[z|x]) > 0.01
	ActiveAbove   []int      `json:"active_above,omitempty"` // the same of each stochastic layer above the first
	Variance      []float64  `json:"variance"`               // Var over images of E[z_j|x], [Z]
	RatePerDim    []float64  `json:"rate_per_dim,omitempty"` // mean KL to N(0,I) of each dimension, [Z]; with a flow there is none
	BitsPerDim    *Mean      `json:"bits_per_dim,omitempty"` // −log2 p(x) for each pixel, of pixels of 256 levels
	Protocol      Protocol   `json:"protocol"`
	Model         vae.Config `json:"model"`

	Surgery    *RateParts   `json:"surgery,omitempty"`
	Gap        *Gap         `json:"gap,omitempty"`
	Comparison *Differences `json:"comparison,omitempty"`
}

// Run evaluates a model on a set.
func Run(ctx context.Context, m *vae.Model, set *mnist.Set, o Options) (*Report, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	cfg := m.Config()
	if set.Rows != cfg.Rows || set.Cols != cfg.Cols {
		return nil, fmt.Errorf("evaluate: images of %d×%d pixels for a model of %d×%d", set.Rows, set.Cols, cfg.Rows, cfg.Cols)
	}
	if cfg.Likelihood != "bernoulli" && o.Binarize != mnist.None {
		return nil, fmt.Errorf("evaluate: a %s likelihood is of grey pixels: binarize must be none, not %s", cfg.Likelihood, o.Binarize)
	}
	if o.Surgery != nil || o.Gap != nil { // before the work
		if err := oneGaussian(cfg); err != nil {
			return nil, err
		}
	}
	set = set.Prepare(o.Binarize, stream.New(o.Seed, stream.Fixed, 1))
	o.N = min(o.N, set.Len())
	r := &Report{Model: cfg, Protocol: Protocol{
		Data: set.Name, Images: set.Len(), Binarization: o.Binarize.Label(), Likelihood: cfg.Likelihood,
		Estimator: "importance-weighted bound, log 1/K Σ w", K: o.K, N: o.N, Seed: o.Seed,
	}}
	var err error
	if o.Against != nil { // before the work
		if err := Comparable(r.Protocol, o.Against.Protocol); err != nil {
			return nil, err
		}
	}
	if r.Bound, err = ELBO(ctx, m, set, o.Binarize, o.Seed); err != nil {
		return nil, err
	}
	if err = r.measureUnits(ctx, m, set, o); err != nil {
		return nil, err
	}
	if r.ActiveAbove, err = activeAbove(ctx, m, set, o); err != nil {
		return nil, err
	}
	if r.LogLikelihood, r.ESS, err = logLikelihood(ctx, m, set, o); err != nil {
		return nil, err
	}
	if cfg.Likelihood == (decoder.Logistic256{}).Name() {
		r.BitsPerDim = &Mean{decoder.BitsPerDim(-r.LogLikelihood.Mean, cfg.Pixels()), decoder.BitsPerDim(r.LogLikelihood.StdErr, cfg.Pixels())}
	}
	if o.Surgery != nil {
		s := *o.Surgery
		s.Seed = o.Seed
		parts, err := Surgery(ctx, m, set, o.Binarize, s)
		if err != nil {
			return nil, err
		}
		r.Surgery = &parts
	}
	if o.Gap != nil {
		g := *o.Gap
		g.Binarize, g.Seed = o.Binarize, o.Seed
		gap, err := InferenceGap(ctx, m, set, g)
		if err != nil {
			return nil, err
		}
		r.Gap = &gap
	}
	if o.Against != nil {
		d, err := Compare(r, o.Against)
		if err != nil {
			return nil, err
		}
		r.Comparison = &d
	}
	return r, nil
}

// active is the variance above which a latent dimension counts as in use: Burda,
// Grosse & Salakhutdinov 2016, section 5.2, arXiv:1509.00519.
const active = 0.01

// measureUnits measures each latent dimension: how much its posterior mean varies over
// the images, and what it costs.
func (r *Report) measureUnits(ctx context.Context, m *vae.Model, set *mnist.Set, o Options) error {
	if m.Config().Flow > 0 {
		cov, err := drawnMeans(ctx, m, set, o, 0)
		for _, c := range cov[0] {
			r.Variance = append(r.Variance, c.value())
			if c.value() > active {
				r.ActiveUnits++
			}
		}
		return err
	}
	z := m.Config().Latent
	vary := make([]moments, z)
	var mus, logvars []float32
	for lo := 0; lo < set.Len(); lo += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		mu, logvar, err := m.Encode(images(set, lo, min(set.Len(), lo+chunk), o.Binarize, o.Seed))
		if err != nil {
			return err
		}
		for i, v := range mu {
			vary[i%z].add(float64(v))
		}
		mus, logvars = append(mus, mu...), append(logvars, logvar...)
	}
	r.RatePerDim = RatePerDim(mus, logvars, z)
	for j := range z {
		r.Variance = append(r.Variance, vary[j].variance())
		if r.Variance[j] > active {
			r.ActiveUnits++
		}
	}
	return nil
}

// drawsAbove is how many draws of the layers below each of the two estimates of
// E[z_l|x] in drawnMeans takes.
const drawsAbove = 4

// activeAbove counts the active units of the stochastic layers above the first.
func activeAbove(ctx context.Context, m *vae.Model, set *mnist.Set, o Options) ([]int, error) {
	if len(m.Latents()) == 1 {
		return nil, nil
	}
	cov, err := drawnMeans(ctx, m, set, o, 1)
	if err != nil {
		return nil, err
	}
	above := make([]int, len(cov)-1)
	for l := range above {
		for _, c := range cov[l+1] {
			if c.value() > active {
				above[l]++
			}
		}
	}
	return above, nil
}

// drawnMeans returns the variance over images of E[z_l|x] for each dimension of each
// stochastic layer from layer first on, counted from 0, where that mean has no closed
// form: it is over draws of the layers below, and for the first layer over draws that
// went through the flow. Two estimates of it from independent draws have the wanted
// variance over images as their covariance.
func drawnMeans(ctx context.Context, m *vae.Model, set *mnist.Set, o Options, first int) ([][]covariance, error) {
	latents := m.Latents()
	cov := make([][]covariance, len(latents))
	for l, z := range latents {
		cov[l] = make([]covariance, z)
	}
	src := stream.New(o.Seed, stream.Evaluate+" above", 0)
	for lo := 0; lo < set.Len(); lo += chunk {
		if err := ctx.Err(); err != nil {
			return cov, err
		}
		mu, logvar, err := m.Encode(images(set, lo, min(set.Len(), lo+chunk), o.Binarize, o.Seed))
		if err != nil {
			return cov, err
		}
		var means [2][][]float64 // of each layer, [n·Z_l]
		for half := range means {
			means[half] = make([][]float64, len(latents))
			for range drawsAbove {
				z, err := m.Transform(drawn(mu, logvar, src), mu, logvar)
				if err != nil {
					return cov, err
				}
				add(&means[half][0], z)
				for l := 1; l < len(latents); l++ {
					mean, lv, err := m.Up(l, z)
					if err != nil {
						return cov, err
					}
					add(&means[half][l], mean)
					if l+1 < len(latents) {
						z = drawn(mean, lv, src)
					}
				}
			}
		}
		for l := first; l < len(latents); l++ {
			for i, a := range means[0][l] {
				cov[l][i%latents[l]].add(a, means[1][l][i])
			}
		}
	}
	return cov, nil
}

// drawn is a draw from N(mu, diag exp logvar).
func drawn(mu, logvar []float32, src rand.Source) []float32 {
	z := make([]float32, len(mu))
	stream.Normal(z, src)
	for i, e := range z {
		z[i] = mu[i] + float32(math.Exp(float64(logvar[i])/2))*e
	}
	return z
}

// add adds a draw to a mean over drawsAbove of them.
func add(mean *[]float64, draw []float32) {
	if *mean == nil {
		*mean = make([]float64, len(draw))
	}
	for i, v := range draw {
		(*mean)[i] += float64(v) / drawsAbove
	}
}

// covariance is Welford's running covariance.
type covariance struct{ n, a, b, ab float64 }

func (c *covariance) add(a, b float64) {
	c.n++
	d := a - c.a
	c.a += d / c.n
	c.b += (b - c.b) / c.n
	c.ab += d * (b - c.b)
}

func (c *covariance) value() float64 { return c.ab / math.Max(c.n-1, 1) }

// RatePerDim returns the mean over images of the KL of each latent dimension, in
// nats, from mu and logvar [n,Z]: [Z].
func RatePerDim(mu, logvar []float32, latent int) []float64 {
	rate := make([]float64, latent)
	for i := range mu {
		kl := klreg.Gaussian([]float64{float64(mu[i])}, []float64{float64(logvar[i])})
		rate[i%latent] += kl / float64(len(mu)/latent)
	}
	return rate
}

// logLikelihood averages the importance-weighted estimate over N images, chosen
// by the seed, in blocks that report progress and can be cancelled.
func logLikelihood(ctx context.Context, m *vae.Model, set *mnist.Set, o Options) (logLikelihood, ess Mean, err error) {
	pick := rand.New(stream.New(o.Seed, stream.Pick, 0)).Perm(set.Len())[:o.N]
	pixels := stream.New(o.Seed, stream.Evaluate+" pixels", math.MaxUint64)
	seeds := stream.New(o.Seed, stream.Evaluate+" importance", 0)
	var logp, sizes moments
	const block = 20
	for lo := 0; lo < o.N; lo += block {
		if err := ctx.Err(); err != nil {
			return Mean{}, Mean{}, err
		}
		index := pick[lo:min(o.N, lo+block)]
		x := make([]float32, len(index)*set.Size())
		set.Fill(x, index, o.Binarize, pixels)
		values, err := m.Importance(ctx, x, o.K, seeds.Uint64())
		if err != nil {
			return Mean{}, Mean{}, err
		}
		for _, v := range values {
			logp.add(v.LogP)
			sizes.add(v.ESS)
		}
		if o.Progress != nil {
			o.Progress(lo+len(index), o.N)
		}
	}
	return logp.mean(), sizes.mean(), nil
}
