package klreg

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// validateCapacity refuses what would have no effect beside a capacity, or none
// that anybody has defined.
func (w Weight) validateCapacity() error {
	switch {
	case w.Gamma == 0:
		return fmt.Errorf("klreg: gamma 0 with a capacity of %v, want a factor above 0", w.Capacity)
	case w.Beta != 1:
		return fmt.Errorf("klreg: beta %v with a capacity of %v, want 1: the factor is gamma", w.Beta, w.Capacity)
	case w.Warmup > 0:
		return fmt.Errorf("klreg: warm-up %v with a capacity of %v, want 0", w.Warmup, w.Capacity)
	case w.WarmupAbove > 0:
		return fmt.Errorf("klreg: warm-up above %v with a capacity of %v, want 0", w.WarmupAbove, w.Capacity)
	case w.Cycle > 0:
		return fmt.Errorf("klreg: cycle %v with a capacity of %v, want 0", w.Cycle, w.Capacity)
	case w.FreeBits > 0:
		return fmt.Errorf("klreg: free bits %v with a capacity of %v, want 0", w.FreeBits, w.Capacity)
	}
	return nil
}

// distance is |a − b| of two scalars as sign·(a − b), sign = (a > b) − (a < b).
// Comparisons pass no gradient, so that of a is the sign, and 0 at a = b. (The
// gradient of Gorgonia's Abs is 1 there: to its Sign, 0 is positive.)
func distance(a, b *G.Node) (*G.Node, error) {
	above, err := G.Gt(a, b, true)
	if err != nil {
		return nil, err
	}
	below, err := G.Lt(a, b, true)
	if err != nil {
		return nil, err
	}
	sign, err := G.Sub(above, below)
	if err != nil {
		return nil, err
	}
	difference, err := G.Sub(a, b)
	if err != nil {
		return nil, err
	}
	return G.Mul(sign, difference)
}
