package train

import (
	"math"
	"testing"
)

// The stages of Burda et al.: 3^i of 3280 epochs at 10^(−i/7), so that stage i begins
// after (3^i − 1)/2 of them.
func TestStages(t *testing.T) {
	for epoch, stage := range map[float64]float64{0: 0, 0.9: 0, 1: 1, 3.9: 1, 4: 2, 12.9: 2, 13: 3, 39.9: 3, 40: 4, 1092.9: 6, 1093: 7, 3279.9: 7} {
		if got, want := stages(epoch/3280), math.Pow(10, -stage/7); math.Abs(got-want) > 1e-12 {
			t.Errorf("after %v epochs: %v, want %v, that of stage %v", epoch, got, want, stage)
		}
	}
}
