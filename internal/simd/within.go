package simd

import (
	"math"
	"sync/atomic"
)

// Within reports whether all numbers are from 0 to most, which is at least 0, by a look at
// their bits: a positive float32 is as large as its bits are, and NaN and what is infinite
// have the largest. With signed their signs don't count. A −0 counts as below 0.
func Within(x []float32, most float32, signed bool) bool {
	kept := ^uint64(0)
	if signed {
		kept = 1<<63 - 1 ^ 1<<31
	}
	var out atomic.Bool
	rows(len(x), 1, func(lo, hi int) {
		if !within(x[lo:hi], math.Float32bits(most), kept) {
			out.Store(true)
		}
	})
	return !out.Load()
}

// within looks at two numbers at once. With the sign bits set, most less a number that is not
// negative keeps its sign bit if the number is not larger, and borrows nothing.
func within(x []float32, most uint32, kept uint64) bool {
	const signs = 1<<63 | 1<<31
	limit := uint64(most)<<32 | uint64(most) | signs
	negative, small := uint64(0), ^uint64(0)
	var w []uint64
	if len(x) >= 2 {
		w = pairs(x)
	}
	for ; len(w) >= 4; w = w[4:] {
		a, b, c, d := w[0]&kept, w[1]&kept, w[2]&kept, w[3]&kept
		negative |= a | b | c | d
		small &= (limit - a) & (limit - b) & (limit - c) & (limit - d)
	}
	for _, a := range w {
		negative |= a & kept
		small &= limit - a&kept
	}
	if len(x)%2 == 1 {
		a := uint64(math.Float32bits(x[len(x)-1])) & kept
		negative |= a
		small &= limit - a
	}
	return negative&signs == 0 && small&signs == signs
}
