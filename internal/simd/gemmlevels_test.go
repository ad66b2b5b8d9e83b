package simd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// atLevels runs a test at each level that this processor has.
func atLevels(t *testing.T, f func(t *testing.T)) {
	best := level
	defer func() { level = best }()
	for l := Portable; l <= detect(); l++ {
		level = l
		t.Run(l.String(), f)
	}
}

// guarded returns rows×cols numbers in rows of the given stride, drawn from
// N(0,1), inside a slice that holds NaN before, after, and between the rows.
func guarded(r *rand.Rand, rows, cols, stride int) (inner, whole []float32) {
	const band = 64
	n := 0
	if rows > 0 && cols > 0 {
		n = (rows-1)*stride + cols
	}
	offset := band + r.IntN(16) // any alignment
	whole = make([]float32, offset+n+band)
	for i := range whole {
		whole[i] = float32(math.NaN())
	}
	inner = whole[offset : offset+n : offset+n]
	for i := range rows {
		for j := range cols {
			inner[i*stride+j] = float32(r.NormFloat64())
		}
	}
	return inner, whole
}

// Products of random shapes, strides, alpha and beta agree with float64 within
// the rounding of their sums, read nothing outside their matrices (it would be
// NaN), and write nothing outside C.
func TestGemmShapes(t *testing.T) {
	cases := 3000
	if testing.Short() {
		cases = 600
	}
	atLevels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 7))
		for c := range cases {
			m, n, k := r.IntN(40), r.IntN(110), r.IntN(70)
			switch c % 50 {
			case 0:
				m, n, k = r.IntN(500), r.IntN(60), r.IntN(60)
			case 1:
				m, n, k = 300+r.IntN(60), r.IntN(100), 200+r.IntN(400)
			case 2:
				m, n, k = r.IntN(20), 16*r.IntN(20), 16*r.IntN(40)
			}
			ta, tb := r.IntN(2) == 1, r.IntN(2) == 1
			alpha, beta := []float32{1, -0.5, 0}[min(2, r.IntN(8)/3)], []float32{0, 1, 0.25}[r.IntN(3)]
			checkGemm(t, r, m, n, k, ta, tb, alpha, beta)
			if t.Failed() {
				return
			}
		}
	})
}

func checkGemm(t *testing.T, r *rand.Rand, m, n, k int, ta, tb bool, alpha, beta float32) {
	t.Helper()
	stored := func(rows, cols int, transposed bool) (inner []float32, stride int) {
		if transposed {
			rows, cols = cols, rows
		}
		stride = max(1, cols+r.IntN(2)*r.IntN(20))
		inner, _ = guarded(r, rows, cols, stride)
		return inner, stride
	}
	a, lda := stored(m, k, ta)
	b, ldb := stored(k, n, tb)
	ldc := max(1, n+r.IntN(2)*r.IntN(20))
	c, whole := guarded(r, m, n, ldc)
	before := append([]float32{}, c...)
	if beta == 0 {
		for i := range c {
			c[i] = float32(math.NaN()) // must not matter
		}
	}
	bias, _ := guarded(r, 1, n, max(1, n))
	var useBias []float32
	relu := r.IntN(3) == 0
	if r.IntN(2) == 0 && n > 0 {
		useBias = bias
	}
	product(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, useBias, relu)
	name := fmt.Sprintf("%d×%d×%d, transposed %v %v, alpha %v, beta %v, strides %d %d %d", m, n, k, ta, tb, alpha, beta, lda, ldb, ldc)
	at := func(s []float32, stride, i, j int, transposed bool) float64 {
		if transposed {
			i, j = j, i
		}
		return float64(s[i*stride+j])
	}
	numbers := 0
	for i := range m {
		for j := range n {
			var sum, abs float64
			for p := range k {
				v := at(a, lda, i, p, ta) * at(b, ldb, p, j, tb)
				sum, abs = sum+v, abs+math.Abs(v)
			}
			want := float64(alpha) * sum
			abs *= math.Abs(float64(alpha))
			if beta != 0 {
				want += float64(beta) * float64(before[i*ldc+j])
				abs += math.Abs(float64(beta) * float64(before[i*ldc+j]))
			}
			if useBias != nil {
				want += float64(useBias[j])
				abs += math.Abs(float64(useBias[j]))
			}
			if relu {
				want = max(want, 0)
			}
			got := float64(c[i*ldc+j])
			if !(math.Abs(got-want) <= float64(k+4)*0x1p-24*abs) {
				t.Errorf("%s: C[%d,%d] = %v, want %v", name, i, j, got, want)
				return
			}
			numbers++
		}
	}
	for _, v := range whole {
		if v == v {
			numbers--
		}
	}
	if numbers != 0 {
		t.Errorf("%s: %d numbers were written outside C", name, -numbers)
	}
}

