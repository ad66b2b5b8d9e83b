package optim

import (
	"fmt"
	"math"
)

// Config holds the settings of all optimisers. Where Beta1, Beta2 and Eps are all 0, they
// stand for those of DefaultConfig, so the zero Config is DefaultConfig. No setting but
// WeightDecay has a unit, since the step size is handed to Step.
type Config struct {
	// Beta1 is the part of Adam's first moment that a step keeps, from 0 to below 1.
	// Default 0.9: Kingma & Ba 2015, Algorithm 1, arXiv:1412.6980.
	Beta1 float64

	// Beta2 is the same of the second moment. Default 0.999: ibid.
	Beta2 float64

	// Eps is added to the root of Adam's second moment, in units of the gradient, and is
	// above 0 where Beta1 or Beta2 is. Default 1e-8: ibid.
	Eps float64

	// WeightDecay is the part of each weight that AdamW takes off per unit of the step
	// size, at least 0. Default 0, since only AdamW takes it; a usual value is 0.01,
	// PyTorch's. Source: Loshchilov & Hutter 2019, Algorithm 2, arXiv:1711.05101.
	WeightDecay float64

	// Momentum is the part of SGD's velocity that a step keeps, from 0 to below 1.
	// Default 0, for none; a usual value is 0.9. Source: Sutskever et al. 2013, section 2.
	Momentum float64

	// Nesterov takes SGD's step from where the momentum leads to. Default false. Source:
	// ibid.
	Nesterov bool
}

// DefaultConfig is Adam's, of the paper, with no weight decay and no momentum.
func DefaultConfig() Config { return Config{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8} }

// Whole has the defaults in the place of Beta1, Beta2 and Eps if all are 0.
func (c Config) Whole() Config {
	if d := DefaultConfig(); c.Beta1 == 0 && c.Beta2 == 0 && c.Eps == 0 {
		c.Beta1, c.Beta2, c.Eps = d.Beta1, d.Beta2, d.Eps
	}
	return c
}

// Validate returns an error that names the first field that is wrong, and its value.
func (c Config) Validate() error {
	c = c.Whole()
	for _, f := range []struct {
		name  string
		value float64
	}{{"beta1", c.Beta1}, {"beta2", c.Beta2}, {"momentum", c.Momentum}} {
		if !(f.value >= 0 && f.value < 1) {
			return fmt.Errorf("optim: %s is %v, want at least 0 and below 1", f.name, f.value)
		}
	}
	if !(c.Eps > 0) || math.IsInf(c.Eps, 1) {
		return fmt.Errorf("optim: eps is %v, want a finite number above 0, as DefaultConfig has", c.Eps)
	}
	if !(c.WeightDecay >= 0) || math.IsInf(c.WeightDecay, 1) {
		return fmt.Errorf("optim: weight decay is %v, want a finite number of at least 0", c.WeightDecay)
	}
	return nil
}

// without returns an error if a setting is given that the named optimiser has no use
// for.
func (c Config) without(name string, decay, momentum bool) error {
	switch {
	case decay && c.WeightDecay != 0:
		return fmt.Errorf("optim: weight decay %v, which %s does not take: adamw does", c.WeightDecay, name)
	case momentum && c.Momentum != 0:
		return fmt.Errorf("optim: momentum %v, which %s does not take: sgd and nesterov do", c.Momentum, name)
	case momentum && c.Nesterov:
		return fmt.Errorf("optim: nesterov is true, which %s does not take: sgd does", name)
	}
	return nil
}
