package simd

import "fmt"

// Gemm computes C = alpha·op(A)·op(B) + beta·C on row-major matrices, where op
// transposes if asked: op(A) is [m,k], op(B) [k,n], C [m,n], and lda, ldb, ldc
// are the lengths of the stored rows. With beta = 0 C may hold anything. An
// element of C is summed in an order that depends on k alone, not on m, n or the
// number of cores. NaN and infinities go through as IEEE 754 has it. It panics
// if a slice is too short for its matrix.
func Gemm[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	product(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, nil, false)
}

// product is Gemm, to which it may add a bias [n] to each row, and then ReLU.
func product[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int, bias []T, relu bool) {
	if transA {
		fits("A", len(a), k, m, lda)
	} else {
		fits("A", len(a), m, k, lda)
	}
	if transB {
		fits("B", len(b), n, k, ldb)
	} else {
		fits("B", len(b), k, n, ldb)
	}
	fits("C", len(c), m, n, ldc)
	if bias != nil && len(bias) < n {
		panic(fmt.Sprintf("simd: a bias of %d for %d columns", len(bias), n))
	}
	if m == 0 || n == 0 {
		return
	}
	fast := level > Portable && k > 0
	if _, ok := any(a).([]float32); !ok {
		fast = false
	}
	if beta != 1 && !(fast && beta == 0) {
		for i := range m {
			row := c[i*ldc : i*ldc+n]
			for j := range row {
				if beta == 0 {
					row[j] = 0 // whatever it was, NaN too
				} else {
					row[j] *= beta
				}
			}
		}
	}
	if fast {
		a32, b32, c32 := any(a).([]float32), any(b).([]float32), any(c).([]float32)
		bias32, _ := any(bias).([]float32)
		sgemm(sgemmTask{transA: transA, transB: transB, m: m, n: n, k: k, alpha: float32(alpha), a: a32, lda: lda, b: b32, ldb: ldb,
			overwrite: beta == 0, c: c32, ldc: ldc, bias: bias32, relu: relu})
		return
	}
	if k > 0 {
		portableGemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, c, ldc)
	}
	for i := range m {
		finish(c[i*ldc:i*ldc+n], bias, relu)
	}
}

func finish[T Float](row, bias []T, relu bool) {
	for j, v := range bias {
		row[j] += v
	}
	if relu {
		for j, v := range row {
			row[j] = max(v, 0) // passes NaN on
		}
	}
}

func fits(name string, have, rows, cols, stride int) {
	if rows < 0 || cols < 0 || stride < cols || (rows > 0 && cols > 0 && have < (rows-1)*stride+cols) {
		panic(fmt.Sprintf("simd: %s of %d×%d numbers in rows of %d does not fit a slice of %d", name, rows, cols, stride, have))
	}
}

// portableGemm adds alpha·op(A)·op(B) to C, four steps of k at a time over rows of
// B that lie in order in memory.
func portableGemm[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, c []T, ldc int) {
	if transB { // once, for all rows of A
		t := make([]T, k*n)
		for j := range n {
			for p, v := range b[j*ldb : j*ldb+k] {
				t[p*n+j] = v
			}
		}
		b, ldb = t, n
	}
	at := func(i, p int) T { return a[i*lda+p] }
	if transA {
		at = func(i, p int) T { return a[p*lda+i] }
	}
	rows(m, n*k/16, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			c := c[i*ldc : i*ldc+n]
			p := 0
			for ; p+4 <= k; p += 4 {
				a0, a1, a2, a3 := alpha*at(i, p), alpha*at(i, p+1), alpha*at(i, p+2), alpha*at(i, p+3)
				b0, b1 := b[p*ldb:p*ldb+n], b[(p+1)*ldb:(p+1)*ldb+n]
				b2, b3 := b[(p+2)*ldb:(p+2)*ldb+n], b[(p+3)*ldb:(p+3)*ldb+n]
				for j := range c {
					c[j] += a0*b0[j] + a1*b1[j] + a2*b2[j] + a3*b3[j]
				}
			}
			for ; p < k; p++ {
				v := alpha * at(i, p)
				for j, w := range b[p*ldb : p*ldb+n] {
					c[j] += v * w
				}
			}
		}
	})
}
