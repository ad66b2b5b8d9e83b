package vae

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
	"govae/internal/stream"
)

// EncodeParams returns the parameters of q(z|x) for n images x [n,X]: those of the
// posterior's family, [n,P], for dist.Normal the mean and the log-variance side by side. With
// several stochastic layers z is the first, z_1. Here and in Encode, Center and Reconstruct an
// error names the first pixel outside the likelihood's domain.
func (m *Model) EncodeParams(x []float32) ([]float32, error) {
	return m.rowsOf(m.encode, x, m.params)
}

// rowsOf runs a graph of images x [n,X] that gives rows of the given width.
func (m *Model) rowsOf(net *graph.Rows, x []float32, width int) ([]float32, error) {
	n, err := m.count("images", x, m.pixels)
	if err != nil {
		return nil, err
	}
	if err := dist.Check(m.p.Family, x); err != nil {
		return nil, err
	}
	in, err := m.given(n, map[string][]float32{"x": x})
	if err != nil {
		return nil, err
	}
	out := make([]float32, n*width)
	return out, net.Run(n, in, graph.Collect("out", n, out))
}

func (m *Model) buildEncode(b *graph.Builder, batch int) error {
	params, err := m.encodeNode(b.Input("x", batch, m.pixels), m.labelInput(b, batch))
	b.Output("out", params)
	return err
}

// Encode returns the mean and the log-variance of the Gaussian q(z|x) for n images x
// [n,X]: mu and logvar, both [n,Z]. Any n will do. With several stochastic layers z is the
// first, z_1; with a flow they are those of z0, which Transform takes to z. It is an error
// if the encoder gives no Gaussian (see EncodeParams).
func (m *Model) Encode(x []float32) (mu, logvar []float32, err error) {
	if !m.gaussian() {
		return nil, nil, fmt.Errorf("vae: q(z|x) is %s, which has no mean and log-variance: use EncodeParams", m.q[0].Family.Name())
	}
	h, err := m.EncodeParams(x)
	if err != nil {
		return nil, nil, err
	}
	mu, logvar = parted(h, m.latent)
	return mu, logvar, nil
}

// gaussian reports whether the encoder's outputs are those of a diagonal Gaussian, with or
// without a flow on top.
func (m *Model) gaussian() bool {
	f := m.Posterior()
	if t, ok := f.(dist.Transformed); ok {
		f = t.Base
	}
	_, ok := f.(dist.Normal)
	return ok
}

// parted parts rows of mu and logvar, [n,2Z], and joined puts them side by side again.
func parted(h []float32, z int) (mu, logvar []float32) {
	mu, logvar = make([]float32, len(h)/2), make([]float32, len(h)/2)
	for i := 0; i < len(mu); i += z {
		copy(mu[i:i+z], h[2*i:])
		copy(logvar[i:i+z], h[2*i+z:])
	}
	return mu, logvar
}

func joined(mu, logvar []float32, z int) []float32 {
	h := make([]float32, 2*len(mu))
	for i := 0; i < len(mu); i += z {
		copy(h[2*i:], mu[i:i+z])
		copy(h[2*i+z:], logvar[i:i+z])
	}
	return h
}

// Transform returns z = f(z0) of n codes z0 [n,Z] drawn from the Gaussians that
// Encode gives, mu and logvar [n,Z]: [n,Z], without a flow z0 itself.
func (m *Model) Transform(z0, mu, logvar []float32) ([]float32, error) {
	if m.flow == nil {
		return z0, nil
	}
	n, err := m.codes(z0, m.latent)
	if err != nil {
		return nil, err
	}
	if len(mu) != len(z0) || len(logvar) != len(z0) {
		return nil, fmt.Errorf("vae: %d codes with %d means and %d log-variances", n, len(mu)/m.latent, len(logvar)/m.latent)
	}
	z := make([]float32, len(z0))
	return z, m.flow.Run(n, map[string][]float32{"z0": z0, "params": joined(mu, logvar, m.latent)}, graph.Collect("z", n, z))
}

func (m *Model) buildFlow(b *graph.Builder, batch int) error {
	z, _, err := m.Posterior().(dist.Transformed).Flow.Transform(b.Input("z0", batch, m.latent), b.Input("params", batch, m.params))
	b.Output("z", z)
	return err
}