// An element of C has the same bits whatever the rows and columns beside it, and
// on any number of cores.
func TestGemmBitsDependOnKAlone(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for _, transB := range []bool{false, true} {
			r := rand.New(rand.NewPCG(1, 8))
			const m, n, k = 400, 100, 700
			a, _ := guarded(r, m, k, k)
			b, _ := guarded(r, k*n, 1, 1)
			multiply := func(m, n int) []float32 { // of the first m rows and n columns
				c := make([]float32, m*n)
				if transB {
					Gemm(false, true, m, n, k, 1, a, k, b, k, 0, c, n)
				} else {
					Gemm(false, false, m, n, k, 1, a, k, b, 100, 0, c, n)
				}
				return c
			}
			whole := multiply(m, n)
			for _, procs := range []int{1, 2, 4} {
				withProcs(procs, func() {
					for _, mm := range []int{1, 2, 3, 7, 8, 20, 128, 319, 400} {
						for _, nn := range []int{1, 15, 16, 17, 47, 48, 49, 99, 100} {
							c := multiply(mm, nn)
							for i := range mm {
								for j := range nn {
									if c[i*nn+j] != whole[i*n+j] {
										t.Fatalf("transposed %v, %d threads, %d×%d: element %d,%d is %v, of %d×%d %v",
											transB, procs, mm, nn, i, j, c[i*nn+j], m, n, whole[i*n+j])
									}
								}
							}
						}
					}
				})
			}
		}
	})
}

// NaN and infinities go through, also past a zero and through ReLU.
func TestGemmSpecials(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	atLevels(t, func(t *testing.T) {
		for _, c := range []struct{ a, b, want float32 }{{0, nan, nan}, {nan, 0, nan}, {0, inf, nan}, {1, inf, inf}, {-1, inf, -inf}, {inf, inf, inf}} {
			for _, at := range []int{0, 5, 39} {
				for _, relu := range []bool{false, true} {
					a, b, got := make([]float32, 9*40), make([]float32, 40*50), make([]float32, 9*50)
					for i := range 9 {
						a[i*40+at] = c.a
					}
					for j := range 50 {
						b[at*50+j] = c.b
					}
					product(false, false, 9, 50, 40, 1, a, 40, b, 50, 0, got, 50, nil, relu)
					want := c.want
					if relu {
						want = max(want, 0)
					}
					for i, v := range got {
						if v != want && (v == v || want == want) {
							t.Fatalf("%v·%v at %d, relu %v: element %d is %v, want %v", c.a, c.b, at, relu, i, v, want)
						}
					}
				}
			}
		}
	})
}

func TestGemmRefusesShortSlices(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		for name, f := range map[string]func(){
			"A": func() {
				Gemm(false, false, 2, 2, 2, 1, make([]float32, 3), 2, make([]float32, 4), 2, 0, make([]float32, 4), 2)
			},
			"B": func() {
				Gemm(false, true, 2, 2, 2, 1, make([]float32, 4), 2, make([]float32, 3), 2, 0, make([]float32, 4), 2)
			},
			"C": func() {
				Gemm(true, false, 2, 2, 2, 1, make([]float32, 4), 2, make([]float32, 4), 2, 0, make([]float32, 3), 2)
			},
			"stride": func() {
				Gemm(true, false, 2, 2, 2, 1, make([]float32, 4), 1, make([]float32, 4), 2, 0, make([]float32, 4), 2)
			},
			"m": func() {
				Gemm(false, false, -1, 2, 2, 1, make([]float32, 4), 2, make([]float32, 4), 2, 0, make([]float32, 4), 2)
			},
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: no panic", name)
					}
				}()
				f()
			}()
		}
	})
}
