package cli

import (
	"errors"
	"fmt"

	"govae/mnist"
	"govae/samples"
	"govae/train"
	"govae/vae"
)

// OpenModel reads a model file, or, if path is empty, the model that comes with
// govae. It returns also how the pixels were binarised that it was trained on,
// which, if the file does not say, is dynamic, or none if the likelihood is of grey
// pixels.
func OpenModel(path string) (*vae.Model, mnist.Binarization, error) {
	var m *vae.Model
	f, err := samples.File()
	switch {
	case path != "":
		m, f, err = vae.LoadFile(path)
	case err == nil:
		path = "samples/model.safetensors"
		m, err = vae.FromFile(f)
	}
	if errors.Is(err, vae.ErrNotModel) {
		return nil, "", fmt.Errorf("%w: want a model.safetensors that cmd/train wrote", err)
	} else if err != nil {
		return nil, "", err
	}
	binarize := mnist.Dynamic
	if !m.Likelihood().Domain().Binarised() {
		binarize = mnist.None
	}
	s, ok, err := train.TrainedWith(f)
	if ok {
		binarize, err = mnist.ParseBinarization(string(s.Train.Binarize))
	}
	if err != nil {
		return nil, "", fmt.Errorf("train: %s: %w", path, err)
	}
	return m, binarize, nil
}
