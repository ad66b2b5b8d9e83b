package stream

import (
	"math"
	"testing"
)

func TestNewDependsOnAllThree(t *testing.T) {
	seen := map[uint64]string{}
	for _, seed := range []uint64{0, 1, 2, math.MaxUint64} {
		for _, name := range []string{Weights, Shuffle, Binarize, Eps, Resample, Fixed, Evaluate, Sample, Pick} {
			for index := uint64(0); index < 50; index++ {
				v := New(seed, name, index).Uint64()
				if v != New(seed, name, index).Uint64() {
					t.Fatalf("New(%d, %q, %d) is not a function of its arguments", seed, name, index)
				}
				if other, ok := seen[v]; ok { // false failure: 1800²/2 pairs in 2⁶⁴, 9e-14
					t.Fatalf("New(%d, %q, %d) starts as %s does", seed, name, index, other)
				}
				seen[v] = name
			}
		}
	}
}

// The bits of a seed are a promise to whoever publishes one.
func TestNewKnownAnswer(t *testing.T) {
	if got, want := New(1, Eps, 0).Uint64(), uint64(0xb9c9c0f12d3f1263); got != want {
		t.Errorf("New(1, eps, 0) = %#x, want %#x", got, want)
	}
}

// Mean and variance of 10⁶ draws lie within 4 standard errors (1 seed in 8000 would
// fail), and all draws in [0,1).
func TestUniformMoments(t *testing.T) {
	const n = 1_000_000
	x := make([]float32, n)
	Uniform(x, New(1, Resample, 0))
	var sum, sq float64
	for _, v := range x {
		if v < 0 || v >= 1 {
			t.Fatalf("%v is outside of [0,1)", v)
		}
		d := float64(v) - 0.5
		sum += d
		sq += d * d
	}
	if mean := sum / n; math.Abs(mean) > 4/math.Sqrt(12*n) {
		t.Errorf("mean off by %v", mean)
	}
	if v := sq / n; math.Abs(v-1.0/12) > 4*math.Sqrt(1.0/180/n) {
		t.Errorf("variance %v", v)
	}
}

// Mean and variance of 10⁶ draws lie within 4 standard errors; the seed is
// fixed, and of all seeds 1 in 8000 would fail.
func TestNormalMoments(t *testing.T) {
	const n = 1_000_000
	x := make([]float64, n)
	Normal(x, New(1, Eps, 0))
	var sum, sq float64
	for _, v := range x {
		sum += v
		sq += v * v
		if v != float64(float32(v)) {
			t.Fatalf("%v is no float32", v)
		}
	}
	if mean := sum / n; math.Abs(mean) > 4/math.Sqrt(n) {
		t.Errorf("mean %v", mean)
	}
	if v := sq / n; math.Abs(v-1) > 4*math.Sqrt(2.0/n) {
		t.Errorf("second moment %v", v)
	}
}
