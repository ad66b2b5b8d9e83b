package klreg

import (
	"flag"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bigKL is ½(mu² + exp(logvar) − 1 − logvar), the exponential by its Taylor series
// in 512 bits, of which the terms up to e⁸⁰ = 2¹¹⁵ that cancel at logvar = −80 cost
// fewer than 120.
func bigKL(mu, logvar float64) float64 {
	num := func(x float64) *big.Float { return new(big.Float).SetPrec(512).SetFloat64(x) }
	term, sum := num(1), num(0)
	for n := 1; n < 600; n++ {
		term.Quo(term.Mul(term, num(logvar)), num(float64(n)))
		if n >= 2 {
			sum.Add(sum, term)
		}
	}
	m := num(mu)
	sum.Add(sum, m.Mul(m, m))
	kl, _ := sum.Quo(sum, num(2)).Float64()
	return kl
}

// Properties are tried on the same inputs in every run, unless -rapid.seed says
// otherwise.
func init() {
	flag.Set("rapid.seed", "1")
	flag.Set("rapid.nofailfile", "true")
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 3)) }

// normal is n draws from N(0,1), rounded to float32.
func normal(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(r.NormFloat64()))
	}
	return x
}

// near reports an error of more than rel of want; infinities and NaN must agree.
func near(t testing.TB, what string, got, want, rel float64) {
	t.Helper()
	if math.IsNaN(want) && math.IsNaN(got) || got == want {
		return
	}
	if !(math.Abs(got-want) <= rel*math.Abs(want)) {
		t.Errorf("%s: %v, want %v (relative error %.2g)", what, got, want, got/want-1)
	}
}

// panics reports whether f panics.
func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}
