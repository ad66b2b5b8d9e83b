package results

import (
	"testing"

	"govae/train"
)

// A run's minutes are its epochs times the median one: an hour's pause in one of
// them does not count.
func TestMinutes(t *testing.T) {
	var epochs []train.Epoch
	for _, s := range []float64{30, 3600, 20, 40, 25} {
		epochs = append(epochs, train.Epoch{Seconds: s})
	}
	for first, want := range map[int]float64{0: 5 * 30.0 / 60, 3: (3*30 + 2*40.0) / 60, 5: 5 * 30.0 / 60, 9: 5 * 30.0 / 60} {
		if got := minutes(epochs, first); got != want {
			t.Errorf("%v minutes with %d epochs of a warm-up, want %v", got, first, want)
		}
	}
}
