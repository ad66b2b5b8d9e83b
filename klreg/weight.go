package klreg

import (
	"fmt"
	"math"
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
