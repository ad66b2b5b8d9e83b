package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// Resample chooses n of each k neighbours by their normalised weights w [B·k], with one
// number u of [0,1) for all n: u is [B,1], and the result [B·n] has their places, from 0
// to k−1. This is systematic resampling,
//
//	the first j with w_0 + … + w_j > (u + i)/n,   i = 0 … n−1
//
// which chooses neighbour j n·w_j times in the mean over u, rounded up or down. It
// passes no gradient.
//
// Source: Kitagawa 1996, Monte Carlo filter and smoother for non-Gaussian nonlinear
// state space models, Journal of Computational and Graphical Statistics 5(1).
func Resample(w, u *G.Node, k, n int) (*G.Node, error) {
	ws, us := w.Shape(), u.Shape()
	if k < 1 || n < 1 || ws.Dims() != 1 || ws[0]%k != 0 || us.Dims() != 2 || us[0] != ws[0]/k || us[1] != 1 {
		return nil, fmt.Errorf("graph: resample %d of %d of shape %v by shape %v, want [B·k] and [B,1]", n, k, ws, us)
	}
	return Compute(fmt.Sprintf("resample(%d of %d)", n, k), tensor.Shape{us[0] * n}, Both(resample[float32](k, n), resample[float64](k, n)), w, u)
}

func resample[T simd.Float](k, n int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		for g, u := range in[1] {
			w := in[0][g*k : (g+1)*k]
			j, last, sum := -1, 0, 0.0
			for i := range n {
				for at := (float64(u) + float64(i)) / float64(n); sum <= at && j < k-1; {
					j++
					sum += float64(w[j])
					if w[j] > 0 {
						last = j // a sum that ends below 1 by its rounding ends here
					}
				}
				out[g*n+i] = T(last)
			}
		}
	}
}

// Take returns the rows of a [B·k,N] or the numbers of a [B·k] whose places among each k
// neighbours are in index [B·n], as Resample gives them: [B·n,N] or [B·n]. It passes no
// gradient.
func Take(a, index *G.Node, k int) (*G.Node, error) {
	as, is := a.Shape(), index.Shape()
	if k < 1 || as.Dims() < 1 || as.Dims() > 2 || is.Dims() != 1 || as[0]%k != 0 || is[0]%(as[0]/k) != 0 {
		return nil, fmt.Errorf("graph: take shape %v among each %d of shape %v, want [B·n] and [B·k,N] or [B·k]", is, k, as)
	}
	n, shape := is[0]/(as[0]/k), as.Clone()
	shape[0] = is[0]
	return Compute(fmt.Sprintf("take(%d of %d)", n, k), shape, Both(take[float32](k, n), take[float64](k, n)), a, index)
}

func take[T simd.Float](k, n int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		width := len(out) / len(in[1])
		for r, place := range in[1] {
			from := (r/n*k + int(place)) * width
			copy(out[r*width:(r+1)*width], in[0][from:from+width])
		}
	}
}
