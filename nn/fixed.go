package nn

import (
	"slices"
	"sync"

	G "gorgonia.org/gorgonia"
)

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

// Freeze sets Frozen of each parameter.
func Freeze(params ...*Param) {
	for _, p := range params {
		p.Frozen = true
	}
}

// Fixed is the MLP with parameters that Apply passes no gradient to.
func (m MLP) Fixed() MLP {
	fixed := slices.Clone(m)
	for i := range fixed {
		fixed[i].Fixed = true
	}
	return fixed
}
