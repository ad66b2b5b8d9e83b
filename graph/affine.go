package graph

import (
	"math"

	G "gorgonia.org/gorgonia"

	"govae/internal/simd"
)

// Stop passes a through, and no gradient back.
func Stop(a *G.Node) (*G.Node, error) {
	return Compute("stop", nil, Both(pass[float32], pass[float64]), a)
}

// Affine computes a·exp(s) + t of each element, all [B,N].
func Affine(a, s, t *G.Node) (*G.Node, error) {
	const name = "affine"
	if err := SameShape(name, a, s, t); err != nil {
		return nil, err
	}
	shape := a.Shape()
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		var st Steps
		da := st.Do(Compute(name+".da", shape, Both(affineDA[float32], affineDA[float64]), dout, s))
		ds := st.Do(Compute(name+".ds", shape, Both(affineDS[float32], affineDS[float64]), dout, s, a))
		dt := st.Do(Compute(name+".dt", shape, Both(pass[float32], pass[float64]), dout))
		return G.Nodes{da, ds, dt}, st.err
	}
	return Op{Name: name, Shape: shape, Run: Both(affine[float32], affine[float64]), Wrt: []bool{true, true, true}, Diff: grad}.Apply(a, s, t)
}

func affine[T simd.Float](out []T, in [][]T) {
	for i, s := range in[1] {
		out[i] = in[0][i]*T(math.Exp(float64(s))) + in[2][i]
	}
}

func affineDA[T simd.Float](da []T, in [][]T) {
	for i, s := range in[1] {
		da[i] = in[0][i] * T(math.Exp(float64(s)))
	}
}

func affineDS[T simd.Float](ds []T, in [][]T) {
	affineDA(ds, in)
	for i, a := range in[2] {
		ds[i] *= a
	}
}
