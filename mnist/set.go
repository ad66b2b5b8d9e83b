package mnist

import (
	"fmt"
	"hash/crc32"
	"math"
)

// Set is a set of grey images, with or without labels. It is safe for concurrent use as long
// as nobody writes to its fields.
type Set struct {
	Name       string // "MNIST train", or "<directory> train" for other data
	Rows, Cols int
	Pixels     []uint8 // [n, Rows*Cols], row-major, 0 background … 255 ink
	Labels     []uint8 // [n], 0 … 9, or nil for none
}

// Validate returns an error unless the images have at least one pixel, Pixels is a whole
// number of them, and there is a label for each, or none at all.
func (s *Set) Validate() error {
	switch {
	case s.Rows < 1 || s.Cols < 1 || s.Rows > math.MaxInt32/s.Cols:
		return fmt.Errorf("mnist: %s: images of %d×%d pixels, want at least 1×1, and at most %d", s.Name, s.Rows, s.Cols, math.MaxInt32)
	case len(s.Pixels)%s.Size() != 0:
		return fmt.Errorf("mnist: %s: %d pixels, which are no whole number of images of %d×%d", s.Name, len(s.Pixels), s.Rows, s.Cols)
	case s.Labels != nil && len(s.Labels) != s.Len():
		return fmt.Errorf("mnist: %s: %d labels of %d images", s.Name, len(s.Labels), s.Len())
	}
	return nil
}

// Len returns the number of images.
func (s *Set) Len() int { return len(s.Pixels) / max(s.Size(), 1) }

// Size returns the number of pixels in an image, Rows*Cols.
func (s *Set) Size() int { return s.Rows * s.Cols }

// ID is what the images are known by, whatever their names: number, size and checksum.
func (s *Set) ID() string {
	return fmt.Sprintf("%d images of %d×%d, crc32 %08x", s.Len(), s.Rows, s.Cols, crc32.ChecksumIEEE(s.Pixels))
}

// Image returns the pixels of image i, [Size]. It shares the set's memory.
func (s *Set) Image(i int) []uint8 {
	x := s.Size()
	return s.Pixels[i*x : (i+1)*x : (i+1)*x]
}

// Slice returns the images from ≤ i < to, under the same name. It shares the
// set's memory, and panics if the range is not within the set.
func (s *Set) Slice(from, to int) *Set {
	x := s.Size()
	part := *s
	part.Pixels = s.Pixels[from*x : to*x : to*x]
	if s.Labels != nil {
		part.Labels = s.Labels[from:to:to]
	}
	return &part
}

// LabelsOf returns the labels of images, nil for a set without labels.
func (s *Set) LabelsOf(index []int) []uint8 {
	if s.Labels == nil {
		return nil
	}
	labels := make([]uint8, len(index))
	for i, j := range index {
		labels[i] = s.Labels[j]
	}
	return labels
}

// Mean returns the mean intensity of each pixel over the set, in [0,1], [Size].
// The mean of an empty set is zero.
func (s *Set) Mean() []float64 {
	sum := make([]uint64, s.Size()) // whole numbers: exact, whatever the order
	for i := range s.Len() {
		for k, v := range s.Image(i) {
			sum[k] += uint64(v)
		}
	}
	mean := make([]float64, len(sum))
	for k, t := range sum {
		mean[k] = float64(t) / (255 * float64(max(s.Len(), 1)))
	}
	return mean
}
