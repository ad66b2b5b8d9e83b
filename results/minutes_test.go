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
	if got := minutes(epochs); got != 5*30.0/60 {
		t.Errorf("%v minutes, want 2.5", got)
	}
}
