package optim

import "fmt"

func init() {
	Register("adamw", func(weights [][]float32, cfg Config) (Optimizer, error) { return NewAdamW(weights, cfg) })
}

// AdamW is Adam with a decay of the weights that does not pass through the moments:
//
//	w = w − lr·λ·w, then Adam's step
//
// where λ is Config.WeightDecay and lr follows the schedule. This is PyTorch's
// convention; the paper multiplies the decay by the schedule's factor alone, so its λ is
// our lr·λ at the highest lr. All weights decay, biases among them. A decay lr·λ below
// 2⁻²⁵ is lost in float32. Its state is Adam's. NewAdamW makes one.
//
// Source: Loshchilov & Hutter 2019, Algorithm 2, arXiv:1711.05101.
type AdamW struct{ *Adam }

// NewAdamW makes the optimiser, with Beta1, Beta2, Eps and WeightDecay of the settings.
// An error names the setting that is wrong or missing, or that AdamW does not take. A
// weight decay of 0 is missing: that is Adam.
func NewAdamW(weights [][]float32, cfg Config) (*AdamW, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.WeightDecay == 0 {
		return nil, fmt.Errorf("optim: weight decay is 0, and adamw wants one, such as 0.01: without, it is adam")
	}
	if err := cfg.without("adamw", false, true); err != nil {
		return nil, err
	}
	return &AdamW{newAdam(weights, cfg)}, nil
}

// Step implements Optimizer.
func (a *AdamW) Step(grads [][]float32, lr, scale float64) {
	decay := float32(lr * a.cfg.WeightDecay) // 1 − lr·λ would be rounded for all weights alike
	for _, w := range a.weights {
		for i := range w {
			w[i] -= decay * w[i]
		}
	}
	a.Adam.Step(grads, lr, scale)
}
