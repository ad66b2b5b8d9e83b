package vae

import (
	"fmt"
	"math"
	"math/rand/v2"

	"govae/encoder"
	"govae/graph"
	"govae/internal/stream"
)

// Encode returns the mean and the log-variance of q(z|x) for n images x [n,X]:
// mu and logvar, both [n,Z]. Any n will do. With several stochastic layers z is the
// first, z_1; with a flow they are those of z0, which Transform takes to z.
func (m *Model) Encode(x []float32) (mu, logvar []float32, err error) {
	n, err := m.count("images", x, m.pixels)
	if err != nil {
		return nil, nil, err
	}
	mu, logvar = make([]float32, n*m.latent), make([]float32, n*m.latent)
	if err := m.encode.Run(n, map[string][]float32{"x": x}, graph.Collect("mu", n, mu), graph.Collect("logvar", n, logvar)); err != nil {
		return nil, nil, err
	}
	return mu, logvar, nil
}

func (m *Model) buildEncode(b *graph.Builder, batch int) error {
	mu, logvar, err := m.enc.Encode(b.Input("x", batch, m.pixels))
	b.Output("mu", mu)
	b.Output("logvar", logvar)
	return err
}

// Transform returns z = f(z0) of n codes z0 [n,Z] drawn from the Gaussians that
// Encode gives, mu and logvar [n,Z]: [n,Z], without a flow z0 itself.
func (m *Model) Transform(z0, mu, logvar []float32) ([]float32, error) {
	if m.flow == nil {
		return z0, nil
	}
	n, err := m.count("codes", z0, m.latent)
	if err != nil {
		return nil, err
	}
	if len(mu) != len(z0) || len(logvar) != len(z0) {
		return nil, fmt.Errorf("vae: %d codes with %d means and %d log-variances", n, len(mu)/m.latent, len(logvar)/m.latent)
	}
	z := make([]float32, len(z0))
	return z, m.transform.Run(n, map[string][]float32{"z0": z0, "mu": mu, "logvar": logvar}, graph.Collect("z", n, z))
}

func (m *Model) buildTransform(b *graph.Builder, batch int) error {
	z0, mu, logvar := b.Input("z0", batch, m.latent), b.Input("mu", batch, m.latent), b.Input("logvar", batch, m.latent)
	z, _, err := m.flow.Transform(z0, mu, logvar)
	b.Output("z", z)
	return err
}

// Center returns the code that stands for each of n images x [n,X]: mu = E[z|x],
// with a flow what it makes of mu: [n,Z].
func (m *Model) Center(x []float32) ([]float32, error) {
	mu, logvar, err := m.Encode(x)
	if err != nil {
		return nil, err
	}
	return m.Transform(mu, mu, logvar)
}

// Up returns the mean and the log-variance of q(z_l+1|z_l) for n codes z [n,Z_l] of
// stochastic layer l, counted from 1: both [n,Z_l+1].
func (m *Model) Up(l int, z []float32) (mu, logvar []float32, err error) {
	if l < 1 || l >= len(m.encs) {
		return nil, nil, fmt.Errorf("vae: no stochastic layer above layer %d of %d", l, len(m.encs))
	}
	return m.layer(m.up[l-1], z, m.latents[l-1], m.latents[l])
}

// Down returns the mean and the log-variance of p(z_l|z_l+1) for n codes z
// [n,Z_l+1]: both [n,Z_l].
func (m *Model) Down(l int, z []float32) (mu, logvar []float32, err error) {
	if l < 1 || l >= len(m.encs) {
		return nil, nil, fmt.Errorf("vae: no stochastic layer above layer %d of %d", l, len(m.encs))
	}
	return m.layer(m.down[l-1], z, m.latents[l], m.latents[l-1])
}

func (m *Model) layer(net *graph.Rows, z []float32, in, out int) (mu, logvar []float32, err error) {
	n, err := m.count("codes", z, in)
	if err != nil {
		return nil, nil, err
	}
	mu, logvar = make([]float32, n*out), make([]float32, n*out)
	if err := net.Run(n, map[string][]float32{"z": z}, graph.Collect("mu", n, mu), graph.Collect("logvar", n, logvar)); err != nil {
		return nil, nil, err
	}
	return mu, logvar, nil
}

func buildLayer(net encoder.Encoder) func(b *graph.Builder, batch int) error {
	return func(b *graph.Builder, batch int) error {
		width, _ := net.Dims()
		mu, logvar, err := net.Encode(b.Input("z", batch, width))
		b.Output("mu", mu)
		b.Output("logvar", logvar)
		return err
	}
}

// Decode returns E[x|z], the mean image, for n codes z [n,Z]: [n,X], for a
// Bernoulli likelihood the probability of ink in each pixel.
func (m *Model) Decode(z []float32) ([]float32, error) {
	n, err := m.count("codes", z, m.latent)
	if err != nil {
		return nil, err
	}
	images := make([]float32, n*m.pixels)
	room := make([]float32, graph.BatchFor(n)*m.outputs)
	err = m.decode.Run(n, map[string][]float32{"z": z}, func(lo, hi int, p *graph.Program) error {
		if m.outputs == m.pixels {
			dst := images[lo*m.pixels : hi*m.pixels]
			err := graph.Copy(p, "params", dst)
			m.lik.Mean(dst)
			return err
		}
		params := room[:(hi-lo)*m.outputs]
		if err := graph.Copy(p, "params", params); err != nil {
			return err
		}
		for i := lo; i < hi; i++ {
			row := params[(i-lo)*m.outputs : (i-lo+1)*m.outputs]
			copy(images[i*m.pixels:(i+1)*m.pixels], m.lik.Mean(row))
		}
		return nil
	})
	return images, err
}

