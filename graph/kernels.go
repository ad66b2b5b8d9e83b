package graph

import (
	"fmt"

	"govae/internal/simd"
)

// Each makes a kernel of a function of one number of each input, which it evaluates in
// float64: the shortest way to an operation that works on each number by itself. All
// inputs have the size of the output, or the first run is an error.
func Each(f func(v []float64) float64) Kernel { return Both(eachOf[float32](f), eachOf[float64](f)) }

func eachOf[T Float](f func(v []float64) float64) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		v := make([]float64, len(in))
		for k := range in {
			if len(in[k]) != len(out) {
				panic(fmt.Sprintf("Each: input %d of %d numbers for an output of %d, want the same size", k, len(in[k]), len(out)))
			}
		}
		for i := range out {
			for k := range in {
				v[k] = float64(in[k][i])
			}
			out[i] = T(f(v))
		}
	}
}

// These are the kernels that the operations here are made of, for operations of one's
// own: vectorised in float32, spread over the cores where that pays, and with the same
// result whatever the number of cores. Rows of a matrix lie one after another; slices
// must not overlap unless it is said that they may.

// Gemm computes C = alpha·op(A)·op(B) + beta·C of row-major matrices, op(A) [m,k], op(B)
// [k,n], C [m,n], where op transposes a matrix if so asked; lda, ldb and ldc are the
// lengths of the rows as they lie.
func Gemm[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	simd.Gemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Exp computes y = exp x of each element; y may be x.
func Exp[T Float](y, x []T) { simd.Exp(y, x) }

// Sigmoid computes p = 1/(1 + exp(−l)) of each element; p may be l.
func Sigmoid[T Float](p, l []T) { simd.Sigmoid(p, l) }

// Log1p computes y = log(1 + x) of each element; y may be x.
func Log1p[T Float](y, x []T) { simd.Log1p(y, x) }

// Tanh computes y = tanh x of each element; y may be x.
func Tanh[T Float](y, x []T) { simd.TanhOf(y, x) }

// Softplus computes y = log(1 + exp x) of each element; y may be x.
func Softplus[T Float](y, x []T) { simd.SoftplusOf(y, x) }

// Mul computes c = a·b of each element.
func Mul[T Float](c, a, b []T) { simd.Mul(c, a, b) }

// SumRows computes the sum of each row of a [R,N]: s [R].
func SumRows[T Float](s, a []T) { simd.RowSums(s, a) }

// SumColumns computes the sum of each column of a [R,N]: s [N].
func SumColumns[T Float](s, a []T) { simd.ColumnSums(s, a) }

// RepeatRows writes each number of s [R] into all of its row of a [R,N].
func RepeatRows[T Float](a, s []T) { simd.RowRepeat(a, s) }

// ScaleRows multiplies each row of a [R,N] by its number of s [R]: c [R,N], which may
// be a.
func ScaleRows[T Float](c, s, a []T) { simd.RowScale(c, s, a) }

// LogSumExpRows computes log Σ_j exp a_ij of each row of a [R,N]: l [R].
func LogSumExpRows[T Float](l, a []T) { simd.LogSumExpRows(l, a) }

// SumSquares returns Σ x².
func SumSquares[T Float](x []T) float64 { return simd.SumSquares(x) }
