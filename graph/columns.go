package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Columns cuts columns from … to−1 out of a [B,N], giving [B,to−from]. It parts
// the two heads of an encoder that were computed by one matrix product.
func Columns(a *G.Node, from, to int) (*G.Node, error) {
	as := a.Shape()
	if as.Dims() != 2 || from < 0 || from >= to || to > as[1] {
		return nil, fmt.Errorf("graph: columns %d to %d of shape %v", from, to, as)
	}
	n := as[1]
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		da, err := Compute("columns.da", as, Both(pad[float32](n, from, to), pad[float64](n, from, to)), dout)
		return G.Nodes{da}, err
	}
	k := Both(cut[float32](n, from, to), cut[float64](n, from, to))
	return Op{Name: "columns", Shape: tensor.Shape{as[0], to - from}, Run: k, Wrt: []bool{true}, Diff: grad}.Apply(a)
}

func cut[T Float](n, from, to int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		w := to - from
		for i := range len(out) / w {
			copy(out[i*w:(i+1)*w], in[0][i*n+from:i*n+to])
		}
	}
}

func pad[T Float](n, from, to int) func(da []T, in [][]T) {
	return func(da []T, in [][]T) {
		w := to - from
		clear(da) // Gorgonia may have added another gradient to it in place
		for i := range len(da) / n {
			copy(da[i*n+from:i*n+to], in[0][i*w:(i+1)*w])
		}
	}
}

// Join puts nodes [B,N_i] side by side: [B,ΣN_i].
func Join(a ...*G.Node) (*G.Node, error) { return joinNodes(true, a) }

// JoinData is Join of data: it passes no gradient, and so is data itself (IsData).
func JoinData(a ...*G.Node) (*G.Node, error) { return joinNodes(false, a) }

func joinNodes(differentiable bool, a []*G.Node) (*G.Node, error) {
	if len(a) == 0 {
		return nil, fmt.Errorf("graph: join no nodes")
	}
	rows, width := 0, 0
	for i, n := range a {
		s := n.Shape()
		if s.Dims() != 2 || i > 0 && s[0] != rows {
			return nil, fmt.Errorf("graph: join: shapes %v and %v, want [B,N] of one B", a[0].Shape(), s)
		}
		rows, width = s[0], width+s[1]
	}
	widths, wrt := make([]int, len(a)), make([]bool, len(a))
	for i, n := range a {
		widths[i], wrt[i] = n.Shape()[1], true
	}
	grad := func(_, dout *G.Node) (G.Nodes, error) {
		var s Steps
		grads, from := make(G.Nodes, len(a)), 0
		for i, w := range widths {
			grads[i] = s.Do(Compute("join.da", a[i].Shape(), Both(cut[float32](width, from, from+w), cut[float64](width, from, from+w)), dout))
			from += w
		}
		return grads, s.err
	}
	k := Both(join[float32](widths, width), join[float64](widths, width))
	if !differentiable {
		return Compute("join", tensor.Shape{rows, width}, k, a...)
	}
	return Op{Name: "join", Shape: tensor.Shape{rows, width}, Run: k, Wrt: wrt, Diff: grad}.Apply(a...)
}

func join[T Float](widths []int, width int) func(out []T, in [][]T) {
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
