package klreg

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// Weight says how the KL term counts in the training loss. It changes what is
// minimised, never what is reported: the ELBO has weight one and no free bits.
// The zero value is not useful; start from DefaultWeight.
type Weight struct {
	// Beta multiplies the term. 1 is the ELBO, more than 1 the β-VAE of Higgins
	// et al. 2017 (ICLR, eq. 4), 0 an autoencoder without a prior.
	Beta float64
	// Warmup is the number of epochs over which the factor rises linearly from 0
	// to Beta; 0 for none. Sønderby et al. 2016, arXiv:1602.02282.
	Warmup float64
	// WarmupAbove is the number of epochs over which the share of the stochastic
	// layers above the first in the term rises linearly from 0 to 1, beside the
	// factor; 0 for none. The layers above learn to carry something before it costs
	// what it carries: with Warmup alone they are shut off as the factor arrives at
	// Beta. Ours, after Sønderby et al.
	WarmupAbove float64
	// Cycle is the number of epochs after which the factor falls back to 0 and
	// rises anew; 0 for no cycles. Training for T epochs in M cycles it is T/M.
	// Fu et al. 2019, arXiv:1903.10145.
	Cycle float64
	// Ramp is the part of a cycle in which the factor rises linearly from 0 to
	// Beta, above 0 and at most 1; for the rest of it the factor is Beta. Fu et
	// al. use 0.5. Without cycles it has no effect.
	Ramp float64
	// FreeBits is the floor in nats below which the mean KL of a latent dimension
	// is not pushed; 0 for none. Kingma et al. 2016, eq. 15, arXiv:1606.04934.
	FreeBits float64
	// Capacity is the rate in nats per image that training ends at: above 0, the
	// term is |rate − C|, where C rises linearly from 0 to Capacity, and its factor
	// is Gamma. 0 for none. Burgess et al. 2018, arXiv:1804.03599.
	Capacity float64
	// CapacityEpochs is the number of epochs over which C rises; at 0 it is
	// Capacity from the start.
	CapacityEpochs float64
	// Gamma is the factor of |rate − C|. Burgess et al. use 1000.
	Gamma float64
}

// DefaultWeight is the plain ELBO.
func DefaultWeight() Weight { return Weight{Beta: 1} }

// Validate returns an error that names the first field out of range, or the
// first that does not go with another.
func (w Weight) Validate() error {
	for _, f := range []struct {
		name  string
		value float64
	}{{"beta", w.Beta}, {"warm-up", w.Warmup}, {"warm-up above", w.WarmupAbove}, {"cycle", w.Cycle}, {"ramp", w.Ramp}, {"free bits", w.FreeBits},
		{"capacity", w.Capacity}, {"capacity epochs", w.CapacityEpochs}, {"gamma", w.Gamma}} {
		if !(f.value >= 0) || math.IsInf(f.value, 1) {
			return fmt.Errorf("klreg: %s %v, want a finite number of at least 0", f.name, f.value)
		}
	}
	switch {
	case w.Ramp > 1 || w.Cycle > 0 && w.Ramp == 0:
		return fmt.Errorf("klreg: ramp %v, want a part of a cycle, above 0 and at most 1", w.Ramp)
	case w.Cycle > 0 && w.Warmup > 0:
		return fmt.Errorf("klreg: warm-up %v beside cycles of %v epochs: want one of them", w.Warmup, w.Cycle)
	case w.Capacity == 0 && w.Gamma > 0:
		return fmt.Errorf("klreg: gamma %v without a capacity", w.Gamma)
	case w.Capacity == 0 && w.CapacityEpochs > 0:
		return fmt.Errorf("klreg: capacity epochs %v without a capacity", w.CapacityEpochs)
	case w.Capacity > 0:
		return w.validateCapacity()
	}
	return nil
}

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

// At returns the factor of the term after the given number of epochs t, whole or
// not:
//
//	without cycles     Beta·min(1, t/Warmup)
//	with cycles        Beta·min(1, τ/Ramp),   τ = (t mod Cycle)/Cycle
//	with a capacity    Gamma
//
// At t = Cycle, 2·Cycle, … a new cycle has begun, and the factor is 0.
func (w Weight) At(epochs float64) float64 {
	switch {
	case w.Capacity > 0:
		return w.Gamma
	case w.Cycle > 0:
		return w.Beta * math.Min(1, math.Mod(epochs, w.Cycle)/w.Cycle/w.Ramp)
	case epochs >= w.Warmup:
		return w.Beta
	}
	return w.Beta * epochs / w.Warmup
}

// AboveAt returns the share of the layers above the first in the term after the given
// number of epochs, whole or not: min(1, epochs/WarmupAbove), 1 without WarmupAbove. Of
// two layers the term is then, with the factor β of At and this share s,
//
//	β·(log q(z_1|x) − log p(z_1|z_2) + s·(log q(z_2|z_1) − log p(z_2)))
func (w Weight) AboveAt(epochs float64) float64 {
	if epochs >= w.WarmupAbove {
		return 1
	}
	return epochs / w.WarmupAbove
}

// CapacityAt returns the target C of the rate after the given number of epochs,
// whole or not, in nats per image: Capacity·min(1, epochs/CapacityEpochs). It is
// 0 without a capacity.
func (w Weight) CapacityAt(epochs float64) float64 {
	if epochs >= w.CapacityEpochs {
		return w.Capacity
	}
	return w.Capacity * epochs / w.CapacityEpochs
}

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
