package vae

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"govae/internal/stream"
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

// PriorGrad is log p(z) of the plain model, less log q of the codes above, and its
// gradient the central difference, for any number of layers and any prior.
func TestPriorGrad(t *testing.T) {
	for name, cfg := range models() {
		m := noisy(new64(t, cfg))
		const n, h = 9, 0x1p-20
		z, eps := make([]float32, n*m.latent), make([]float32, n*(m.noise-m.latent))
		src := stream.New(4, stream.Eps, 0)
		stream.Normal(z, src)
		stream.Normal(eps, src)
		logp, dz, err := m.PriorGrad(z, eps)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			code, above := widen(z[i*m.latent:(i+1)*m.latent]), widen(eps[i*(m.noise-m.latent):(i+1)*(m.noise-m.latent)])
			value := func() float64 {
				t := plainAbove(m, code, above)
				return t.logp - t.logq
			}
			if want := value(); math.Abs(logp[i]-want) > 1e-12*math.Abs(want) {
				t.Errorf("%s, code %d: %v, want %v", name, i, logp[i], want)
			}
			for j, v := range code {
				code[j] = v + h
				up := value()
				code[j] = v - h
				down := value()
				code[j] = v
				// dz is float32; the differences are off by some 1e-9
				if got, want := float64(dz[i*m.latent+j]), (up-down)/(2*h); math.Abs(got-want) > 1e-7*max(1, math.Abs(want)) {
					t.Errorf("%s, code %d: derivative %v in dimension %d, differences give %v", name, i, got, j, want)
				}
			}
		}
		if _, _, err := m.PriorGrad(z, make([]float32, len(eps)+1)); err == nil || !strings.Contains(err.Error(), "vae: noise of") {
			t.Errorf("%s: noise of the wrong length: %v", name, err)
		}
		if _, _, err := m.PriorGrad(z[1:], eps); err == nil {
			t.Errorf("%s: codes of the wrong length are taken", name)
		}
	}
}
