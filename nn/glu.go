package nn

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/simd"
)

// GLU is the gated linear unit a·sigmoid(g) of h = [a, g] side by side: h [B,2N],
// the result [B,N]. It is an error if h has another shape.
//
// Source: Dauphin et al. 2017, eq. 1, arXiv:1612.08083.
func GLU(h *G.Node) (*G.Node, error) {
	hs := h.Shape()
	if hs.Dims() != 2 || hs[1]%2 != 0 {
		return nil, fmt.Errorf("nn: glu: input %v, want [B,2N]", hs)
	}
	n := hs[1] / 2
	grad := func(_, dy *G.Node) (G.Nodes, error) {
		dh, err := graph.Compute("glu.dh", hs, graph.Both(gluGrad[float32](n), gluGrad[float64](n)), dy, h) // [B,2N]
		return G.Nodes{dh}, err
	}
	return graph.Op{Name: "glu", Shape: tensor.Shape{hs[0], n}, Run: graph.Both(glu[float32](n), glu[float64](n)), Wrt: []bool{true}, Diff: grad}.Apply(h)
}

func glu[T graph.Float](n int) func(y []T, in [][]T) {
	return func(y []T, in [][]T) {
		for i := 0; i < len(y); i += n {
			y, a, g := y[i:i+n], in[0][2*i:2*i+n], in[0][2*i+n:2*i+2*n]
			simd.Sigmoid(y, g)
			for j, v := range a {
				y[j] *= v
			}
		}
	}
}

// gluGrad is da = dy·s, dg = dy·a·s·(1−s), with s = sigmoid(g).
func gluGrad[T graph.Float](n int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		for i := 0; i < len(in[0]); i += n {
			dy, a, g := in[0][i:i+n], in[1][2*i:2*i+n], in[1][2*i+n:2*i+2*n]
			da, dg := dh[2*i:2*i+n], dh[2*i+n:2*i+2*n]
			simd.Sigmoid(da, g)
			for j, s := range da {
				da[j], dg[j] = dy[j]*s, dy[j]*a[j]*s*(1-s)
			}
		}
	}
}
