package dist

import (
	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// likelihood is a Dist whose −log p(x) is one operation.
type likelihood struct {
	params *G.Node
	neg    func(params, x *G.Node) (*G.Node, error)
}

// NegLogProb adds −log p(x): [R].
func (l likelihood) NegLogProb(x *G.Node) (*G.Node, error) { return l.neg(l.params, x) }

// LogProb implements Dist.
func (l likelihood) LogProb(x *G.Node) (*G.Node, error) {
	d, err := l.neg(l.params, x)
	if err != nil {
		return nil, err
	}
	return graph.Combine([]float64{-1}, d)
}
