package vae

import (
	"testing"

	"govae/klreg"
)

// The default model, and a training step of it from x to loss and gradient. `make core`
// counts the files that the second passes through and the first does not.
func TestDefaultModel(t *testing.T) {
	if _, err := New(DefaultConfig()); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultStep(t *testing.T) {
	m, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewStep(2, klreg.DefaultWeight())
	if err != nil {
		t.Fatal(err)
	}
	if l, err := s.Run(1); err != nil || !(l.Loss > 0) {
		t.Errorf("loss %v, %v", l, err)
	}
}
