package klreg

import "math"

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
