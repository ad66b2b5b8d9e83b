package evaluate

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"

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
	RatePerDim    []float64  `json:"rate_per_dim"`           // mean KL of each dimension, [Z]
	Protocol      Protocol   `json:"protocol"`
	Model         vae.Config `json:"model"`
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
	set = set.Prepare(o.Binarize, stream.New(o.Seed, stream.Fixed, 1))
	o.N = min(o.N, set.Len())
	r := &Report{Model: cfg, Protocol: Protocol{
		Data: set.Name, Images: set.Len(), Binarization: o.Binarize.Label(), Likelihood: cfg.Likelihood,
		Estimator: "importance-weighted bound, log 1/K Σ w", K: o.K, N: o.N, Seed: o.Seed,
	}}
	var err error
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
	return r, nil
}

// active is the variance above which a latent dimension counts as in use: Burda,
// Grosse & Salakhutdinov 2016, section 5.2, arXiv:1509.00519.
const active = 0.01

// measureUnits measures each latent dimension: how much its posterior mean varies over
// the images, and what it costs.
func (r *Report) measureUnits(ctx context.Context, m *vae.Model, set *mnist.Set, o Options) error {
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
// E[z_l|x] in activeAbove takes.
const drawsAbove = 4

// activeAbove counts the active units of the stochastic layers above the first. The
// mean E[z_l|x] is over draws of the layers below; two estimates of it from
// independent draws have the wanted variance over images as their covariance.
func activeAbove(ctx context.Context, m *vae.Model, set *mnist.Set, o Options) ([]int, error) {
	latents := m.Latents()
	above := make([]int, len(latents)-1)
	if len(above) == 0 {
		return nil, nil
	}
	cov := make([][]covariance, len(latents))
	for l, z := range latents {
		cov[l] = make([]covariance, z)
	}
	src := stream.New(o.Seed, stream.Evaluate+" above", 0)
	for lo := 0; lo < set.Len(); lo += chunk {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		mu, logvar, err := m.Encode(images(set, lo, min(set.Len(), lo+chunk), o.Binarize, o.Seed))
		if err != nil {
			return nil, err
		}
		var means [2][][]float64 // of each layer above, [n·Z_l]
		for half := range means {
			means[half] = make([][]float64, len(latents))
			for range drawsAbove {
				below, lv := mu, logvar
				for l := 1; l < len(latents); l++ {
					z := make([]float32, len(below))
					stream.Normal(z, src)
					for i := range z {
						z[i] = below[i] + float32(math.Exp(float64(lv[i])/2))*z[i]
					}
					if below, lv, err = m.Up(l, z); err != nil {
						return nil, err
					}
					if means[half][l] == nil {
						means[half][l] = make([]float64, len(below))
					}
					for i, v := range below {
						means[half][l][i] += float64(v) / drawsAbove
					}
				}
			}
		}
		for l := 1; l < len(latents); l++ {
			for i, a := range means[0][l] {
				cov[l][i%latents[l]].add(a, means[1][l][i])
			}
		}
	}
	for l := 1; l < len(latents); l++ {
		for _, c := range cov[l] {
			if c.value() > active {
				above[l-1]++
			}
		}
	}
	return above, nil
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

// units says how many latent dimensions are in use: of the first stochastic layer,
// then of those above it.
func (r *Report) units() string {
	s := fmt.Sprintf("%d of %d", r.ActiveUnits, len(r.Variance))
	for l, n := range r.ActiveAbove {
		s += fmt.Sprintf(" + %d of %d", n, r.Model.Above[l].Latent)
	}
	return s
}

// WriteText prints the report as a person reads it.
func (r *Report) WriteText(w io.Writer) error {
	row := func(name string, m Mean, note string) string {
		return fmt.Sprintf("%-12s %9.3f ± %.3f   %s\n", name, m.Mean, m.StdErr, note)
	}
	_, err := io.WriteString(w, "nats per image, mean ± standard error over images\n"+
		row("ELBO", r.ELBO, "= −(rate + distortion)")+
		row("rate", r.Rate, "KL(q(z|x) ‖ p(z))")+
		row("distortion", r.Distortion, "−E_q log p(x|z)")+
		row("log p(x)", r.LogLikelihood, fmt.Sprintf("importance-weighted, K=%d, %d images", r.Protocol.K, r.Protocol.N))+
		row("ESS", r.ESS, fmt.Sprintf("effective sample size, of %d", r.Protocol.K))+
		fmt.Sprintf("%-12s %s   Var(E[z|x]) > %v\n", "active units", r.units(), active)+
		fmt.Sprintf("protocol     %s, %d images; likelihood %s; binarisation %s; seed %d\n",
			r.Protocol.Data, r.Protocol.Images, r.Protocol.Likelihood, r.Protocol.Binarization, r.Protocol.Seed))
	return err
}
