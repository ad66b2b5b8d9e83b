package nn

import (
	"fmt"
	"sync"

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

// Fixable is a Network that knows how to hold its own parameters fixed, at no cost.
type Fixable interface {
	// Fixed is the network with parameters that no gradient is passed to.
	Fixed() Network
}

// Fixed is a network with parameters that no gradient is passed to: only x and y have one.
// Of a network that is not Fixable, a copy of each parameter is made in each run.
func Fixed(net Network) Network {
	if f, ok := net.(Fixable); ok {
		return f.Fixed()
	}
	return held{net}
}

type held struct{ Network }

// holding has the graphs whose parameters are held fixed for now.
var holding sync.Map

// Apply implements Network.
func (h held) Apply(x, y *G.Node) (*G.Node, error) {
	g := x.Graph()
	if _, already := holding.LoadOrStore(g, true); !already {
		defer holding.Delete(g)
	}
	return h.Network.Apply(x, y)
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
