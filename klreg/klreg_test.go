package klreg

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestGaussianKnownAnswers(t *testing.T) {
	for _, tt := range []struct {
		mu, logvar []float64
		want       float64 // by hand from the formula
	}{
		{nil, nil, 0},
		{[]float64{0}, []float64{0}, 0},
		{[]float64{0, 0, 0}, []float64{0, 0, 0}, 0},
		{[]float64{1}, []float64{0}, 0.5},
		{[]float64{1, -2}, []float64{0, 0}, 2.5},
		{[]float64{0}, []float64{math.Log(4)}, 1.5 - math.Ln2},     // N(0,4): ½(4 − 1 − log 4)
		{[]float64{0}, []float64{-math.Log(4)}, -0.375 + math.Ln2}, // N(0,¼): ½(¼ − 1 + log 4)
		{[]float64{3, 0}, []float64{0, math.Log(4)}, 6 - math.Ln2}, // 4.5 + the one above
		{[]float64{0}, []float64{-1e6}, (1e6 - 1) / 2},             // exp vanishes
		{[]float64{0}, []float64{1000}, math.Inf(1)},               // exp overflows
		{[]float64{1e200}, []float64{0}, math.Inf(1)},              // mu² overflows
		{[]float64{0, math.NaN()}, []float64{0, 0}, math.NaN()},
	} {
		near(t, "KL", Gaussian(tt.mu, tt.logvar), tt.want, 1e-15)
	}
}

// Against math/big, also where exp(logvar) − 1 − logvar cancels: near 0 that
// formula has no digit left (at 1e-8 its value is 0 or 1e-16).
func TestGaussianAgainstBig(t *testing.T) {
	for _, lv := range []float64{0, 1e-300, 1e-160, 1e-100, 1e-16, 1e-8, 1e-6, 1e-4, 0.01, 0.1, 0.3, 0.4999999, 0.5, 0.5000001, 0.51, 0.7, 1, 3, 10, 80} {
		for _, lv := range []float64{lv, -lv} {
			for _, mu := range []float64{0, 1e-9, -1, 1e4, -1e4} {
				want := bigKL(mu, lv)
				got := Gaussian([]float64{mu}, []float64{lv})
				if !(math.Abs(got-want) <= 4e-15*want) {
					t.Errorf("mu %v, logvar %v: %v, want %v (relative error %.2g)", mu, lv, got, want, got/want-1)
				}
			}
		}
	}
}

// Never negative, never NaN, zero only at the prior; and the sum of its dimensions.
func TestGaussianProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 5).Draw(t, "n")
		mu := rapid.SliceOfN(rapid.Float64(), n, n).Draw(t, "mu")
		lv := rapid.SliceOfN(rapid.Float64(), n, n).Draw(t, "logvar")
		if rapid.Bool().Draw(t, "near zero") {
			for j := range mu {
				mu[j], lv[j] = math.Mod(mu[j], 1e-6), math.Mod(lv[j], 1e-6)
			}
		}
		kl := Gaussian(mu, lv)
		if !(kl >= 0) {
			t.Fatalf("KL = %v", kl)
		}
		dims, sum := make([]float64, n), 0.0
		GaussianDims(dims, mu, lv)
		for j, d := range dims {
			sum += d
			// Below 1e-160 the square underflows.
			if d == 0 && (math.Abs(mu[j]) > 1e-160 || math.Abs(lv[j]) > 1e-160) {
				t.Errorf("KL of mu %v, logvar %v is 0", mu[j], lv[j])
			}
		}
		if sum != kl {
			t.Errorf("dimensions add up to %v, KL = %v", sum, kl)
		}
	})
}

