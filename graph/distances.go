package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// SquaredDistances computes the squared distance of each row of a [A,N] to each row of b
// [B,N]: [A,B].
//
//	d_ij = Σ_n (a_in − b_jn)²
//
// It has a gradient to both, and a may be b. Differences are taken before they are squared,
// so the distance of equal rows is 0.
func SquaredDistances(a, b *G.Node) (*G.Node, error) {
	as, bs := a.Shape(), b.Shape()
	if as.Dims() != 2 || bs.Dims() != 2 || as[1] != bs[1] {
		return nil, fmt.Errorf("graph: distances of shapes %v and %v, want [A,N] and [B,N]", as, bs)
	}
	n := as[1]
	return Op{Name: "squaredDistances", Shape: tensor.Shape{as[0], bs[0]},
		Run:   Both(distances[float32](n), distances[float64](n)),
		Grads: []Kernel{Both(distancesDA[float32](n), distancesDA[float64](n)), Both(distancesDB[float32](n), distancesDB[float64](n))}}.Apply(a, b)
}

func distances[T Float](n int) func(d []T, in [][]T) {
	return func(d []T, in [][]T) {
		clear(d)
		eachGap(in[0], in[1], n, func(ij, _, _ int, gap T) { d[ij] += gap * gap })
	}
}

// distancesDA is da_i = Σ_j 2·dout_ij·(a_i − b_j), from dout, the output, a and b.
func distancesDA[T Float](n int) func(da []T, in [][]T) {
	return func(da []T, in [][]T) {
		clear(da)
		eachGap(in[2], in[3], n, func(ij, i, _ int, gap T) { da[i] += 2 * in[0][ij] * gap })
	}
}

// distancesDB is db_j = −Σ_i 2·dout_ij·(a_i − b_j), from the same.
func distancesDB[T Float](n int) func(db []T, in [][]T) {
	return func(db []T, in [][]T) {
		clear(db)
		eachGap(in[2], in[3], n, func(ij, _, j int, gap T) { db[j] -= 2 * in[0][ij] * gap })
	}
}

// eachGap visits the differences of all pairs of rows, number by number: that of number i of
// a and number j of b, whose rows are pair ij.
func eachGap[T Float](a, b []T, n int, visit func(ij, i, j int, gap T)) {
	ij := 0
	for i := 0; i < len(a); i += n {
		for j := 0; j < len(b); j += n {
			for k := range n {
				visit(ij, i+k, j+k, a[i+k]-b[j+k])
			}
			ij++
		}
	}
}
