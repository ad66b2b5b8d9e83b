package klreg

import (
	"fmt"

	G "gorgonia.org/gorgonia"
)

// Penalty adds the term to the graph, without its factor: a scalar in nats per image, from
// dims [B,Z] of KL, and their MeanRate mean, which is added for nil.
//
//	as it is            mean_i Σ_j KL_ij, which is mean itself
//	with free bits λ    Σ_j max(λ, mean_i KL_ij)
//	with a capacity     |mean_i Σ_j KL_ij − C|
//
// The target C, in nats per image, is a scalar input of the graph, to be set to CapacityAt
// before each step, and nil without a capacity. The term passes no gradient to it; where
// rate and target are equal, it passes none to dims either.
//
// Source: Burgess et al. 2018, arXiv:1804.03599 (capacity). The mean over the batch stands
// inside the absolute value, so that images may differ in their rates.
func (w Weight) Penalty(dims, mean, target *G.Node) (penalty *G.Node, err error) {
	switch {
	case w.FreeBits > 0:
		penalty, err = freeBitsNode(dims, w.FreeBits)
	case w.Capacity > 0 && (target == nil || !target.IsScalar()):
		return nil, fmt.Errorf("klreg: the target of a capacity is %v, want a scalar node", target)
	default:
		if mean == nil {
			if mean, err = MeanRate(dims); err != nil {
				return nil, err
			}
		}
		if penalty = mean; w.Capacity > 0 {
			penalty, err = distance(mean, target)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("klreg: penalty: %w", err)
	}
	return penalty, nil
}