// Center returns the code that stands for each of n images x [n,X]: the mean of q(z|x), or
// for a flow what it makes of that of its Gaussian: [n,Z].
func (m *Model) Center(x []float32) ([]float32, error) { return m.rowsOf(m.center, x, m.latent) }

func (m *Model) buildCenter(b *graph.Builder, batch int) error {
	q, err := on(m.q[0], b.Input("x", batch, m.pixels), m.labelInput(b, batch))
	if err != nil {
		return err
	}
	drawable, ok := q.(dist.Drawable)
	if !ok {
		return fmt.Errorf("vae: q(z|x) is %T, which can't be drawn", q)
	}
	z, err := drawable.Center()
	b.Output("out", z)
	return err
}

// Up returns the mean and the log-variance of q(z_l+1|z_l) for n codes z [n,Z_l] of
// stochastic layer l, counted from 1: both [n,Z_l+1].
func (m *Model) Up(l int, z []float32) (mu, logvar []float32, err error) {
	if l < 1 || l >= len(m.q) {
		return nil, nil, fmt.Errorf("vae: no stochastic layer above layer %d of %d", l, len(m.q))
	}
	return m.layer(m.up[l-1], z, m.latents[l-1], m.latents[l])
}

// Down returns the mean and the log-variance of p(z_l|z_l+1) for n codes z
// [n,Z_l+1]: both [n,Z_l].
func (m *Model) Down(l int, z []float32) (mu, logvar []float32, err error) {
	if l < 1 || l >= len(m.q) {
		return nil, nil, fmt.Errorf("vae: no stochastic layer above layer %d of %d", l, len(m.q))
	}
	return m.layer(m.down[l-1], z, m.latents[l], m.latents[l-1])
}

func (m *Model) layer(net *graph.Rows, z []float32, in, out int) (mu, logvar []float32, err error) {
	n, err := m.codes(z, in)
	if err != nil {
		return nil, nil, err
	}
	given, err := m.given(n, map[string][]float32{"z": z})
	if err != nil {
		return nil, nil, err
	}
	h := make([]float32, n*2*out)
	if err := net.Run(n, given, graph.Collect("params", n, h)); err != nil {
		return nil, nil, err
	}
	mu, logvar = parted(h, out)
	return mu, logvar, nil
}

func (m *Model) buildLayer(c dist.Conditional) func(b *graph.Builder, batch int) error {
	return func(b *graph.Builder, batch int) error {
		width, labels, _ := c.Net.Dims()
		z, y := b.Input("z", batch, width), m.labelInput(b, batch)
		if labels == 0 {
			y = nil
		}
		params, err := c.Net.Apply(z, y)
		b.Output("params", params)
		return err
	}
}

// Decode returns E[x|z], the mean image, for n codes z [n,Z]: [n,X], for a
// Bernoulli likelihood the probability of ink in each pixel. Here and wherever codes are
// taken an error names the first that isn't finite.
func (m *Model) Decode(z []float32) ([]float32, error) {
	n, err := m.codes(z, m.latent)
	if err != nil {
		return nil, err
	}
	in, err := m.given(n, map[string][]float32{"z": z})
	if err != nil {
		return nil, err
	}
	images, room := make([]float32, n*m.pixels), make([]float32, graph.BatchFor(n)*m.outputs)
	return images, m.decode.Run(n, in, func(lo, hi int, p *graph.Program) error {
		dst := images[lo*m.pixels : hi*m.pixels]
		params := room[:(hi-lo)*m.outputs]
		if m.outputs == m.pixels {
			params = dst
		}
		if err := graph.Copy(p, "params", params); err != nil {
			return err
		}
		copy(dst, dist.Means(m.p.Family, params, m.pixels))
		return nil
	})
}

// DecodeParams returns the likelihood's parameters for n codes z [n,Z]: [n,Outputs],
// for Bernoulli the logits [n,X].
func (m *Model) DecodeParams(z []float32) ([]float32, error) {
	n, err := m.codes(z, m.latent)
	if err != nil {
		return nil, err
	}
	in, err := m.given(n, map[string][]float32{"z": z})
	if err != nil {
		return nil, err
	}
	params := make([]float32, n*m.outputs)
	return params, m.decode.Run(n, in, graph.Collect("params", n, params))
}

