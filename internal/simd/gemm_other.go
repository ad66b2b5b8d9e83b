//go:build !amd64

package simd

// sgemmTask is what gemm_amd64.go works off.
type sgemmTask struct {
	transA, transB  bool
	m, n, k         int
	alpha           float32
	a, b, c, bias   []float32
	lda, ldb, ldc   int
	overwrite, relu bool
	only            *Columns
}

func sgemm(sgemmTask) { panic("simd: no assembly on this processor") }

func fmas(int) float64 { panic("simd: no assembly on this processor") }
