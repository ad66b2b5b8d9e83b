package klreg

import (
	"fmt"
	"math"
	"testing"
)

// The values of the definitions by mpmath, with 500 digits: ordinary ones, distributions that
// are close, and parameters far apart.

func TestBernoullisKnownAnswers(t *testing.T) {
	for _, tt := range [][3]float64{
		{0, 0, 0},
		{1, -2, 1.0068420594147643001},
		{2, 2 + 0x1p-20, 4.7745543262915339715e-14},
		{40, 100, 2.5065290106220374965e-16},
		{-40, -100, 2.5065290106220374965e-16},
		{100, -100, 100},
		{-100, 100, 100},
		{0, 40, 19.306852819440054695},
		{100, 99, 2.6720629740628133735e-44},
		{1e30, 1e30, 0},
		{-1e30, 1e30, 1e30},
	} {
		near(t, fmt.Sprint(tt), Bernoullis([]float64{tt[0]}, []float64{tt[1]}), tt[2], 1e-9) // close ones lose digits of log q
	}
	// From probabilities.
	near(t, "sum", Bernoullis([]float64{1, -2}, []float64{0, 3}), Bernoulli(sigmoid(1), 0.5)+Bernoulli(sigmoid(-2), sigmoid(3)), 1e-14)
}

func TestCategoricalsKnownAnswers(t *testing.T) {
	for _, tt := range []struct {
		q, p []float64
		want float64
	}{
		{[]float64{0, 0, 0}, []float64{1, 2, 3}, 0.30899367577627061309},
		{[]float64{1000, 999, 0}, []float64{0, 1, 0}, 0.70030018367383801351},
		{[]float64{0, 1, 2}, []float64{0, 1, 2 + 0x1p-20}, 1.0127014463197237062e-13},
		{[]float64{-300, 0, 100}, []float64{300, 0, -100}, 400},
		{[]float64{0, 1, 2, 1000, 999, 0}, []float64{0, 1, 2, 0, 1, 0}, 0.70030018367383801351}, // two variables
		{[]float64{0, 1e30, 0}, []float64{1e30, 0, 0}, 1e30},
	} {
		near(t, fmt.Sprint(tt.q), Categoricals(tt.q, tt.p, 3), tt.want, 1e-9)
		for i := range tt.q { // a constant changes nothing
			tt.q[i] += 8
		}
		near(t, fmt.Sprint(tt.q, "shifted"), Categoricals(tt.q, tt.p, 3), tt.want, 1e-9)
	}
	inf := math.Inf(1)
	if kl := Categoricals([]float64{0, -inf}, []float64{0, -inf}, 2); kl != 0 {
		t.Errorf("of one outcome %v", kl)
	}
	if kl := Categoricals([]float64{0, 0}, []float64{0, -inf}, 2); kl != inf {
		t.Errorf("of an outcome that p rules out %v", kl)
	}
}

func TestLaplacesKnownAnswers(t *testing.T) {
	for _, tt := range [][5]float64{
		{0, 0, 0, 0, 0},
		{1, 0, -1, 0.5, 0.79514631804916564238},
		{0, 0.25, 0, 0.25 + 0x1p-20, 4.5474720632620892008e-13},
		{1, -1, 1 + 0x1p-20, -1, 3.3601507829710302127e-12},
		{0, -300, 1, 0, 300},
		{0, -800, 1, 0, 800},
		{0, 5, 0, -5, 22015.465794806716517},
		{3, 30, 0, -30, 1.1420073898156842837e+26},
	} {
		near(t, fmt.Sprint(tt), Laplaces(tt[:1], tt[1:2], tt[2:3], tt[3:4]), tt[4], 1e-12)
	}
	for _, tt := range [][3]float64{
		{0, -math.Ln2 / 2, 0.072364942924700087072},
		{0, 0, 0.22579135264472743236},
		{2, 1, 7.6148474515753776596},
		{-3, -20, 23.725791352644727437},
	} {
		near(t, fmt.Sprint(tt), LaplaceNormal(tt[:1], tt[1:2]), tt[2], 1e-14)
	}
}

// The gradients of a Laplace variable stay numbers where the scales are far apart: of a point
// at distance 1 from a scale of 1 it is the sign, and −1 and 1 − 1 for the scales.
func TestLaplaceSlopesOfAPoint(t *testing.T) {
	for _, m := range []float64{1, -1} {
		dm, a, b := laplaceSlopes(m, -800, 0, 0)
		if dm != m || a != -1 || b != 0 {
			t.Errorf("m = %v: %v, %v, %v", m, dm, a, b)
		}
	}
}

func TestFullNormalsKnownAnswers(t *testing.T) {
	q := []float64{math.Log(2), 3, 0} // L = [2 0; 3 1]
	near(t, "standard", FullNormal([]float64{1, 2}, q), 7.8068528194400546906, 1e-14)
	zero, one := []float64{0, 0}, []float64{0, 0, 0}
	near(t, "two, of which one is standard", FullNormals([]float64{1, 2}, q, zero, one), 7.8068528194400546906, 1e-14)
	near(t, "two", FullNormals([]float64{1, 2}, q, []float64{0, -1}, []float64{0, -1, math.Log(4)}), 3.5056471805599453094, 1e-14)
	near(t, "one from itself", FullNormals([]float64{1, 2}, q, []float64{1, 2}, q), 0, 0)
	// Without anything below the diagonal they are diagonal.
	near(t, "diagonal", FullNormals([]float64{1, 2}, []float64{0.3, 0, -0.2}, []float64{0, -1}, []float64{-0.4, 0, 0.1}),
		Gaussians([]float64{1, 2}, []float64{0.6, -0.4}, []float64{0, -1}, []float64{-0.8, 0.2}), 1e-14)
}

func TestPairLengths(t *testing.T) {
	one, two, three := make([]float64, 1), make([]float64, 2), make([]float64, 3)
	for name, f := range map[string]func(){
		"Bernoullis":                 func() { Bernoullis(one, two) },
		"Categoricals":               func() { Categoricals(two, three, 1) },
		"Categoricals of 2 classes":  func() { Categoricals(three, three, 2) },
		"Categoricals of no classes": func() { Categoricals(two, two, 0) },
		"Laplaces":                   func() { Laplaces(one, one, one, two) },
		"Laplaces' log-scales":       func() { Laplaces(one, two, one, one) },
		"Laplaces' locations":        func() { Laplaces(one, one, two, one) },
		"LaplaceNormal":              func() { LaplaceNormal(one, two) },
		"FullNormal":                 func() { FullNormal(two, two) },
		"FullNormals":                func() { FullNormals(two, three, two, two) },
		"FullNormals' factor":        func() { FullNormals(two, two, two, three) },
		"FullNormals' means":         func() { FullNormals(two, three, one, three) },
	} {
		if !panics(f) {
			t.Errorf("%s: no panic", name)
		}
	}
}
