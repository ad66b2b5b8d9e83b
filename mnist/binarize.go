package mnist

import (
	"fmt"
	"math/rand/v2"

	"govae/internal/simd"
)

// Binarization says how grey pixels become the zeros and ones that a Bernoulli
// likelihood is a likelihood of. Results under different binarisations are not
// comparable.
type Binarization string

const (
	// None keeps the grey values.
	None Binarization = "none"
	// Dynamic draws each pixel anew, with its grey value as the probability of a
	// one, each time the image is used (Salakhutdinov & Murray 2008; Burda, Grosse
	// & Salakhutdinov 2016, section 5.1, arXiv:1509.00519).
	Dynamic Binarization = "dynamic"
	// Threshold makes a pixel one if its grey value is above one half.
	Threshold Binarization = "threshold"
	// Fixed draws each pixel once, and keeps the draw. The literature's "fixed
	// binarization" is one such draw, published by Larochelle; this is another.
	Fixed Binarization = "fixed"
)

// ParseBinarization returns the binarisation of that name.
func ParseBinarization(s string) (Binarization, error) {
	switch b := Binarization(s); b {
	case None, Dynamic, Threshold, Fixed:
		return b, nil
	}
	return "", fmt.Errorf("mnist: binarization %q: want %s, %s, %s or %s", s, None, Dynamic, Threshold, Fixed)
}

// Label describes the binarisation as the protocol of a Bernoulli likelihood should.
func (b Binarization) Label() string { return b.LabelOf(true) }

// LabelOf is Label for a likelihood of bits, or else for one of grey pixels.
func (b Binarization) LabelOf(bits bool) string {
	switch b {
	case None:
		if !bits {
			return "none (grey pixels)"
		}
		return "none (grey pixels; not a likelihood of the data under Bernoulli)"
	case Dynamic:
		return "dynamic (fresh Bernoulli draw at each use)"
	case Threshold:
		return "threshold at 0.5"
	case Fixed:
		return "fixed (one seeded draw, not Larochelle's)"
	}
	return string(b)
}

// Prepare does the part of the binarisation that is done once: under Threshold
// and Fixed it returns a new set of pixels 0 and 255 that shares the labels,
// under None and Dynamic s itself. Only Fixed draws from src, which may be nil
// otherwise.
func (s *Set) Prepare(b Binarization, src rand.Source) *Set {
	if b != Threshold && b != Fixed {
		return s
	}
	prepared := *s
	prepared.Pixels = make([]uint8, len(s.Pixels))
	if b == Threshold {
		for k, v := range s.Pixels {
			if v >= 128 { // v/255 > 0.5
				prepared.Pixels[k] = 255
			}
		}
		return &prepared
	}
	row := make([]float32, s.Size())
	lanes := simd.NewLanes(src)
	for i := range s.Len() {
		lanes.Binarize(row, s.Image(i))
		for k, v := range row {
			prepared.Image(i)[k] = 255 * uint8(v)
		}
	}
	return &prepared
}

// Fill writes the images of the given indices into the rows of dst,
// [len(index), Size]. Under Dynamic each pixel is a fresh draw from
// Bernoulli(pixel/255), as 0 or 1; otherwise it is pixel/255. Threshold and
// Fixed therefore want a set that went through Prepare. Only Dynamic draws from
// src, which may be nil otherwise: 32 values a call, the seeds of 32 generators
// that draw the pixels side by side. It panics if dst has another length or an
// index is out of range.
func (s *Set) Fill(dst []float32, index []int, b Binarization, src rand.Source) {
	x := s.Size()
	if len(dst) != len(index)*x {
		panic(fmt.Sprintf("mnist: Fill: dst holds %d values, want %d images of %d", len(dst), len(index), x))
	}
	var lanes simd.Lanes
	if b == Dynamic {
		lanes.Seed(src)
	}
	for r, i := range index {
		if r+2 < len(index) {
			simd.Prefetch(s.Image(index[r+2]))
		}
		row := dst[r*x : (r+1)*x]
		if b == Dynamic {
			lanes.Binarize(row, s.Image(i))
		} else {
			simd.Grey(row, s.Image(i))
		}
	}
}
