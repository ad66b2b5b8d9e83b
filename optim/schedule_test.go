package optim_test

import (
	"math"
	"testing"

	"govae/optim"
)

func TestSchedules(t *testing.T) {
	for _, tt := range []struct {
		name       string
		done, want float64
	}{
		{"constant", 0, 1}, {"constant", 1, 1},
		{"linear", 0, 1}, {"linear", 0.25, 0.75}, {"linear", 1, 0},
		{"cosine", 0, 1}, {"cosine", 1.0 / 3, 0.75}, {"cosine", 0.5, 0.5}, {"cosine", 2.0 / 3, 0.25}, {"cosine", 1, 0},
		{"cooldown", 0, 1}, {"cooldown", 0.7, 1}, {"cooldown", 0.85, 0.5}, {"cooldown", 1, 0},
		{"stages", 0, 1}, {"stages", 1, 0.1},
	} {
		factor, err := optim.Schedule(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		if got := factor(tt.done); math.Abs(got-tt.want) > 1e-15 {
			t.Errorf("%s at %v: %v, want %v", tt.name, tt.done, got, tt.want)
		}
	}
}

// The stages of Burda et al.: 3^i of 3280 epochs at 10^(−i/7), so that stage i begins
// after (3^i − 1)/2 of them.
func TestStages(t *testing.T) {
	for epoch, stage := range map[float64]float64{0: 0, 0.9: 0, 1: 1, 3.9: 1, 4: 2, 12.9: 2, 13: 3, 39.9: 3, 40: 4, 1092.9: 6, 1093: 7, 3279.9: 7} {
		if got, want := optim.Stages(epoch/3280), math.Pow(10, -stage/7); math.Abs(got-want) > 1e-12 {
			t.Errorf("after %v epochs: %v, want %v, that of stage %v", epoch, got, want, stage)
		}
	}
}
