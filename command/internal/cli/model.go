package cli

import (
	"errors"
	"fmt"
	"strings"

	"govae/checkpoint"
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
	f, err := samples.File()
	name := "samples/model.safetensors"
	if path != "" {
		name = path
		f, err = checkpoint.Read(path)
	}
	if err != nil {
		return nil, "", err
	}
	m, err := vae.FromFile(f)
	if err != nil {
		why := strings.TrimPrefix(err.Error(), "vae: ")
		if errors.Is(err, vae.ErrNotModel) {
			why += ": want a model.safetensors that cmd/train wrote"
		}
		return nil, "", fmt.Errorf("vae: %s: %s", name, why)
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
		return nil, "", fmt.Errorf("train: %s: %s", name, strings.TrimPrefix(err.Error(), "train: "))
	}
	return m, binarize, nil
}
