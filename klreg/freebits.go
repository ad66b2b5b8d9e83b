package klreg

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// freeBitsNode computes Σ_j max(floor, mean_i kl[i,j]) of kl [B,Z]: a scalar. A
// dimension whose mean is at or below the floor passes no gradient.
func freeBitsNode(kl *G.Node, floor float64) (*G.Node, error) {
	ks := kl.Shape()
	if ks.Dims() != 2 {
		return nil, fmt.Errorf("free bits of shape %v, want [B,Z]", ks)
	}
	z := ks[1]
	grad := func(_, ds *G.Node) (G.Nodes, error) {
		dkl, err := graph.Compute("freeBits.dkl", ks, graph.Both(freeBitsGrad[float32](z, floor), freeBitsGrad[float64](z, floor)), ds, kl)
		return G.Nodes{dkl}, err
	}
	return graph.Op{Name: fmt.Sprintf("freeBits(%v)", floor), Shape: tensor.ScalarShape(), Run: graph.Both(freeBits[float32](z, floor), freeBits[float64](z, floor)), Wrt: []bool{true}, Diff: grad}.Apply(kl)
}

func columnMean[T graph.Float](kl []T, z, j int) float64 {
	sum := 0.0
	for i := j; i < len(kl); i += z {
		sum += float64(kl[i])
	}
	return sum / float64(len(kl)/z)
}

func freeBits[T graph.Float](z int, floor float64) func(s []T, in [][]T) {
	return func(s []T, in [][]T) {
		sum := 0.0
		for j := range z {
			sum += max(floor, columnMean(in[0], z, j))
		}
		s[0] = T(sum)
	}
}

func freeBitsGrad[T graph.Float](z int, floor float64) func(dkl []T, in [][]T) {
	return func(dkl []T, in [][]T) {
		ds, kl := in[0][0], in[1]
		for j := range z {
			g := ds / T(len(kl)/z)
			if columnMean(kl, z, j) <= floor {
				g = 0
			}
			for i := j; i < len(kl); i += z {
				dkl[i] = g
			}
		}
	}
}