func (m *Model) buildDecode(b *graph.Builder, batch int) error {
	t := &Trace{Z: []*G.Node{b.Input("z", batch, m.latent)}, Y: m.labelInput(b, batch), m: m}
	params, err := t.Params()
	b.Output("params", params)
	return err
}

// Sample draws n new images from the model: z from the prior, then E[x|z], [n,X].
// A temperature of 1 is the model; every standard deviation is multiplied by it, so
// that less gives codes nearer to the prior's mode (of a component drawn at random), 0 the mode itself. With several stochastic
// layers each is drawn given the one above. A model that takes labels and was given none
// (Model.Given) gets each label in turn.
func (m *Model) Sample(n int, seed uint64, temperature float64) ([]float32, error) {
	m, z, _, err := m.sampleCodes(n, seed, temperature)
	if err != nil || n == 0 {
		return nil, err
	}
	return m.Decode(z)
}

// SamplePixels draws each pixel from p(x|z); Sample returns its mean. These are images such
// as those that the model is a likelihood of, [n,X].
func (m *Model) SamplePixels(n int, seed uint64, temperature float64) ([]float32, error) {
	m, z, src, err := m.sampleCodes(n, seed, temperature)
	if err != nil || n == 0 {
		return nil, err
	}
	params, err := m.DecodeParams(z) // [n,Outputs]
	if err != nil {
		return nil, err
	}
	return dist.Samples(m.p.Family, params, m.pixels, src), nil
}

// sampleCodes draws n of the first code z_1 [n,Z], and returns the model given the labels
// that they are of, and the stream for what is drawn given them.
func (m *Model) sampleCodes(n int, seed uint64, temperature float64) (*Model, []float32, rand.Source, error) {
	if n < 0 {
		return nil, nil, nil, fmt.Errorf("vae: %d samples", n)
	}
	if err := fits("samples", n, max(m.pixels, m.outputs, m.noise, m.labels)); err != nil {
		return nil, nil, nil, err
	}
	if !(temperature >= 0) || math.IsInf(temperature, 1) {
		return nil, nil, nil, fmt.Errorf("vae: temperature %v, want a finite number of at least 0", temperature)
	}
	if m.labels > 0 && m.y == nil {
		turn := make([]uint8, n)
		for i := range turn {
			turn[i] = uint8(i % min(m.labels, 256))
		}
		given, err := m.GivenLabels(turn)
		if err != nil || n == 0 {
			return m, nil, nil, err
		}
		m = given
	}
	src := stream.New(seed, stream.Sample, 0)
	y, err := m.given(n, map[string][]float32{})
	if err != nil {
		return nil, nil, nil, err
	}
	z, err := m.prior.Sample(n, y["y"], temperature, src)
	if err != nil {
		return nil, nil, nil, err
	}
	for l := len(m.gens); l > 0; l-- {
		mu, logvar, err := m.Down(l, z)
		if err != nil {
			return nil, nil, nil, err
		}
		z = dist.SampleNormals(joined(mu, logvar, m.latents[l-1]), m.latents[l-1], temperature, src)
	}
	return m, z, src, nil
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

// codes returns the number of codes z [n,width], and an error that names the first that
// isn't finite.
func (m *Model) codes(z []float32, width int) (int, error) {
	n, err := m.count("codes", z, width)
	if err != nil {
		return 0, err
	}
	for i, v := range z {
		if v-v != 0 {
			return 0, fmt.Errorf("vae: code %d has %v in dimension %d, want a finite number", i/width, v, i%width)
		}
	}
	return n, nil
}

// maxResult bounds the numbers of a result whose size the caller names, to 8 GB, so that a
// wrong size is an error and not an attempt to allocate it.
const maxResult = 1<<31 - 1

// fits returns an error if n rows of the given width are more than maxResult numbers.
func fits(what string, n, width int) error {
	if most := maxResult / max(width, 1); n > most {
		return fmt.Errorf("vae: %d %s of %d numbers each, want at most %d", n, what, width, most)
	}
	return nil
}
