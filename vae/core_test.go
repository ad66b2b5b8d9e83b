package vae

import (
	"testing"

	"govae/klreg"
)

// One training step of the default model, from x to loss and gradient. `make core` counts
// the files that it passes through.
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
