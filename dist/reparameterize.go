package dist

import (
	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/internal/simd"
)

// Reparameterize computes z = mu + exp(logvar/2)·eps, all [B,Z]. It passes
// gradients to mu and logvar and none to eps.
func Reparameterize(mu, logvar, eps *G.Node) (*G.Node, error) {
	const name = "reparameterize"
	if err := graph.SameShape(name, mu, logvar, eps); err != nil {
		return nil, err
	}
	shape := mu.Shape() // [B,Z]
	grad := func(_, dz *G.Node) (G.Nodes, error) {
		dlogvar, err := graph.Compute("reparameterize.dlogvar", shape, graph.Both(reparameterizeGrad[float32], reparameterizeGrad[float64]), dz, logvar, eps)
		return G.Nodes{dz, dlogvar, nil}, err
	}
	return graph.Op{Name: name, Shape: shape, Run: graph.Both(reparameterize[float32], reparameterize[float64]), Wrt: []bool{true, true, false}, Diff: grad}.Apply(mu, logvar, eps)
}

func reparameterize[T graph.Float](z []T, in [][]T) { simd.Reparameterize(z, in[0], in[1], in[2]) }

func reparameterizeGrad[T graph.Float](dlogvar []T, in [][]T) {
	simd.ReparameterizeGrad(dlogvar, in[0], in[1], in[2])
}
