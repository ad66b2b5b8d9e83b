package evaluate

import (
	"context"
	"math"
	"math/rand/v2"

	"govae/dist"
	"govae/internal/stream"
	"govae/klreg"
	"govae/mnist"
	"govae/vae"
)

// active is the variance above which a latent dimension counts as in use: Burda,
// Grosse & Salakhutdinov 2016, section 5.2, arXiv:1509.00519.
const active = 0.01

// measureUnits measures each latent dimension: how much its posterior mean varies over
// the images, and what it costs.
func (r *Report) measureUnits(ctx context.Context, m *vae.Model, set *mnist.Set, o Options) error {
	if _, ok := m.Posterior().(dist.Transformed); ok {
		cov, err := drawnMeans(ctx, m, set, o, 0)
		if set.Len() == 1 {
			return err
		}
		for _, c := range cov[0] {
			r.Variance = append(r.Variance, c.value())
			if c.value() > active {
				r.ActiveUnits++
			}
		}
		return err
	}
	_, gaussian := m.Posterior().(dist.Normal)
	z := m.Config().Latent
	vary := make([]moments, z)
	var mus, logvars []float32
	for lo := 0; lo < set.Len(); lo += chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		x := images(set, lo, min(set.Len(), lo+chunk), o.Binarize, o.Seed)
		m, err := m.GivenLabels(set.Slice(lo, lo+len(x)/set.Size()).Labels)
		if err != nil {
			return err
		}
		var mean, logvar []float32
		if gaussian {
			mean, logvar, err = m.Encode(x)
			mus, logvars = append(mus, mean...), append(logvars, logvar...)
		} else {
			mean, err = m.Center(x)
		}
		if err != nil {
			return err
		}
		for i, v := range mean {
			vary[i%z].add(float64(v))
		}
	}
	if gaussian {
		r.RatePerDim = RatePerDim(mus, logvars, z)
	}
	if set.Len() == 1 {
		return nil
	}
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
		x := images(set, lo, min(set.Len(), lo+chunk), o.Binarize, o.Seed)
		m, err := m.GivenLabels(set.Slice(lo, lo+len(x)/set.Size()).Labels)
		if err != nil {
			return cov, err
		}
		drawFirst, err := codeDraws(m, x, src)
		if err != nil {
			return cov, err
		}
		var means [2][][]float64 // of each layer, [n·Z_l]
		for half := range means {
			means[half] = make([][]float64, len(latents))
			for range drawsAbove {
				z, err := drawFirst()
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

// codeDraws encodes images x, and returns a function that draws the first code of each from
// q(z_1|x).
func codeDraws(m *vae.Model, x []float32, src rand.Source) (func() ([]float32, error), error) {
	base := m.Posterior()
	if t, ok := base.(dist.Transformed); ok {
		base = t.Base
	}
	if _, ok := base.(dist.Normal); ok {
		mu, logvar, err := m.Encode(x)
		return func() ([]float32, error) { return m.Transform(drawn(mu, logvar, src), mu, logvar) }, err
	}
	params, err := m.EncodeParams(x)
	return func() ([]float32, error) { return dist.Samples(m.Posterior(), params, m.Latents()[0], src), nil }, err
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
