package simd

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// Every kernel is held to straightforward float64 code. Inputs are rounded to
// float32 first, so that both precisions see the same numbers.

// result is what a kernel computed, what it should have computed, and the size of
// the numbers that went into each sum: an error is relative to that.
type result[T Float] struct {
	got         []T
	want, scale []float64
}

func (r *result[T]) add(got T, want, scale float64) {
	r.got = append(r.got, got)
	r.want = append(r.want, want)
	r.scale = append(r.scale, scale)
}

// testKernel is a kernel on random inputs of b rows of width w.
type testKernel[T Float] struct {
	name string
	run  func(r *rand.Rand, b, w int) result[T]
}

// Properties are tried on the same inputs in every run, unless -rapid.seed says
// otherwise.
func init() {
	flag.Set("rapid.seed", "1")
	flag.Set("rapid.nofailfile", "true")
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func normal[T Float](r *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(float32(r.NormFloat64()))
	}
	return x
}

// dirty is an output buffer that holds what an earlier run left there.
func dirty[T Float](n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(math.NaN())
	}
	return x
}

// tolerance is the error allowed relative to result.scale.
func tolerance[T Float]() float64 {
	if _, ok := any(T(0)).(float32); ok {
		return 1e-5
	}
	return 1e-12
}

func (r result[T]) check(t *testing.T) {
	t.Helper()
	for i, got := range r.got {
		if d := math.Abs(float64(got) - r.want[i]); !(d <= tolerance[T]()*r.scale[i]) {
			t.Errorf("element %d: %v, want %v (off by %.2g of %.2g)", i, got, r.want[i], d, r.scale[i])
			return
		}
	}
}

// Odd sizes, single rows and columns, and sizes beyond 2, 3 and 4 grains.
var sizes = [][2]int{{1, 1}, {1, 7}, {3, 5}, {7, 1}, {13, 31}, {1, 3*grain + 1}, {2, grain + 3}, {17, 1001}, {67, 785}, {4*grain + 5, 1}}

func TestKernels(t *testing.T) {
	t.Run("float32", testKernels[float32])
	t.Run("float64", testKernels[float64])
}

func testKernels[T Float](t *testing.T) {
	for _, k := range append(elbo[T](), layers[T]()...) {
		for _, s := range sizes {
			t.Run(fmt.Sprintf("%s/%d×%d", k.name, s[0], s[1]), func(t *testing.T) {
				k.run(seeded(1), s[0], s[1]).check(t)
			})
		}
	}
}

