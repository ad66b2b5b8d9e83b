package vae

import (
	"testing"

	"govae/internal/stream"
	"govae/klreg"
)

// A step tells distortion and rate apart: they are those of Model.ELBO at the same noise,
// and the loss is their sum with beta.
func TestStepTerms(t *testing.T) {
	const batch, beta = 5, 0.3
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewObjectiveStep(batch, klreg.DefaultWeight(), Objective{Name: "weighted", Options: Options{"weighted.factor": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	x, _ := binary(m, batch)
	copy(s.X(), x)
	eps := s.Eps()
	stream.Normal(eps, stream.New(4, stream.Eps, 0))
	terms, err := m.ELBO(x, eps)
	if err != nil {
		t.Fatal(err)
	}
	var distortion, rate float64
	for _, e := range terms {
		distortion += e.Distortion / batch
		rate += e.Rate / batch
	}
	l, err := s.Run(beta)
	if err != nil {
		t.Fatal(err)
	}
	want := distortion + beta*rate
	if err := differs("loss, distortion, rate or term", []float64{l.Loss, l.Distortion, l.Rate, l.Parts["again"]},
		[]float64{want, distortion, rate, want}, 1e-6); err != nil {
		t.Error(err)
	}
	if len(l.Parts) != 1 {
		t.Errorf("terms %v, want one", l.Parts)
	}
}
