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
// govae. It returns also the settings of the run that trained it, as far as the file says.
// Their Binarize, if it does not, is dynamic, or none if the likelihood is of grey pixels.
func OpenModel(path string) (m *vae.Model, s train.Settings, err error) {
	f, err := samples.File()
	switch {
	case path != "":
		m, f, err = vae.LoadFile(path)
	case err == nil:
		path = "samples/model.safetensors"
		m, err = vae.FromFile(f)
	}
	if errors.Is(err, vae.ErrNotModel) {
		return nil, s, fmt.Errorf("%w: want a model.safetensors that cmd/train wrote", err)
	} else if err != nil {
		return nil, s, err
	}
	s, ok, err := train.TrainedWith(f)
	if ok {
		_, err = mnist.ParseBinarization(string(s.Train.Binarize))
	} else if s.Train.Binarize = mnist.Dynamic; !m.Likelihood().Domain().Binarised() {
		s.Train.Binarize = mnist.None
	}
	if err != nil {
		return nil, s, fmt.Errorf("train: %s: %w", path, err)
	}
	return m, s, nil
}
