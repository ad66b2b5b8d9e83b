package simd

import (
	"fmt"
	"os"
)

// Level is a set of instructions that kernels are written for. A higher level
// includes the lower ones. Results differ between levels in the last bits.
type Level uint8

const (
	Portable Level = iota // plain Go, any processor
	AVX2                  // AVX2 and FMA: 8 numbers at a time
	AVX512                // AVX-512 F, BW, DQ and VL: 16 numbers at a time
)

// String returns the name that GOVAE_SIMD takes.
func (l Level) String() string { return [...]string{"portable", "avx2", "avx512"}[l] }

// level is chosen once, at start, from the processor's features. The environment
// variable GOVAE_SIMD lowers it, for tests and for doubt.
var level = choose(os.Getenv("GOVAE_SIMD"), detect())

func choose(wanted string, best Level) Level {
	for l := Portable; l <= AVX512; l++ {
		if wanted == l.String() {
			return min(l, best)
		}
	}
	if wanted != "" {
		fmt.Fprintf(os.Stderr, "simd: GOVAE_SIMD is %q, want portable, avx2 or avx512: using %s\n", wanted, best)
	}
	return best
}

// Current returns the level in use.
func Current() Level { return level }