// DecodeParams returns the likelihood's parameters for n codes z [n,Z]: [n,Outputs],
// for Bernoulli the logits [n,X].
func (m *Model) DecodeParams(z []float32) ([]float32, error) {
	n, err := m.count("codes", z, m.latent)
	if err != nil {
		return nil, err
	}
	params := make([]float32, n*m.outputs)
	if err := m.decode.Run(n, map[string][]float32{"z": z}, graph.Collect("params", n, params)); err != nil {
		return nil, err
	}
	return params, nil
}

func (m *Model) buildDecode(b *graph.Builder, batch int) error {
	params, err := m.dec.Decode(b.Input("z", batch, m.latent))
	b.Output("params", params)
	return err
}

// Sample draws n new images from the model: z from the prior, then E[x|z], [n,X].
// A temperature of 1 is the model; every standard deviation is multiplied by it, so
// that less gives codes nearer to the prior's mode (of a component drawn at random), 0 the mode itself. With several stochastic
// layers each is drawn given the one above.
func (m *Model) Sample(n int, seed uint64, temperature float64) ([]float32, error) {
	z, _, err := m.sampleCodes(n, seed, temperature)
	if err != nil {
		return nil, err
	}
	return m.Decode(z)
}

// SamplePixels is Sample, but that each pixel is a draw from p(x|z) and not its mean:
// images such as those that the model is a likelihood of, [n,X].
func (m *Model) SamplePixels(n int, seed uint64, temperature float64) ([]float32, error) {
	z, src, err := m.sampleCodes(n, seed, temperature)
	if err != nil {
		return nil, err
	}
	params, err := m.DecodeParams(z) // [n,Outputs]
	if err != nil {
		return nil, err
	}
	images := make([]float32, 0, n*m.pixels)
	for i := range n {
		images = append(images, m.lik.Sample(params[i*m.outputs:(i+1)*m.outputs], src)[:m.pixels]...)
	}
	return images, nil
}

// sampleCodes draws n of the first code z_1 [n,Z], and returns the stream for what is
// drawn given them.
func (m *Model) sampleCodes(n int, seed uint64, temperature float64) ([]float32, rand.Source, error) {
	if n < 0 {
		return nil, nil, fmt.Errorf("vae: %d samples", n)
	}
	if !(temperature >= 0) || math.IsInf(temperature, 1) {
		return nil, nil, fmt.Errorf("vae: temperature %v, want a finite number of at least 0", temperature)
	}
	src := stream.New(seed, stream.Sample, 0)
	z, err := m.samplePrior(n, temperature, src)
	if err != nil {
		return nil, nil, err
	}
	for l := len(m.gens); l > 0; l-- {
		mu, logvar, err := m.Down(l, z)
		if err != nil {
			return nil, nil, err
		}
		z = draw(mu, logvar, temperature, src)
	}
	return z, src, nil
}

// samplePrior draws n of the topmost code: [n,Z].
func (m *Model) samplePrior(n int, temperature float64, src rand.Source) ([]float32, error) {
	width := m.latents[len(m.latents)-1]
	mu, logvar := make([]float32, n*width), make([]float32, n*width)
	if _, ok := m.prior.(standard); !ok {
		weights, means, logvars, err := m.prior.Components()
		if err != nil {
			return nil, err
		}
		r := rand.New(src)
		for i := range n {
			c, u := 0, r.Float64()
			for u -= weights[0]; u >= 0 && c < len(weights)-1; u -= weights[c] {
				c++
			}
			round32(mu[i*width:], means[c*width:(c+1)*width])
			round32(logvar[i*width:], logvars[c*width:(c+1)*width])
		}
	}
	return draw(mu, logvar, temperature, src), nil
}

// round32 rounds numbers to float32.
func round32(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}

// draw returns mu + temperature·exp(logvar/2)·eps with fresh noise.
func draw(mu, logvar []float32, temperature float64, src rand.Source) []float32 {
	z := make([]float32, len(mu))
	stream.Normal(z, src)
	for i, e := range z {
		z[i] = mu[i] + float32(temperature*math.Exp(float64(logvar[i])/2))*e
	}
	return z
}

// Reconstruct returns E[x|z] at z = Center(x) for n images x [n,X]: [n,X].
func (m *Model) Reconstruct(x []float32) ([]float32, error) {
	z, err := m.Center(x)
	if err != nil {
		return nil, err
	}
	return m.Decode(z)
}

// count returns the number of rows of the given width.
func (m *Model) count(what string, rows []float32, width int) (int, error) {
	if len(rows)%width != 0 {
		return 0, fmt.Errorf("vae: %d numbers are no whole number of %s of %d each", len(rows), what, width)
	}
	return len(rows) / width, nil
}
