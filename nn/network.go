package nn

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// Network is a function of x, and of labels or any other condition y, with parameters.
type Network interface {
	// Apply adds the network to the graph of x [R,In] and y [R,Labels], and returns
	// [R,Out]; y is nil for a network without labels. It is called once for each graph and use,
	// and binds its parameters by Param.Node, so that all the graphs share them.
	Apply(x, y *G.Node) (*G.Node, error)
	// Params lists the parameters, always in the same order, under names of their own.
	Params() []*Param
	// Dims returns the sizes of rows: In, Labels (0 for none) and Out.
	Dims() (in, labels, out int)
}

// WithLabels is what a network that takes labels sees: x [R,In] and y [R,labels] side by
// side, or x alone where labels is 0. The error says which of the two is there too much or
// too little.
func WithLabels(x, y *G.Node, labels int) (*G.Node, error) {
	switch {
	case labels == 0 && y == nil:
		return x, nil
	case labels == 0:
		return nil, fmt.Errorf("nn: labels for a network that takes none")
	case y == nil:
		return nil, fmt.Errorf("nn: no labels, of which the network takes %d numbers a row", labels)
	case y.Shape().Dims() != 2 || y.Shape()[1] != labels:
		return nil, fmt.Errorf("nn: labels of shape %v, want [R,%d]", y.Shape(), labels)
	}
	if graph.IsData(x) && graph.IsData(y) {
		return graph.JoinData(x, y)
	}
	return graph.Join(x, y)
}
