package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// SameShape returns an error unless all nodes are [B,N] of one shape.
func SameShape(name string, nodes ...*G.Node) error {
	for _, n := range nodes {
		if n.Shape().Dims() != 2 || !n.Shape().Eq(nodes[0].Shape()) {
			return fmt.Errorf("graph: %s: shapes %v and %v, want one shape [B,N]", name, nodes[0].Shape(), n.Shape())
		}
	}
	return nil
}
