package klreg

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestBernoulliKnownAnswers(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, tt := range []struct {
		q, p, want float64
		digits     float64 // the value to four digits, where a textbook gives it
	}{
		{0.5, 0.9, math.Log(5.0 / 3), 0.5108}, // ½ log(25/9)
		{0.9, 0.5, 0.9*math.Log(1.8) + 0.1*math.Log(0.2), 0.3681},
		{0, 0, 0, 0}, {1, 1, 0, 0}, {0.3, 0.3, 0, 0},
		{0, 0.5, math.Ln2, 0.6931}, {1, 0.5, math.Ln2, 0.6931},
		{0.5, 0, inf, inf}, {0.5, 1, inf, inf}, {1, 0, inf, inf}, {0, 1, inf, inf}, {1e-300, 0, inf, inf},
		{-0.1, 0.5, nan, nan}, {1.1, 0.5, nan, nan}, {0.5, -0.1, nan, nan}, {0.5, 1.1, nan, nan}, {nan, 0.5, nan, nan}, {0.5, nan, nan, nan},
	} {
		got := Bernoulli(tt.q, tt.p)
		near(t, "Bernoulli", got, tt.want, 1e-12)
		if math.Abs(got-tt.digits) > 0.00005 {
			t.Errorf("KL(%v‖%v) = %v, want %v to four digits", tt.q, tt.p, got, tt.digits)
		}
	}
	if Bernoulli(0.5, 0.9) == Bernoulli(0.9, 0.5) {
		t.Error("the two directions are the same")
	}
}

func TestCategoricalKnownAnswers(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	third := 1.0 / 3
	for _, tt := range []struct {
		q, p []float64
		want float64
	}{
		{[]float64{1}, []float64{1}, 0},
		{[]float64{1, 0, 0}, []float64{third, third, third}, math.Log(3)},
		{[]float64{0.5, 0.5, 0}, []float64{0.25, 0.25, 0.5}, math.Ln2},
		{[]float64{0.5, 0.5, 0}, []float64{0.5, 0.5, 0}, 0},
		{[]float64{0.5, 0.25, 0.25}, []float64{0.25, 0.5, 0.25}, math.Ln2 / 4},
		{[]float64{0.5, 0.5, 0}, []float64{1, 0, 0}, inf},
		{[]float64{1, 0, 0}, []float64{0.5, 0.5, 0}, math.Ln2},
		{[]float64{0.5, 0.5 + 1e-6}, []float64{0.5, 0.5}, nan},
		{[]float64{0.5, 0.5}, []float64{0.5, 0.5 - 1e-6}, nan},
		{[]float64{0.5, 0.5 + 1e-12}, []float64{0.5, 0.5}, 1e-12}, // within the rounding allowed
		{[]float64{1.5, -0.5}, []float64{0.5, 0.5}, nan},
		{[]float64{0.5, 0.5}, []float64{1.5, -0.5}, nan},
		{[]float64{nan, 1}, []float64{0.5, 0.5}, nan},
		{nil, nil, nan},
	} {
		got := Categorical(tt.q, tt.p)
		rel := 1e-12
		if tt.want < 1e-9 {
			rel = 1e-3 // of a sum that cancels
		}
		near(t, "Categorical", got, tt.want, rel)
	}
}

// Where p is so close to q that the KL, about 1e-18, drowns in the rounding of its
// terms, the result is still not negative.
func TestCategoricalOfNeighbours(t *testing.T) {
	r := seeded(40)
	for range 1000 {
		a, d := 0.1+0.8*r.Float64(), 1e-9*r.Float64()
		q, p := []float64{a, 1 - a}, []float64{a + d, 1 - a - d}
		if kl := Categorical(q, p); !(kl >= 0 && kl < 1e-15) {
			t.Fatalf("KL(%v‖%v) = %v", q, p, kl)
		}
	}
}

// Never negative, and zero for a distribution from itself.
func TestCategoricalProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "n")
		draw := func(name string) []float64 {
			x, sum := rapid.SliceOfN(rapid.Float64Range(0, 1), n, n).Draw(t, name), 1e-9
			x[0] += 1e-9
			for _, v := range x {
				sum += v
			}
			sum -= 1e-9
			for i := range x {
				x[i] = min(x[i]/sum, 1) // rounding may lead beyond 1, which is NaN
			}
			return x
		}
		q, p := draw("q"), draw("p")
		if kl := Categorical(q, p); !(kl >= 0) {
			t.Errorf("KL(%v‖%v) = %v", q, p, kl)
		}
		if kl := Categorical(q, q); kl != 0 {
			t.Errorf("KL of %v from itself is %v", q, kl)
		}
	})
}
