package simd

import "math/rand/v2"

// Lanes draws bits of images from 16 generators at a time, each a xoshiro128++
// (Blackman & Vigna 2021, "Scrambled linear pseudorandom number generators", ACM
// TOMS 47(4), 36; reference code at prng.di.unimi.it). Draws are the same at all
// levels. Lanes is not safe for concurrent use.
type Lanes struct {
	s [4][16]uint32 // s[i][k]: word i of the state of generator k
}

// NewLanes returns generators whose states are 32 values of src: generator k's
// words 2j and 2j+1 are the low and the high half of value 2k+j. Two of them
// overlap within 2⁶⁴ draws with a probability below 2⁻⁵⁵.
func NewLanes(src rand.Source) *Lanes {
	l := new(Lanes)
	l.Seed(src)
	return l
}

// Seed fills the states anew, as NewLanes does.
func (l *Lanes) Seed(src rand.Source) {
	for k := range 16 {
		a, b := src.Uint64(), src.Uint64()
		if a|b == 0 {
			a = 1 // the one state that never changes
		}
		l.s[0][k], l.s[1][k], l.s[2][k], l.s[3][k] = uint32(a), uint32(a>>32), uint32(b), uint32(b>>32)
	}
}

// draw advances all generators and returns what they give.
func (l *Lanes) draw() (r [16]uint32) {
	for k := range r {
		s0, s1, s2, s3 := l.s[0][k], l.s[1][k], l.s[2][k], l.s[3][k]
		sum := s0 + s3
		r[k] = (sum<<7 | sum>>25) + s0
		t := s1 << 9
		s2 ^= s0
		s3 ^= s1
		s1 ^= s2
		s0 ^= s3
		s2 ^= t
		s3 = s3<<11 | s3>>21
		l.s[0][k], l.s[1][k], l.s[2][k], l.s[3][k] = s0, s1, s2, s3
	}
	return r
}

// Binarize draws dst[i] from Bernoulli(pixels[i]/255), as 0 or 1. Pixel 16n+k of
// a call takes the n-th draw of generator k; all generators are advanced
// ⌈len(pixels)/16⌉ times. Over a uniform draw the probability of a 1 is
// pixel/255 to within 2⁻³²: exactly 0 for 0, exactly 1 for 255. It panics if
// dst is shorter than pixels.
func (l *Lanes) Binarize(dst []float32, pixels []uint8) {
	dst = dst[:len(pixels):len(dst)]
	n := 0
	if level > Portable && len(pixels) >= 16 {
		n = len(pixels) &^ 15
		vecBinarize(&dst[0], &pixels[0], &l.s[0][0], n)
	}
	for ; n < len(pixels); n += 16 {
		r := l.draw()
		for k, v := range pixels[n:min(n+16, len(pixels))] {
			dst[n+k] = bernoulli(r[k], v)
		}
	}
}

// bernoulli returns 1 if r/2³² < v/255 and 0 otherwise: if r·255 < v·2³², that is
// r ≤ v·(2³²−1)/255 and v > 0.
func bernoulli(r uint32, v uint8) float32 {
	if v > 0 && r <= uint32(v)*0x01010101 {
		return 1
	}
	return 0
}

// Grey computes dst[i] = pixels[i]/255, correctly rounded. It panics if dst is
// shorter than pixels.
func Grey(dst []float32, pixels []uint8) {
	dst = dst[:len(pixels):len(dst)]
	n := 0
	if level > Portable && len(pixels) >= 16 {
		n = len(pixels) &^ 15
		vecGrey(&dst[0], &pixels[0], n)
	}
	for i, v := range pixels[n:] {
		dst[n+i] = greys[v]
	}
}

// greys[v] is v/255.
var greys = func() (table [256]float32) {
	for v := range table {
		table[v] = float32(v) / 255
	}
	return table
}()
