package op

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// Join puts nodes [B,N_i] side by side: [B,ΣN_i].
func Join(a ...*G.Node) (*G.Node, error) {
	if len(a) == 0 {
		return nil, fmt.Errorf("op: join no nodes")
	}
	rows, width := 0, 0
	for i, n := range a {
		s := n.Shape()
		if s.Dims() != 2 || i > 0 && s[0] != rows {
			return nil, fmt.Errorf("op: join: shapes %v and %v, want [B,N] of one B", a[0].Shape(), s)
		}
		rows, width = s[0], width+s[1]
	}
	widths, wrt := make([]int, len(a)), make([]bool, len(a))
	for i, n := range a {
		widths[i], wrt[i] = n.Shape()[1], true
	}
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		var s steps
		grads, from := make(G.Nodes, len(a)), 0
		for i, w := range widths {
			grads[i] = s.do(apply("join.da", a[i].Shape(), kernel{cut[float32](width, from, from+w), cut[float64](width, from, from+w)}, nil, nil, dout))
			from += w
		}
		return grads, s.err
	}
	return apply("join", tensor.Shape{rows, width}, kernel{join[float32](widths, width), join[float64](widths, width)}, wrt, grad, a...)
}

func join[T simd.Float](widths []int, width int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		from := 0
		for k, w := range widths {
			for i := range len(out) / width {
				copy(out[i*width+from:i*width+from+w], in[k][i*w:])
			}
			from += w
		}
	}
}

// Stop passes a through, and no gradient back.
func Stop(a *G.Node) (*G.Node, error) {
	return apply("stop", a.Shape(), kernel{pass[float32], pass[float64]}, nil, nil, a)
}

// Affine computes a·exp(s) + t of each element, all [B,N].
func Affine(a, s, t *G.Node) (*G.Node, error) {
	const name = "affine"
	if err := sameShape(name, a, s, t); err != nil {
		return nil, err
	}
	shape := a.Shape()
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		var st steps
		da := st.do(apply(name+".da", shape, kernel{affineDA[float32], affineDA[float64]}, nil, nil, dout, s))
		ds := st.do(apply(name+".ds", shape, kernel{affineDS[float32], affineDS[float64]}, nil, nil, dout, s, a))
		dt := st.do(apply(name+".dt", shape, kernel{pass[float32], pass[float64]}, nil, nil, dout))
		return G.Nodes{da, ds, dt}, st.err
	}
	return apply(name, shape, kernel{affine[float32], affine[float64]}, []bool{true, true, true}, grad, a, s, t)
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
