package vae

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/internal/stream"
	"govae/klreg"
	"govae/nn"
)

// Step is the graph of one training step for one batch size: the loss of a batch
// and its gradient. Steps of one model share its weights. A Step serves one
// goroutine at a time.
type Step struct {
	p     *graph.Program
	w     klreg.Weight
	o     Objective
	grads [][]float32
	taken bool
}

// Loss is what a step computed, in nats per image, averaged over the batch.
type Loss struct {
	Loss  float64 // what the gradient is of (see NewObjectiveStep)
	Terms         // means over all draws, without any weight of the KL term
}

// NewStep makes the training graph of a float32 model for batches of the given
// size, of the ELBO with the analytic KL:
//
//	loss = mean_i distortion_i + beta·penalty(rate)
//
// where the penalty is the mean rate unless w has free bits or a capacity
// (klreg.Weight, whose PenaltyTo it is).
func (m *Model) NewStep(batch int, w klreg.Weight) (*Step, error) {
	return m.NewObjectiveStep(batch, w, DefaultObjective())
}

// NewObjectiveStep is NewStep for any objective. Those made of draws of z weigh
// log q(z|x) − log p(z) by beta, and take neither free bits nor a capacity. With
// log w = log p(x|z) − beta·(log q(z|x) − log p(z)) of K draws in each of M bounds
//
//	loss = −mean_i 1/M Σ_m log 1/K Σ_k w_imk       iwae, stl, dreg, miwae
//	loss = −mean_i 1/K Σ_k log w_ik                elbo-sampled
func (m *Model) NewObjectiveStep(batch int, w klreg.Weight, o Objective) (*Step, error) {
	if err := m.CheckStep(batch, w, o); err != nil {
		return nil, err
	}
	p, err := graph.Compile(m.dtype(), func(b *graph.Builder) error { return m.buildStep(b, batch, w, o) })
	if err != nil {
		return nil, fmt.Errorf("vae: build the graph: %w", err)
	}
	s := &Step{p: p, w: w, o: o}
	for _, param := range nn.Trained(m.Params()) {
		g, err := p.Output("grad " + param.Names[0])
		if err != nil {
			return nil, fmt.Errorf("vae: gradient of %s: %w", param.Names[0], err)
		}
		s.grads = append(s.grads, g)
	}
	return s, nil
}

// maxNumbers bounds what a step has of one thing, so that a wrong number is an error and
// not an attempt to allocate it.
const maxNumbers = 1 << 28

// CheckStep returns the error that NewObjectiveStep would: which part of the model, of
// the weight and of the objective do not go together, or that a step is too large.
func (m *Model) CheckStep(batch int, w klreg.Weight, o Objective) error {
	if batch < 1 {
		return fmt.Errorf("vae: batch of %d images, want at least 1", batch)
	}
	if err := w.Validate(); err != nil {
		return err
	}
	if err := o.goesWith(m); err != nil {
		return err
	}
	if (w.FreeBits > 0 || w.Capacity > 0) && !o.analytic() {
		return fmt.Errorf("vae: free bits and capacity are of the analytic KL: they go with objective elbo, not %s", o.Name)
	}
	if w.WarmupAbove > 0 && len(m.encs) == 1 {
		return fmt.Errorf("vae: a warm-up of the layers above, of a model with one stochastic layer: leave it out, or give the model layers above")
	}
	if most := maxNumbers / max(m.pixels, m.outputs, m.noise); batch > most/o.Samples() {
		return fmt.Errorf("vae: a step of %d images with %d draws each, want at most %d draws in all", batch, o.Samples(), most)
	}
	return nil
}