// The gradient that the doc comments state, by central differences with h = 1e-5:
// the error h²/6·f‴ + ε·f/h is below 1e-9 for numbers of the size of 1.
func TestStatedGradients(t *testing.T) {
	const h = 1e-5
	r := seeded(1)
	for range 50 {
		v := normal(r, 4) // mu1, logvar1, mu2, logvar2
		f := func(k int, d float64) float64 {
			w := append([]float64{}, v...)
			w[k] += d
			return Gaussians(w[:1], w[1:2], w[2:3], w[3:])
		}
		g := func(k int, d float64) float64 {
			w := append([]float64{}, v[:2]...)
			w[k] += d
			return Gaussian(w[:1], w[1:])
		}
		q, p := 0.05+0.9*r.Float64(), 0.05+0.9*r.Float64()
		for _, tt := range []struct {
			what      string
			got, want float64
		}{
			{"Gaussian: dmu", (g(0, h) - g(0, -h)) / (2 * h), v[0]},
			{"Gaussian: dlogvar", (g(1, h) - g(1, -h)) / (2 * h), math.Expm1(v[1]) / 2},
			{"Gaussians: dmu1", (f(0, h) - f(0, -h)) / (2 * h), (v[0] - v[2]) / math.Exp(v[3])},
			{"Gaussians: dlogvar1", (f(1, h) - f(1, -h)) / (2 * h), math.Expm1(v[1]-v[3]) / 2},
			{"Bernoulli: dq", (Bernoulli(q+h, p) - Bernoulli(q-h, p)) / (2 * h), math.Log(q/(1-q)) - math.Log(p/(1-p))},
		} {
			// Rounding counts relative to the KL itself, which may be some hundreds here.
			if math.Abs(tt.got-tt.want) > 1e-7*max(1, math.Abs(tt.want)) {
				t.Errorf("%s at %v, q %v, p %v: %v, want %v", tt.what, v, q, p, tt.got, tt.want)
			}
		}
	}
}

// Gaussians: known answers by hand, its two directions differ, and with the prior
// second it is Gaussian.
func TestGaussians(t *testing.T) {
	zero, four := []float64{0}, []float64{math.Log(4)}
	near(t, "N(0,1)‖N(0,4)", Gaussians(zero, zero, zero, four), math.Ln2-0.375, 1e-14) // 0.3181
	near(t, "N(0,4)‖N(0,1)", Gaussians(zero, four, zero, zero), 1.5-math.Ln2, 1e-14)   // 0.8069
	near(t, "N(1,1)‖N(3,1)", Gaussians([]float64{1}, zero, []float64{3}, zero), 2, 1e-15)
	near(t, "N(1,4)‖N(3,4)", Gaussians([]float64{1}, four, []float64{3}, four), 0.5, 1e-15)
	for _, tt := range []struct{ got, four float64 }{
		{Gaussians(zero, zero, zero, four), 0.3181}, {Gaussians(zero, four, zero, zero), 0.8069},
	} {
		if math.Abs(tt.got-tt.four) > 0.00005 {
			t.Errorf("%v, want %v to four digits", tt.got, tt.four)
		}
	}
	// The square of 1e200·e⁻⁵⁰⁰ is finite although that of 1e200 is not.
	near(t, "wide", Gaussians([]float64{1e200}, []float64{1000}, zero, []float64{1000}), math.Pow(1e200*math.Exp(-500), 2)/2, 1e-12)

	r := seeded(2)
	for range 100 {
		mu, lv, prior := normal(r, 4), normal(r, 4), make([]float64, 4)
		near(t, "second N(0,I)", Gaussians(mu, lv, prior, prior), Gaussian(mu, lv), 1e-15)
		if kl := Gaussians(mu, lv, mu, lv); kl != 0 {
			t.Errorf("KL of a distribution from itself is %v", kl)
		}
	}
}

// For finite input KL between two Gaussians is never negative and never NaN.
func TestGaussiansNeverNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64Range(-1e4, 1e4)
		m1, v1, m2, v2 := x.Draw(t, "mu1"), x.Draw(t, "logvar1"), x.Draw(t, "mu2"), x.Draw(t, "logvar2")
		if rapid.Bool().Draw(t, "equal means") {
			m2 = m1
		}
		if kl := Gaussians([]float64{m1}, []float64{v1}, []float64{m2}, []float64{v2}); !(kl >= 0) {
			t.Errorf("KL = %v", kl)
		}
	})
}

func TestLengthsThatDiffer(t *testing.T) {
	one, two := []float64{0.5}, []float64{0.5, 0.5}
	for name, f := range map[string]func(){
		"Gaussian":            func() { Gaussian(one, two) },
		"GaussianDims":        func() { GaussianDims(one, one, two) },
		"GaussianDims result": func() { GaussianDims(two, one, one) },
		"Gaussians 1":         func() { Gaussians(two, one, one, one) },
		"Gaussians 2":         func() { Gaussians(one, one, two, one) },
		"Gaussians 3":         func() { Gaussians(one, one, one, two) },
		"Categorical":         func() { Categorical(one, two) },
		"GaussianMC":          func() { GaussianMC(one, two, 2, seeded(1)) },
		"GaussianMC, n = 1":   func() { GaussianMC(one, one, 1, seeded(1)) },
	} {
		if !panics(f) {
			t.Errorf("%s: no panic", name)
		}
	}
}
