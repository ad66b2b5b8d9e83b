package optim

import "fmt"

func init() {
	Register("sgd", func(weights [][]float32, cfg Config) (Optimizer, error) { return NewSGD(weights, cfg) })
	Register("nesterov", func(weights [][]float32, cfg Config) (Optimizer, error) {
		cfg.Nesterov = true
		return NewSGD(weights, cfg)
	})
}

// SGD is gradient descent with momentum, where g is the gradient of a batch:
//
//	b = μ·b + g, from b = 0
//	w = w − lr·b                 or, with Nesterov's momentum, w = w − lr·(g + μ·b)
//
// μ is Config.Momentum. Without momentum, w = w − lr·g. This is PyTorch's convention: lr
// stands outside b, so that a new step size acts on the old gradients as well. The
// paper's velocity is −lr·b, the same as long as lr is constant; and of Nesterov's form
// the weights kept here are those at which the paper takes the gradient, θ + μ·v.
//
// Its state is sgd.momentum, nothing without momentum. A velocity below the smallest
// normal float32 is taken as zero, as Adam's moments are. NewSGD makes one.
//
// Source: Sutskever, Martens, Dahl & Hinton 2013, section 2, "On the importance of
// initialization and momentum in deep learning".
type SGD struct {
	cfg     Config
	weights [][]float32
	b       [][]float32 // nil without momentum
}

// NewSGD makes the optimiser, with Momentum and Nesterov of the settings. An error names
// the setting that is wrong or missing, or that SGD does not take: Nesterov wants a
// momentum.
func NewSGD(weights [][]float32, cfg Config) (*SGD, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := cfg.without("sgd", true, false); err != nil {
		return nil, err
	}
	if cfg.Nesterov && cfg.Momentum == 0 {
		return nil, fmt.Errorf("optim: momentum is 0, and nesterov wants one, such as 0.9")
	}
	s := &SGD{cfg: cfg, weights: weights}
	if cfg.Momentum != 0 {
		s.b = moment(weights)
	}
	return s, nil
}

// tiny is the smallest normal float32: arithmetic below it is many times slower.
const tiny = 0x1p-126

// Step implements Optimizer.
func (s *SGD) Step(grads [][]float32, lr, scale float64) {
	lr32, scale32, mu := float32(lr), float32(scale), float32(s.cfg.Momentum)
	for i, w := range s.weights {
		g := grads[i][:len(w)]
		if s.b == nil {
			for j := range w {
				w[j] -= lr32 * (g[j] * scale32)
			}
			continue
		}
		b := s.b[i][:len(w)]
		for j := range w {
			gj := g[j] * scale32
			bj := mu*b[j] + gj
			if bj < tiny && bj > -tiny {
				bj = 0
			}
			b[j] = bj
			if s.cfg.Nesterov {
				bj = gj + mu*bj
			}
			w[j] -= lr32 * bj
		}
	}
}

// State implements Optimizer: the velocity b as sgd.momentum.
func (s *SGD) State() []Moment {
	if s.b == nil {
		return nil
	}
	return []Moment{{"sgd.momentum", s.b}}
}

// SetSteps implements Optimizer. It does nothing: all steps are alike.
func (s *SGD) SetSteps(int) {}
