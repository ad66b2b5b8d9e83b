package simd

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// bigExpm1Minus is exp(x) − 1 − x by its Taylor series in 512 bits, of which the
// terms up to e⁸⁰ = 2¹¹⁵ that cancel at x = −80 cost fewer than 120.
func bigExpm1Minus(x float64) float64 {
	const prec = 512
	bx := new(big.Float).SetPrec(prec).SetFloat64(x)
	term := new(big.Float).SetPrec(prec).SetInt64(1)
	sum := new(big.Float).SetPrec(prec)
	for n := int64(1); n < 600; n++ {
		term.Mul(term, bx)
		term.Quo(term, new(big.Float).SetPrec(prec).SetInt64(n))
		if n >= 2 {
			sum.Add(sum, term)
		}
	}
	f, _ := sum.Float64()
	return f
}

func TestExpm1MinusAgainstBig(t *testing.T) {
	xs := []float64{1e-300, 1e-160, 1e-100, 1e-16, 1e-8, 1e-7, 1e-4, 0.01, 0.1, 0.3, 0.4999999, 0.5, 0.5000001, 0.51, 0.7, 1, 2, 5, 10, 30, 80}
	r := seeded(2)
	for range 200 {
		xs = append(xs, math.Exp(r.Float64()*24-20)) // 2e-9 … 55
	}
	for _, x := range xs {
		for _, x := range []float64{x, -x} {
			// A few roundings; near ±0.5 those of expm1(x), of the size of x, count four-fold.
			if got, want := Expm1Minus(x), bigExpm1Minus(x); !same(got, want, 2e-15) {
				t.Errorf("Expm1Minus(%v) = %v, want %v, off by %.1e of it", x, got, want, got/want-1)
			}
		}
	}
}

func TestExpm1MinusSpecial(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct{ x, want float64 }{
		{0, 0}, {math.Copysign(0, -1), 0}, {math.NaN(), math.NaN()}, {inf, math.NaN()}, {-inf, inf},
		{1000, inf}, {math.MaxFloat64, inf}, {-1e300, 1e300}, {-math.MaxFloat64, math.MaxFloat64},
	} {
		if got := Expm1Minus(tt.x); !same(got, tt.want, 0) {
			t.Errorf("Expm1Minus(%v) = %v, want %v", tt.x, got, tt.want)
		}
	}
}

// For finite input a KL is never negative and never NaN, in either precision.
func TestGaussianKLNeverNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mu, lv := rapid.Float64().Draw(t, "mu"), rapid.Float64().Draw(t, "logvar")
		if rapid.Bool().Draw(t, "near zero") {
			mu, lv = math.Mod(mu, 1e-3), math.Mod(lv, 1e-3)
		}
		kl := []float64{0}
		GaussianKL(kl, []float64{mu}, []float64{lv})
		if !(kl[0] >= 0) {
			t.Errorf("KL(%v, %v) = %v", mu, lv, kl[0])
		}
		mu32, lv32, kl32 := float32(mu), float32(lv), []float32{0}
		if math.IsInf(float64(mu32), 0) || math.IsInf(float64(lv32), 0) {
			return
		}
		GaussianKL(kl32, []float32{mu32}, []float32{lv32})
		if !(kl32[0] >= 0) {
			t.Errorf("float32 KL(%v, %v) = %v", mu32, lv32, kl32[0])
		}
	})
}

// Logits at which exp overflows: the distortion is that of the formula's limit.
func TestLogitExtremes(t *testing.T) {
	for _, tt := range []struct{ l, x, d, resid, p float64 }{
		{800, 1, 0, 0, 1}, {800, 0, 800, 1, 1}, {-800, 1, 800, -1, 0}, {-800, 0, 0, 0, 0},
		{1e30, 0, 1e30, 1, 1}, {-1e30, 1, 1e30, -1, 0},
		{800, 0.25, 600, 0.75, 1}, {-800, 0.25, 200, -0.25, 0},
		{0, 0, math.Ln2, 0.5, 0.5}, {0, 1, math.Ln2, -0.5, 0.5},
		{math.Log(3), 1, math.Log(4.0 / 3), -0.25, 0.75}, {-math.Log(3), 1, math.Log(4), -0.75, 0.25},
		{-40, 0, math.Exp(-40), math.Exp(-40), math.Exp(-40)},
	} {
		d, resid, p := []float64{7}, []float64{7}, []float64{tt.l}
		Bernoulli(d, resid, []float64{tt.l}, []float64{tt.x})
		Sigmoid(p, p) // in place, as a likelihood does it
		d32, resid32, p32 := []float32{7}, []float32{7}, []float32{float32(tt.l)}
		Bernoulli(d32, resid32, []float32{float32(tt.l)}, []float32{float32(tt.x)})
		Sigmoid(p32, p32)
		for _, c := range []struct {
			what           string
			got, want, rel float64
		}{
			{"d", d[0], tt.d, 1e-15}, {"resid", resid[0], tt.resid, 1e-15}, {"p", p[0], tt.p, 1e-15},
			// log 3 itself is rounded to float32, which moves d by 1e-8 of 0.29.
			{"d32", float64(d32[0]), tt.d, 4e-7}, {"resid32", float64(resid32[0]), tt.resid, 4e-7}, {"p32", float64(p32[0]), tt.p, 4e-7},
		} {
			if !same(c.got, c.want, c.rel) {
				t.Errorf("logit %v, pixel %v: %s = %v, want %v", tt.l, tt.x, c.what, c.got, c.want)
			}
		}
	}
}

// NaN in one row shows in that row's distortion and in no other.
func TestDistortionShowsNaN(t *testing.T) {
	nan := math.NaN()
	params, x := []float64{1, nan, 2, 3, 4, 5}, []float64{0, 1, 1, nan, 0, 1}
	for name, f := range map[string]func(d, resid []float64){
		"bernoulli": func(d, resid []float64) { Bernoulli(d, resid, params, x) },
		"gaussian":  func(d, resid []float64) { Gaussian(d, resid, params, x, 1) },
	} {
		d, resid := make([]float64, 3), make([]float64, 6)
		f(d, resid)
		for i, want := range []bool{true, true, false} {
			if math.IsNaN(d[i]) != want {
				t.Errorf("%s: row %d: %v, NaN %v", name, i, d[i], want)
			}
		}
		for i, v := range resid {
			if math.IsNaN(v) != (i == 1 || i == 3) {
				t.Errorf("%s: gradient %d: %v", name, i, v)
			}
		}
	}
}
