package simd

import (
	"math"
	"testing"
)

// Within is its definition, at every place of slices of any length and start.
func TestWithin(t *testing.T) {
	all := make([]float32, 40)
	for i := range all {
		all[i] = float32(i%3) / 2
	}
	for n := range 20 {
		for start := range 4 {
			x := all[start : start+n]
			if !Within(x, 1, false) || !Within(x, math.MaxFloat32, true) {
				t.Errorf("%d numbers from %d on are not within", n, start)
			}
			for i := range x {
				old := x[i]
				for _, v := range []float32{1.0000001, -1e-45, float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), -3} {
					x[i] = v
					finite := v-v == 0
					if Within(x, 1, false) || Within(x, math.MaxFloat32, true) != finite {
						t.Errorf("%v at %d of %d from %d on", v, i, n, start)
					}
				}
				x[i] = old
			}
		}
	}
}
