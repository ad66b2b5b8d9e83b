package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// RowSums computes the sum of each row: a [B,Z] to [B].
func RowSums(a *G.Node) (*G.Node, error) {
	as := a.Shape()
	if as.Dims() != 2 {
		return nil, fmt.Errorf("graph: row sums of shape %v, want [B,N]", as)
	}
	grad := func(_, ds *G.Node) (G.Nodes, error) {
		da, err := Compute("rowSums.da", as, Both(rowRepeat[float32], rowRepeat[float64]), ds)
		return G.Nodes{da}, err
	}
	return Op{Name: "rowSums", Shape: tensor.Shape{as[0]}, Run: Both(rowSums[float32], rowSums[float64]), Wrt: []bool{true}, Diff: grad}.Apply(a)
}

func rowSums[T simd.Float](s []T, in [][]T)   { simd.RowSums(s, in[0]) }
func rowRepeat[T simd.Float](a []T, in [][]T) { simd.RowRepeat(a, in[0]) }

// Mean computes the mean of a vector [B]: a scalar.
func Mean(a *G.Node) (*G.Node, error) {
	as := a.Shape()
	if as.Dims() != 1 {
		return nil, fmt.Errorf("graph: mean of shape %v, want [B]", as)
	}
	grad := func(_, dm *G.Node) (G.Nodes, error) {
		da, err := Compute("mean.da", as, Both(spread[float32], spread[float64]), dm)
		return G.Nodes{da}, err
	}
	return Op{Name: "mean", Shape: tensor.ScalarShape(), Run: Both(mean[float32], mean[float64]), Wrt: []bool{true}, Diff: grad}.Apply(a)
}

func mean[T simd.Float](m []T, in [][]T) {
	simd.RowSums(m, in[0])
	m[0] /= T(len(in[0]))
}

func spread[T simd.Float](da []T, in [][]T) {
	for i := range da {
		da[i] = in[0][0] / T(len(da))
	}
}
