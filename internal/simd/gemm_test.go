package simd

import (
	"fmt"
	"math"
	"testing"
)

func TestGemm(t *testing.T) {
	t.Run("float32", testGemm[float32])
	t.Run("float64", testGemm[float64])
}

func testGemm[T Float](t *testing.T) {
	sizes := [][3]int{{1, 1, 1}, {1, 5, 3}, {4, 1, 9}, {7, 5, 1}, {16, 16, 16}, {33, 17, 65}, {65, 129, 63}, {130, 70, 131}}
	scalars := [][2]T{{1, 0}, {-0.5, 0}, {1, 1}, {2, -0.25}, {0, 0.5}, {0, 0}}
	for _, s := range sizes {
		for combo := range 4 {
			for i, ab := range scalars {
				for _, pad := range []int{0, 3} {
					transA, transB := combo&1 != 0, combo&2 != 0
					name := fmt.Sprintf("%v/transA=%v,transB=%v/alpha=%v,beta=%v/pad=%d", s, transA, transB, ab[0], ab[1], pad)
					res, outside := gemm[T](uint64(i), transA, transB, s[0], s[1], s[2], ab[0], ab[1], pad)
					if outside != "" {
						t.Errorf("%s: %s", name, outside)
					}
					if !t.Run(name, func(t *testing.T) { res.check(t) }) {
						return
					}
				}
			}
		}
	}
}

// gemm multiplies random matrices, each stored in rows that are longer than its
// width by pad. What lies behind the width is NaN, which must neither get into
// the product nor be overwritten in C.
func gemm[T Float](seed uint64, transA, transB bool, m, n, k int, alpha, beta T, pad int) (res result[T], outside string) {
	r := seeded(seed)
	stored := func(rows, cols int) ([]T, int) {
		ld := cols + pad
		x := dirty[T]((rows-1)*ld + cols + pad)
		for i := range rows {
			copy(x[i*ld:], normal[T](r, cols))
		}
		return x, ld
	}
	ar, ac, br, bc := m, k, k, n
	if transA {
		ar, ac = k, m
	}
	if transB {
		br, bc = n, k
	}
	a, lda := stored(ar, ac)
	b, ldb := stored(br, bc)
	c, ldc := stored(m, n)
	if beta == 0 { // C may hold anything
		c = dirty[T](len(c))
	}
	before := append([]T{}, c...)
	Gemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	for i := range m {
		for j := range n {
			var sum, abs float64
			for l := range k {
				xy := at(a, lda, transA, i, l) * at(b, ldb, transB, l, j)
				sum += xy
				abs += math.Abs(xy)
			}
			want, scale := float64(alpha)*sum, math.Abs(float64(alpha))*abs
			if beta != 0 {
				want += float64(beta) * float64(before[i*ldc+j])
				scale += math.Abs(float64(beta) * float64(before[i*ldc+j]))
			}
			res.add(c[i*ldc+j], want, scale)
		}
		for j := i*ldc + n; j < (i+1)*ldc; j++ {
			if !math.IsNaN(float64(c[j])) {
				outside = fmt.Sprintf("wrote %v behind row %d of C", c[j], i)
			}
		}
	}
	return res, outside
}

// at is element i, j of op(X).
func at[T Float](x []T, ld int, trans bool, i, j int) float64 {
	if trans {
		i, j = j, i
	}
	return float64(x[i*ld+j])
}

// A NaN in A or B shows in the product, unless a zero multiplies it: gonum skips
// those, so a ReLU's zero may hide a NaN weight. Training therefore checks
// gradients and weights, not only the loss.
func TestGemmShowsNaN(t *testing.T) {
	c := []float32{0, 0}
	Gemm(false, true, 1, 2, 2, 1, []float32{1, 2}, 2, []float32{3, float32(math.NaN()), 5, 6}, 2, 0, c, 2)
	if c[0] == c[0] || c[1] != 17 {
		t.Errorf("product %v, want [NaN 17]", c)
	}
}
