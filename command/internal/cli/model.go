package cli

import (
	"errors"
	"fmt"
	"strings"

	"govae/checkpoint"
	"govae/dist"
	"govae/mnist"
	"govae/samples"
	"govae/train"
	"govae/vae"
)

// Binarized reports whether pixels that are all 0 or 1 are what a likelihood of that domain
// is of: bits, and counts of which there is at most one. The other domains want grey pixels.
func Binarized(d dist.Domain) bool { return d == dist.Binary || d == dist.Counts }

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
	if !Binarized(m.Likelihood().Domain()) {
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
