package optim_test

import (
	"errors"
	"math"
	"testing"

	"govae/optim"
)

func TestClipNorm(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	g := [][]float32{{3, 0}, {}, {-4, 12}} // of norm 13
	for _, tt := range []struct {
		limit, want float64
	}{{0, 1}, {-1, 1}, {math.NaN(), 1}, {13, 1}, {14, 1}, {math.Inf(1), 1}, {6.5, 0.5}, {1, 1.0 / 13}} {
		if got, err := optim.ClipNorm(g, tt.limit); got != tt.want || err != nil {
			t.Errorf("limit %v: %v, %v, want %v", tt.limit, got, err, tt.want)
		}
	}
	if got, err := optim.ClipNorm([][]float32{{0, 0}}, 1); got != 1 || err != nil {
		t.Errorf("a gradient of 0: %v, %v", got, err)
	}
	// The first gradient that is not finite is named, and none without a limit.
	for _, bad := range []float32{nan, inf} {
		g := [][]float32{{1}, {2, bad}, {nan}}
		_, err := optim.ClipNorm(g, 5)
		var not *optim.NotFiniteError
		if !errors.As(err, &not) || not.Index != 1 || err.Error() != "optim: gradient 1 is not finite" {
			t.Errorf("%v in gradient 1: %v", bad, err)
		}
		for _, none := range []float64{0, -1, math.NaN()} {
			if got, err := optim.ClipNorm(g, none); got != 1 || err != nil {
				t.Errorf("%v under a limit of %v: %v, %v", bad, none, got, err)
			}
		}
	}
}
