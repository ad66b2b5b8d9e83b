package op

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Param is a tensor that training changes. Every graph of a model binds the same
// Value, so weights are shared and never copied.
//
// Names are those under which it is saved. Usually there is one. A tensor with
// n names is saved as n tensors, equal parts of it along the first dimension:
// the heads mu and logvar are computed by one matrix product, yet saved apart.
type Param struct {
	Names []string
	Value *tensor.Dense // float32 or float64
}

// Node returns the parameter's node in a graph: the one that is there, or a new
// one bound to Value.
func (p Param) Node(g *G.ExprGraph) *G.Node {
	name := p.Names[0]
	if len(p.Names) > 1 {
		name = fmt.Sprint(p.Names)
	}
	for _, n := range g.ByName(name) {
		if n.IsVar() {
			return n
		}
	}
	return G.NewTensor(g, p.Value.Dtype(), p.Value.Dims(), G.WithName(name), G.WithShape(p.Value.Shape()...), G.WithValue(p.Value))
}
