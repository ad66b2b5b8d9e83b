package klreg

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// Penalty adds the term to the graph, without its factor: a scalar in nats per
// image, from dims [B,Z] of GaussianDimsNode.
//
//	without free bits   mean_i Σ_j KL_ij
//	with free bits λ    Σ_j max(λ, mean_i KL_ij)
//
// With a capacity the term needs a target, and Penalty is an error: see
// PenaltyTo.
func (w Weight) Penalty(dims *G.Node) (*G.Node, error) {
	if w.Capacity > 0 {
		return nil, fmt.Errorf("klreg: the penalty of a capacity needs a target: use PenaltyTo")
	}
	if w.FreeBits > 0 {
		penalty, err := freeBitsNode(dims, w.FreeBits)
		if err != nil {
			return nil, fmt.Errorf("klreg: %w", err)
		}
		return penalty, nil
	}
	return MeanRate(dims)
}

// PenaltyTo is Penalty for any Weight. With a capacity the term is
//
//	|mean_i Σ_j KL_ij − C|
//
// where the target C, in nats per image, is a scalar input of the graph, to be
// set to CapacityAt before each step. It passes no gradient to the target; where
// rate and target are equal, it passes none to dims either. Without a capacity
// target is not used, and may be nil.
//
// Source: Burgess et al. 2018, arXiv:1804.03599. The mean over the batch
// stands inside the absolute value, so that images may differ in their rates.
func (w Weight) PenaltyTo(dims, target *G.Node) (*G.Node, error) {
	if w.Capacity == 0 {
		return w.Penalty(dims)
	}
	mean, err := MeanRate(dims) // scalar
	if err != nil {
		return nil, err
	}
	return w.PenaltyOf(dims, mean, target)
}

// PenaltyOf is PenaltyTo for who has the mean rate already, MeanRate(dims): without free
// bits or a capacity it is the term, and nothing is added to the graph.
func (w Weight) PenaltyOf(dims, mean, target *G.Node) (*G.Node, error) {
	switch {
	case w.FreeBits > 0:
		return w.Penalty(dims)
	case w.Capacity == 0:
		return mean, nil
	case target == nil || !target.IsScalar():
		return nil, fmt.Errorf("klreg: the target of a capacity is %v, want a scalar node", target)
	}
	penalty, err := distance(mean, target)
	if err != nil {
		return nil, fmt.Errorf("klreg: distance of the rate from its target: %w", err)
	}
	return penalty, nil
}

// MeanRate adds mean_i Σ_j dims_ij of dims [B,Z]: a scalar in nats per image.
func MeanRate(dims *G.Node) (*G.Node, error) {
	rate, err := Sum(dims) // [B]
	if err != nil {
		return nil, err
	}
	mean, err := graph.Mean(rate) // scalar
	if err != nil {
		return nil, fmt.Errorf("klreg: %w", err)
	}
	return mean, nil
}
