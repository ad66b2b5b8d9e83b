package vae

import (
	"fmt"
	"math"
	"math/rand/v2"

	"govae/dist"
	"govae/internal/stream"
)

// Sample draws n new images from the model: z from the prior, then E[x|z], [n,X].
// Every standard deviation of z is multiplied by the temperature. 1 is the model; less gives
// codes nearer to the mode of the prior, or of one of its components, which is drawn at
// random; 0 gives the mode itself. With several stochastic layers each code is drawn given
// the one above. If the model takes labels and was given none (Model.Given), each label has
// its turn.
func (m *Model) Sample(n int, seed uint64, temperature float64) ([]float32, error) {
	m, z, _, err := m.sampleCodes(n, seed, temperature)
	if err != nil || n == 0 {
		return nil, err
	}
	return m.Decode(z)
}

// SamplePixels draws each pixel from p(x|z), where Sample returns its mean: [n,X]. The
// images are of the kind that the model is a likelihood of: binary ones for Bernoulli.
func (m *Model) SamplePixels(n int, seed uint64, temperature float64) ([]float32, error) {
	m, z, src, err := m.sampleCodes(n, seed, temperature)
	if err != nil || n == 0 {
		return nil, err
	}
	params, err := m.DecodeParams(z) // [n,Outputs]
	if err != nil {
		return nil, err
	}
	return asked("likelihood "+m.p.Family.Name(), func() ([]float32, error) { return dist.Samples(m.p.Family, params, m.pixels, src), nil })
}

// fromPrior draws n codes of the topmost layer, given labels y [n,Labels] or nil.
func (m *Model) fromPrior(n int, y []float32, temperature float64, src rand.Source) ([]float32, error) {
	z, err := asked("prior "+m.prior.Name(), func() ([]float32, error) { return m.prior.Sample(n, y, temperature, src) })
	if top := m.latents[len(m.latents)-1]; err == nil && len(z) != n*top {
		err = fmt.Errorf("vae: prior %s draws %d numbers as %d codes of %d dimensions: is it of other codes?", m.prior.Name(), len(z), n, top)
	}
	return z, err
}

// sampleCodes draws n codes z_1 [n,Z]. It returns the model given their labels, the codes,
// and the stream from which images are drawn given the codes.
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
	z, err := m.fromPrior(n, y["y"], temperature, src)
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
