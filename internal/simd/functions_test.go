package simd

import (
	"fmt"
	"math"
	"os"
	"testing"
)

// The vector functions against float64, over the numbers of every exponent and
// sign, denormal ones, infinities and NaN included: each 997th float32, and
// every one if GOVAE_EXHAUSTIVE is set (two minutes each). limit is the error in ulp
// that the doc comments state; portable code must reach ½ ulp and a little.
func TestFunctionErrors(t *testing.T) {
	step := uint64(997)
	if os.Getenv("GOVAE_EXHAUSTIVE") != "" {
		step = 1
	}
	for _, f := range []struct {
		name  string
		run   func(y, x []float32)
		want  func(x float64) float64
		limit float64
	}{
		{"Exp", Exp[float32], math.Exp, 1},
		{"Log1p", Log1p[float32], math.Log1p, 1.3},
		{"Softplus", SoftplusOf[float32], softplus, 2},
		{"Sigmoid", Sigmoid[float32], func(l float64) float64 { return 1 / (1 + math.Exp(-l)) }, 2},
		{"Tanh", TanhOf[float32], math.Tanh, 1.5},
		{"GaussianKL", func(y, x []float32) { GaussianKL(y, make([]float32, len(x)), x) },
			func(x float64) float64 { return Expm1Minus(x) / 2 }, 4},
		{"GaussianKLGrad", func(y, x []float32) { GaussianKLGrad(y, ones(len(x)), x) },
			func(x float64) float64 { return math.Expm1(x) / 2 }, 2},
		{"Reparameterize", func(y, x []float32) { Reparameterize(y, make([]float32, len(x)), x, ones(len(x))) },
			func(x float64) float64 { return math.Exp(x / 2) }, 1},
		{"ReparameterizeGrad", func(y, x []float32) { ReparameterizeGrad(y, ones(len(x)), x, ones(len(x))) },
			func(x float64) float64 { return math.Exp(x/2) / 2 }, 1},
		{"SoftplusGrad", func(y, x []float32) { ActivationGrad(y, ones(len(x)), x, Softplus) },
			func(x float64) float64 { return -math.Expm1(-max(x, -80)) }, 2}, // of a softplus, that is x ≥ 0
	} {
		t.Run(f.name, func(t *testing.T) {
			atLevels(t, func(t *testing.T) {
				limit := f.limit
				if level == Portable {
					limit = 0.501
				}
				const chunk = 1 << 12
				x, y := make([]float32, 0, chunk), make([]float32, chunk)
				worst, at := 0.0, float32(0)
				for b := uint64(0); b < 1<<32 || len(x) > 0; b += step {
					if b < 1<<32 {
						x = append(x, math.Float32frombits(uint32(b)))
						if len(x) < chunk {
							continue
						}
					}
					f.run(y[:len(x)], x)
					for i, v := range x {
						if f.name == "SoftplusGrad" && v < 0 {
							continue
						}
						if e := ulps(y[i], f.want(float64(v))); !(e <= worst) {
							worst, at = e, v
						}
					}
					x = x[:0]
				}
				t.Logf("%.3f ulp at %v", worst, at)
				if !(worst <= limit) {
					t.Errorf("off by %.3f ulp at %v, want at most %v", worst, at, limit)
				}
			})
		})
	}
}

func ones(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// ulps is the error of got in units of the last place that a float32 near want
// has: 0 for the same NaN, infinity or zero with its sign, Inf if only one is NaN.
func ulps(got float32, want float64) float64 {
	rounded := float32(want)
	switch {
	case want != want && got != got:
		return 0
	case want != want || got != got:
		return math.Inf(1)
	case got == rounded && (got != 0 || want != 0 || math.Signbit(float64(got)) == math.Signbit(want)):
		if math.IsInf(float64(got), 0) {
			return 0
		}
	case got == 0 && want == 0:
		return math.Inf(1)
	}
	g := float64(got)
	if math.IsInf(g, 0) { // one step beyond the largest number
		g = math.Copysign(0x1p128, g)
	}
	w := want
	if math.Abs(w) > 0x1p128 {
		w = math.Copysign(0x1p128, w)
	}
	_, e := math.Frexp(w)
	return math.Abs(g-w) / math.Ldexp(1, max(e-24, -149))
}

// A NaN, infinities and zeros of either sign, in each lane of a vector.
func TestFunctionSpecials(t *testing.T) {
	inf, nan, zero := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	atLevels(t, func(t *testing.T) {
		for _, f := range []struct {
			name    string
			run     func(y, x []float32)
			in, out []float32
		}{
			{"Exp", Exp[float32], []float32{inf, -inf, nan, zero, 88.72284, -103.9721}, []float32{inf, 0, nan, 1, inf, 0}},
			{"Log1p", Log1p[float32], []float32{inf, -inf, nan, zero, 0, -1, -1.0000001, -2}, []float32{inf, nan, nan, zero, 0, -inf, nan, nan}},
			{"Softplus", SoftplusOf[float32], []float32{inf, -inf, nan, 800, -800}, []float32{inf, 0, nan, 800, 0}},
			{"Sigmoid", Sigmoid[float32], []float32{inf, -inf, nan, zero, 800, -800}, []float32{1, 0, nan, 0.5, 1, 0}},
			{"Tanh", TanhOf[float32], []float32{inf, -inf, nan, zero, 0, 800, -800, 1e-45}, []float32{1, -1, nan, zero, 0, 1, -1, 1e-45}},
		} {
			for i, v := range f.in {
				for lane := range 37 {
					x := make([]float32, 37)
					x[lane] = v
					f.run(x, x)
					if math.Float32bits(x[lane]) != math.Float32bits(f.out[i]) && (x[lane] == x[lane] || f.out[i] == f.out[i]) {
						t.Errorf("%s(%v) = %v in place %d, want %v", f.name, v, x[lane], lane, f.out[i])
					}
				}
			}
		}
	})
}

func ExampleExp() {
	x := []float32{0, 1, -1}
	Exp(x, x)
	fmt.Println(x)
	// Output: [1 2.7182817 0.36787945]
}
