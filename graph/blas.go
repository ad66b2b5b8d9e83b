package graph

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
	G "gorgonia.org/gorgonia"

	"govae/internal/simd"
)

// fastBLAS is gonum's BLAS with our float32 matrix product, so that graphs of
// stock operations, which users write themselves, are fast too.
type fastBLAS struct{ gonum.Implementation }

// Sgemm implements blas.Float32Level3.
func (fastBLAS) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	simd.Gemm(tA != blas.NoTrans, tB != blas.NoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Gorgonia has one BLAS for the whole process, to be set before any graph runs.
func init() { G.Use(fastBLAS{}) }