func elbo[T Float]() []testKernel[T] {
	return []testKernel[T]{
		{"reparameterize", func(r *rand.Rand, b, w int) (res result[T]) {
			mu, lv, eps, z := normal[T](r, b*w), normal[T](r, b*w), normal[T](r, b*w), dirty[T](b*w)
			Reparameterize(z, mu, lv, eps)
			for i := range z {
				noise := math.Exp(float64(lv[i])/2) * float64(eps[i])
				res.add(z[i], float64(mu[i])+noise, math.Abs(float64(mu[i]))+math.Abs(noise))
			}
			return res
		}},
		{"reparameterizeGrad", func(r *rand.Rand, b, w int) (res result[T]) {
			dz, lv, eps, d := normal[T](r, b*w), normal[T](r, b*w), normal[T](r, b*w), dirty[T](b*w)
			ReparameterizeGrad(d, dz, lv, eps)
			for i := range d {
				want := float64(dz[i]) * float64(eps[i]) * math.Exp(float64(lv[i])/2) / 2
				res.add(d[i], want, math.Abs(want))
			}
			return res
		}},
		{"gaussianKL", func(r *rand.Rand, b, w int) (res result[T]) {
			mu, lv, kl := normal[T](r, b*w), normal[T](r, b*w), dirty[T](b*w)
			GaussianKL(kl, mu, lv)
			for i := range kl {
				m, v := float64(mu[i]), float64(lv[i])
				// The formula as printed, which cancels near 0: hence its own scale.
				res.add(kl[i], (m*m+math.Exp(v)-1-v)/2, (m*m+math.Exp(v)+1+math.Abs(v))/2)
			}
			return res
		}},
		{"gaussianKLGrad", func(r *rand.Rand, b, w int) (res result[T]) {
			g, lv, d := normal[T](r, b*w), normal[T](r, b*w), dirty[T](b*w)
			GaussianKLGrad(d, g, lv)
			for i := range d {
				want := float64(g[i]) * math.Expm1(float64(lv[i])) / 2
				res.add(d[i], want, math.Abs(want))
			}
			return res
		}},
		{"mul", func(r *rand.Rand, b, w int) (res result[T]) {
			x, y, c := normal[T](r, b*w), normal[T](r, b*w), dirty[T](b*w)
			Mul(c, x, y)
			for i := range c {
				want := float64(x[i]) * float64(y[i])
				res.add(c[i], want, math.Abs(want))
			}
			return res
		}},
		{"rowSums", func(r *rand.Rand, b, w int) (res result[T]) {
			a, s := normal[T](r, b*w), dirty[T](b)
			RowSums(s, a)
			for i := range s {
				var sum, abs float64
				for j := range w {
					sum += float64(a[i*w+j])
					abs += math.Abs(float64(a[i*w+j]))
				}
				res.add(s[i], sum, abs)
			}
			return res
		}},
		{"rowRepeat", func(r *rand.Rand, b, w int) (res result[T]) {
			s, a := normal[T](r, b), dirty[T](b*w)
			RowRepeat(a, s)
			for i := range a {
				res.add(a[i], float64(s[i/w]), 0)
			}
			return res
		}},
		{"rowScale", func(r *rand.Rand, b, w int) (res result[T]) {
			s, a, c := normal[T](r, b), normal[T](r, b*w), dirty[T](b*w)
			RowScale(c, s, a)
			for i := range c {
				want := float64(s[i/w]) * float64(a[i])
				res.add(c[i], want, math.Abs(want))
			}
			return res
		}},
		{"bernoulli", func(r *rand.Rand, b, w int) (res result[T]) {
			l, x, d, resid := normal[T](r, b*w), normal[T](r, b*w), dirty[T](b), dirty[T](b*w)
			Bernoulli(d, resid, l, x)
			without := dirty[T](b)
			Bernoulli(without, nil, l, x)
			for i := range d {
				var sum, abs float64
				for j := i * w; j < (i+1)*w; j++ {
					p := 1 / (1 + math.Exp(-float64(l[j])))
					sp, xl := math.Log(1+math.Exp(float64(l[j]))), float64(x[j])*float64(l[j])
					sum, abs = sum+sp-xl, abs+sp+math.Abs(xl)
					res.add(resid[j], p-float64(x[j]), p+math.Abs(float64(x[j])))
				}
				res.add(d[i], sum, abs)
				res.add(without[i], float64(d[i]), 0)
			}
			return res
		}},
		{"gaussian", func(r *rand.Rand, b, w int) (res result[T]) {
			const variance = 0.09
			m, x, d, resid := normal[T](r, b*w), normal[T](r, b*w), dirty[T](b), dirty[T](b*w)
			Gaussian(d, resid, m, x, variance)
			without := dirty[T](b)
			Gaussian(without, nil, m, x, variance)
			for i := range d {
				var sum, abs float64
				for j := i * w; j < (i+1)*w; j++ {
					e := float64(x[j]) - float64(m[j])
					c := math.Log(2*math.Pi*variance) / 2
					sum, abs = sum+e*e/variance/2+c, abs+e*e/variance/2+math.Abs(c)
					res.add(resid[j], -e/variance, math.Abs(e)/variance)
				}
				res.add(d[i], sum, abs)
				res.add(without[i], float64(d[i]), 0)
			}
			return res
		}},
		{"sigmoid", func(r *rand.Rand, b, w int) (res result[T]) {
			l, p := normal[T](r, b*w), dirty[T](b*w)
			Sigmoid(p, l)
			for i := range p {
				e := math.Exp(float64(l[i]))
				res.add(p[i], e/(1+e), e/(1+e))
			}
			return res
		}},
	}
}
