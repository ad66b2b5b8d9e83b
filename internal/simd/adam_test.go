package simd

import (
	"math"
	"testing"
)

// adam is Algorithm 1 of Kingma & Ba 2015 (arXiv:1412.6980), line by line, of one
// weight, in float64.
type adam struct {
	theta, m, v, beta1t, beta2t float64
}

func (a *adam) step(g, alpha, beta1, beta2, eps float64) {
	a.beta1t *= beta1
	a.beta2t *= beta2
	a.m = beta1*a.m + (1-beta1)*g
	a.v = beta2*a.v + (1-beta2)*g*g
	mHat := a.m / (1 - a.beta1t)
	vHat := a.v / (1 - a.beta2t)
	a.theta -= alpha * mHat / (math.Sqrt(vHat) + eps)
}

func TestAdam(t *testing.T) {
	t.Run("float32", testAdam[float32])
	t.Run("float64", testAdam[float64])
}

func testAdam[T Float](t *testing.T) {
	const n, steps, lr = 2*grain + 7, 100, 1e-3
	for _, tt := range []struct {
		name                      string
		b1, b2, eps, scale, sigma float64
	}{
		{"defaults of the paper", 0.9, 0.999, 1e-8, 1, 1},
		{"clipped", 0.9, 0.999, 1e-8, 0.125, 100},
		{"eps 1e-4 of Burda et al. 2015, small gradients", 0.9, 0.999, 1e-4, 1, 1e-4},
		{"no memory", 0, 0, 1e-8, 1, 1},
		{"gradients of all sizes", 0.9, 0.999, 1e-8, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := seeded(3)
			// The weights start near 0, so that their own rounding does not hide the steps'.
			w, m, v := make([]T, n), make([]T, n), make([]T, n)
			ref := make([]adam, n)
			for i := range ref {
				ref[i] = adam{beta1t: 1, beta2t: 1}
			}
			for step := 1; step <= steps; step++ {
				g := normal[T](r, n)
				for i := range g {
					if tt.sigma == 0 {
						g[i] *= T(math.Exp2(float64(i%40 - 30)))
					} else {
						g[i] *= T(tt.sigma)
					}
					ref[i].step(float64(g[i])*tt.scale, lr, tt.b1, tt.b2, tt.eps)
				}
				Adam(w, g, m, v, lr, tt.b1, tt.b2, tt.eps, 1-math.Pow(tt.b1, float64(step)), 1-math.Pow(tt.b2, float64(step)), tt.scale)
			}
			// A weight has moved by up to lr a step; the error is relative to that way.
			var res result[T]
			for i := range w {
				res.add(w[i], ref[i].theta, lr*steps)
			}
			res.check(t)
		})
	}
}

// The first step has the closed form −lr·g/(|g| + eps), since both corrected
// moments are exactly g and g².
func TestAdamFirstStep(t *testing.T) {
	for _, g := range []float64{1, -1, 1e-8, -3e-4, 1e6} {
		w, m, v := []float64{0.5}, []float64{0}, []float64{0}
		Adam(w, []float64{g}, m, v, 0.01, 0.9, 0.999, 1e-8, 1-0.9, 1-0.999, 1)
		if want := 0.5 - 0.01*g/(math.Abs(g)+1e-8); !same(w[0], want, 1e-14) {
			t.Errorf("gradient %v: weight %v, want %v", g, w[0], want)
		}
	}
}

// Moments that decay towards zero become zero and never denormal, on which
// arithmetic is many times slower; the weight then stands still.
func TestAdamFlushesDenormals(t *testing.T) {
	w, m, v := []float32{1, 1, 1}, []float32{0, 0, 0}, []float32{0, 0, 0}
	grads := []float32{1e-3, -1e-3, 1e-18} // v of the last is 1e-39 at once
	for step := 1; step <= 120000; step++ {
		Adam(w, grads, m, v, 1e-3, 0.9, 0.999, 1e-8, 1, 1, 1)
		for i := range m {
			if a := math.Abs(float64(m[i])); a != 0 && a < 0x1p-126 {
				t.Fatalf("step %d: m = %v is denormal", step, m[i])
			}
			if v[i] < 0 || v[i] != 0 && v[i] < 0x1p-126 {
				t.Fatalf("step %d: v = %v is denormal", step, v[i])
			}
		}
		clear(grads)
	}
	for i := range m {
		if m[i] != 0 || v[i] != 0 {
			t.Errorf("moments %v and %v, want 0", m[i], v[i])
		}
	}
	before := w[0]
	Adam(w, grads, m, v, 1e-3, 0.9, 0.999, 1e-8, 1, 1, 1)
	if w[0] != before {
		t.Errorf("weight moves from %v to %v without gradient or moment", before, w[0])
	}
}

// A NaN gradient shows in the weight, the moments and the sum of squares.
func TestAdamShowsNaN(t *testing.T) {
	nan := float32(math.NaN())
	w, m, v := []float32{1, 1}, []float32{0, 0}, []float32{0, 0}
	Adam(w, []float32{nan, 1}, m, v, 1e-3, 0.9, 0.999, 1e-8, 0.1, 0.001, 1)
	if w[0] == w[0] || m[0] == m[0] || v[0] == v[0] {
		t.Errorf("weight %v, moments %v and %v, want NaN", w[0], m[0], v[0])
	}
	if w[1] != w[1] {
		t.Error("the neighbour is NaN too")
	}
}

func TestSumSquares(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		x    []float32
		want float64
	}{
		{nil, 0}, {[]float32{3, -4}, 25}, {[]float32{1e30, 1e30}, 2e60}, {[]float32{0x1p-140}, 0x1p-280},
		{[]float32{1, float32(math.NaN()), 2}, math.NaN()}, {[]float32{1, float32(-inf)}, inf},
	} {
		if got := SumSquares(tt.x); !same(got, tt.want, 1e-7) {
			t.Errorf("SumSquares(%v) = %v, want %v", tt.x, got, tt.want)
		}
	}
	if got := SumSquares([]float64{1, math.NaN()}); !math.IsNaN(got) {
		t.Errorf("float64: %v, want NaN", got)
	}
}