// buildStep adds a step to the graph: inputs x, eps, with Backward u; scalars beta, that
// of a capacity or of a warm-up of the layers above, which exclude each other; outputs
// loss, distortion, rate, and a gradient for each parameter that is trained.
func (m *Model) buildStep(b *graph.Builder, batch int, w klreg.Weight, o Objective) error {
	x, eps := b.Input("x", batch, m.pixels), b.Random("eps", stream.Eps, graph.Normal, batch*o.Samples(), m.noise)
	var u, target, share *G.Node
	if o.Backward > 0 {
		u = b.Random("u", stream.Resample, graph.Uniform, batch*max(o.M, 1), 1)
	}
	beta := b.Scalar("beta", 1)
	if w.Capacity > 0 {
		target = b.Scalar("capacity", 0)
	}
	if w.WarmupAbove > 0 {
		share = b.Scalar("share", 1)
	}
	var loss, cost, distortion, rate *G.Node // cost has the gradient of loss
	var err error
	if o.analytic() {
		loss, distortion, rate, err = m.buildAnalytic(x, eps, beta, target, w)
		cost = loss
	} else {
		loss, cost, distortion, rate, err = m.buildDrawn(x, eps, u, beta, share, o)
	}
	if err != nil {
		return err
	}
	params := nn.Trained(m.Params())
	var wrt G.Nodes
	for _, p := range params {
		wrt = append(wrt, p.Node(b.Graph()))
	}
	grads, err := b.Gradients(cost, wrt...)
	if err != nil {
		return err
	}
	b.Output("loss", loss)
	b.Output("distortion", distortion)
	b.Output("rate", rate)
	for i, p := range params {
		b.Output("grad "+p.Names[0], grads[i])
	}
	return nil
}

// buildAnalytic adds the ELBO with the analytic KL to the graph.
func (m *Model) buildAnalytic(x, eps, beta, target *G.Node, w klreg.Weight) (loss, distortion, rate *G.Node, err error) {
	b, err := m.buildBound(x, eps)
	if err != nil {
		return nil, nil, nil, err
	}
	if distortion, err = graph.Mean(b.distortion); err != nil {
		return nil, nil, nil, err
	}
	if rate, err = graph.Mean(b.rate); err != nil {
		return nil, nil, nil, err
	}
	penalty, err := w.PenaltyTo(b.dims, target) // scalar
	if err != nil {
		return nil, nil, nil, err
	}
	weighted, err := G.Mul(beta, penalty)
	if err != nil {
		return nil, nil, nil, err
	}
	loss, err = G.Add(distortion, weighted)
	return loss, distortion, rate, err
}

// X is the next batch's images [B,X], to be filled before Run.
func (s *Step) X() []float32 { return s.p.Input("x") }

// Eps is the next batch's noise [B·Samples,Noise], to be filled before Run with draws from
// N(0,1).
func (s *Step) Eps() []float32 { return s.p.Input("eps") }

// U is the next batch's numbers [B·M], to be filled before Run with draws from the
// uniform distribution on [0,1): which draws of z the gradient goes through, for an
// objective with Backward. For others it is empty.
func (s *Step) U() []float32 {
	if s.o.Backward == 0 {
		return nil
	}
	return s.p.Input("u")
}

// Take makes what is in X, Eps and U the batch of the next Run. From then on they are
// other buffers, which may be filled for the Run after it, also while Run runs.
func (s *Step) Take() error {
	s.taken = true
	return s.p.Take()
}

// Target sets the rate that a weight with a capacity aims at, in nats per image, for
// the Runs to come (klreg.Weight.CapacityAt). Without a capacity it does nothing.
func (s *Step) Target(rate float64) error {
	if s.w.Capacity == 0 {
		return nil
	}
	return s.p.Set("capacity", rate)
}

// Above sets the share of the layers above the first in the KL term for the Runs to
// come (klreg.Weight.AboveAt); it is 1 to begin with. Without a warm-up of those layers
// it does nothing.
func (s *Step) Above(share float64) error {
	if s.w.WarmupAbove == 0 {
		return nil
	}
	return s.p.Set("share", share)
}

// Run computes the loss of the batch that was taken, and its gradient, with the
// given factor before the KL term. Without a Take since the last Run it takes
// what is in X, Eps and U.
func (s *Step) Run(beta float64) (Loss, error) {
	if !s.taken {
		if err := s.Take(); err != nil {
			return Loss{}, err
		}
	}
	s.taken = false
	if err := s.p.Set("beta", beta); err != nil {
		return Loss{}, err
	}
	if err := s.p.Run(); err != nil {
		return Loss{}, err
	}
	var l Loss
	for name, v := range map[string]*float64{"loss": &l.Loss, "distortion": &l.Distortion, "rate": &l.Rate} {
		var err error
		if *v, err = s.p.Number(name); err != nil {
			return Loss{}, err
		}
	}
	return l, nil
}

// Grads is the gradient of the last Run's loss, one slice for each of the
// model's Params that is not frozen, in their order and shape. The next Run overwrites it.
func (s *Step) Grads() [][]float32 { return s.grads }
