package vae

import (
	"fmt"
	"math"
	"math/rand/v2"

	"govae/dist"
	"govae/internal/stream"
)

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
