// Package samples holds the model that govae comes with, so that a built command
// works anywhere, and the figures that were drawn from it. README.md beside it
// has the commands that made them.
package samples

import (
	_ "embed"

	"govae/checkpoint"
	"govae/vae"
)

//go:embed model.safetensors
var model []byte

// File returns the model file, with the settings it was trained with in its
// metadata.
func File() (*checkpoint.File, error) { return checkpoint.Decode(model) }

// Model returns the model: 784-400-20, trained on MNIST.
func Model() (*vae.Model, error) {
	f, err := File()
	if err != nil {
		return nil, err
	}
	return vae.FromFile(f)
}
