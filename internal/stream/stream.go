// Package stream derives every random number of govae from one seed.
//
// A stream is named by what it is for and by an index (a step, an epoch, an
// image): New(seed, "eps", 7) is a function of its three arguments and of
// nothing else. So no generator state has to be carried along or saved: a run
// that is resumed at step 7 draws what a run that never stopped draws there,
// and batches can be prepared ahead of time, on any core, in any order.
package stream

import (
	"hash/fnv"
	"math/rand/v2"
)

// Names of the streams, so that no two uses share one by accident.
const (
	Weights  = "weights"  // initial weights, index: 0
	Shuffle  = "shuffle"  // order of the training images, index: epoch
	Binarize = "binarize" // pixels of a training batch, index: step
	Eps      = "eps"      // noise of a training batch, index: step
	Resample = "resample" // which of its draws of z have a gradient, index: step
	Fixed    = "fixed"    // the one draw of fixed binarisation, index: 0 train, 1 test
	Evaluate = "evaluate" // pixels and noise of an evaluation, index: see package evaluate
	Sample   = "sample"   // draws from the prior or the likelihood, index: 0
	Pick     = "pick"     // choice of images for a figure, index: 0
)

// New returns the stream of a name and index under a seed: PCG-DXSM (O'Neill
// 2014, as in math/rand/v2), whose 128 bits of state are filled from seed, name
// and index by SplitMix64 (Steele, Lea & Flood 2014). Zero is a seed like any
// other. The stream is not safe for concurrent use.
func New(seed uint64, name string, index uint64) *rand.PCG {
	h := fnv.New64a()
	h.Write([]byte(name))
	a := mix(seed + golden)
	b := mix(a ^ h.Sum64())
	c := mix(b ^ mix(index+golden))
	return rand.NewPCG(b+c, mix(c+golden))
}

// Normal fills dst with independent N(0,1) draws from src. They are rounded to
// float32 whatever T is, so that models of either precision see the same noise.
func Normal[T float32 | float64](dst []T, src rand.Source) {
	r := rand.New(src)
	for i := range dst {
		dst[i] = T(float32(r.NormFloat64()))
	}
}

// Uniform fills dst with independent draws from the uniform distribution on [0,1).
func Uniform(dst []float32, src rand.Source) {
	r := rand.New(src)
	for i := range dst {
		dst[i] = r.Float32()
	}
}

const golden = 0x9e3779b97f4a7c15

// mix is SplitMix64's output function, a bijection of the 64-bit integers.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
