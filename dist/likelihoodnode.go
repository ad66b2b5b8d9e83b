package dist

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/simd"
)

// NegLogProb adds −log p(x) to the graph: [R], in nats, by the method of that name if d has
// one (see Family), and as −LogProb otherwise.
func NegLogProb(d Dist, x *G.Node) (*G.Node, error) {
	if n, ok := d.(interface {
		NegLogProb(x *G.Node) (*G.Node, error)
	}); ok {
		return n.NegLogProb(x)
	}
	l, err := d.LogProb(x)
	if err != nil {
		return nil, err
	}
	return graph.Combine([]float64{-1}, l)
}

// likelihoodNode is an operation params [B,per·X], x [B,X] → d [B] that passes a
// gradient to params, and to x only by a kernel dx, from dd, d, params and x. When it is
// differentiated, the kernel k leaves the derivative of d with respect to params in its third
// input.
func likelihoodNode(name string, per int, k graph.Kernel, params, x *G.Node, dx ...graph.Kernel) (*G.Node, error) {
	if err := checkParams(name, per, params, x); err != nil {
		return nil, err
	}
	return graph.Op{Name: name, Shape: tensor.Shape{x.Shape()[0]}, Run: k, InPlace: true,
		Grads: append([]graph.Kernel{graph.Both(scaleSaved[float32], scaleSaved[float64])}, dx...)}.Apply(params, x)
}

// scaleSaved is dparams, where the derivatives lie: each row times its number of dd.
func scaleSaved[T graph.Float](dparams []T, in [][]T) { simd.RowScale(dparams, in[0], dparams) }

func checkParams(name string, per int, params, x *G.Node) error {
	shape, xs := params.Shape(), x.Shape()
	if shape.Dims() == 2 && xs.Dims() == 2 && shape[0] == xs[0] && shape[1] == per*xs[1] {
		return nil
	}
	want := "one shape [B,N]"
	if per > 1 {
		want = fmt.Sprintf("[B,%dN] and [B,N]", per)
	}
	return fmt.Errorf("dist: %s: shapes %v and %v, want %s", name, shape, xs, want)
}
