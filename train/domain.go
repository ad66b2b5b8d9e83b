package train

import (
	"fmt"

	"govae/dist"
	"govae/mnist"
	"govae/vae"
)

// inDomain returns an error that names the first image that the likelihood is not of. Pixels
// as they are kept go with all domains but counts and one-hot rows.
func inDomain(m *vae.Model, s *mnist.Set, b mnist.Binarization) error {
	f := m.Likelihood()
	if d := f.Domain(); d != dist.OneHot && (d != dist.Counts || b != mnist.None) {
		return nil
	}
	x := make([]float32, s.Size())
	for i := range s.Len() {
		s.Fill(x, []int{i}, mnist.None, nil)
		if err := dist.Check(f, x); err != nil {
			return fmt.Errorf("train: image %d of %s: %w", i, s.Name, err)
		}
	}
	return nil
}
