package graph

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// checkSize returns an error if a size is negative, or if there are more numbers than any
// tensor has: an attempt to allocate these would end the process.
func checkSize(shape tensor.Shape) error {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt32/d {
			return fmt.Errorf("a shape of %v, want sizes of at least 0, and at most %d numbers", shape, math.MaxInt32)
		}
		n *= d
	}
	return nil
}

// SameShape returns an error unless all nodes are [B,N] of one shape.
func SameShape(name string, nodes ...*G.Node) error {
	for _, n := range nodes {
		if n.Shape().Dims() != 2 || !n.Shape().Eq(nodes[0].Shape()) {
			return fmt.Errorf("graph: %s: shapes %v and %v, want one shape [B,N]", name, nodes[0].Shape(), n.Shape())
		}
	}
	return nil
}
