package vae

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"
)

// The gradient with respect to the code is that of central differences, in a
// float64 model whose codes are float32: rounding of z leaves 1e-5 of it open.
func TestDistortionGrad(t *testing.T) {
	cfg := Config{Rows: 2, Cols: 3, Hidden: []int{5}, Latent: 3, Activation: "tanh", Likelihood: "bernoulli", Init: "glorot", Seed: 1}
	m, err := newModel(cfg, tensor.Float64)
	if err != nil {
		t.Fatal(err)
	}
	const n, h = 9, 0x1p-8
	r := rand.New(rand.NewPCG(1, 1))
	x, z := make([]float32, n*6), make([]float32, n*3)
	for i := range x {
		x[i] = float32(r.IntN(2))
	}
	for i := range z {
		z[i] = float32(r.NormFloat64())
	}
	distortion := func() []float64 {
		d, _, err := m.DistortionGrad(x, z)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	_, dz, err := m.DistortionGrad(x, z)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range z {
		z[i] = v + h
		up := distortion()[i/3]
		high := z[i]
		z[i] = v - h
		down := distortion()[i/3]
		want := (up - down) / float64(high-z[i])
		z[i] = v
		if math.Abs(float64(dz[i])-want) > 1e-5*max(1, math.Abs(want)) {
			t.Errorf("code %d: derivative %v, differences give %v", i, dz[i], want)
		}
	}
	if _, _, err := m.DistortionGrad(x, z[1:]); err == nil {
		t.Error("codes of the wrong length are taken")
	}
}
