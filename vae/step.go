package vae

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/op"
	"govae/klreg"
)

// Step is the graph of one training step for one batch size: the loss of a batch
// and its gradient. Steps of one model share its weights. A Step serves one
// goroutine at a time.
type Step struct {
	m     *machine
	w     klreg.Weight
	grads [][]float32
	in    [2][]*tensor.Dense // x, eps and, with Backward, u, twice, by turns
	next  int                // those that are filled
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
	mach, err := m.compileStep(batch, w, o)
	if err != nil {
		return nil, err
	}
	s := &Step{m: mach, w: w}
	for _, t := range mach.in {
		s.in[0] = append(s.in[0], t)
		s.in[1] = append(s.in[1], tensor.New(tensor.Of(t.Dtype()), tensor.WithShape(t.Shape()...)))
	}
	for i, p := range m.Params() {
		g, err := op.Slice32(*mach.out[3+i])
		if err != nil {
			return nil, fmt.Errorf("vae: gradient of %s: %w", p.Names[0], err)
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

// compileStep makes the machine of a step: inputs x, eps, with Backward u, and the scalar beta, then
// that of a capacity or of a warm-up of the layers above, which exclude each other;
// outputs loss, distortion, rate, then a gradient for each parameter.
func (m *Model) compileStep(batch int, w klreg.Weight, o Objective) (*machine, error) {
	building.Lock()
	defer building.Unlock()
	g := G.NewGraph()
	x, eps := m.input(g, "x", batch, m.pixels), m.input(g, "eps", batch*o.Samples(), m.noise)
	beta, scalars := scalar(g, m.dtype(), "beta", 1), G.Nodes{}
	in := G.Nodes{x, eps}
	var u, target, share *G.Node
	if o.Backward > 0 {
		u = m.input(g, "u", batch*max(o.M, 1), 1)
		in = append(in, u)
	}
	scalars = append(scalars, beta)
	if w.Capacity > 0 {
		target = scalar(g, m.dtype(), "capacity", 0)
		scalars = append(scalars, target)
	}
	if w.WarmupAbove > 0 {
		share = scalar(g, m.dtype(), "share", 1)
		scalars = append(scalars, share)
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
		return nil, fmt.Errorf("vae: build the graph: %w", err)
	}
	var wrt G.Nodes
	for _, p := range m.Params() {
		wrt = append(wrt, p.Node(g))
	}
	grads, err := differentiate(cost, wrt)
	if err != nil {
		return nil, err
	}
	return compile(g, batch, in, scalars, append(G.Nodes{loss, distortion, rate}, grads...))
}

// buildAnalytic adds the ELBO with the analytic KL to the graph.
func (m *Model) buildAnalytic(x, eps, beta, target *G.Node, w klreg.Weight) (loss, distortion, rate *G.Node, err error) {
	b, err := m.buildBound(x, eps)
	if err != nil {
		return nil, nil, nil, err
	}
	if distortion, err = op.Mean(b.distortion); err != nil {
		return nil, nil, nil, err
	}
	if rate, err = op.Mean(b.rate); err != nil {
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
func (s *Step) X() []float32 { return s.in[s.next][0].Data().([]float32) }

// Eps is the next batch's noise [B·Samples,Noise], to be filled before Run with draws from
// N(0,1).
func (s *Step) Eps() []float32 { return s.in[s.next][1].Data().([]float32) }

// U is the next batch's numbers [B·M], to be filled before Run with draws from the
// uniform distribution on [0,1): which draws of z the gradient goes through, for an
// objective with Backward. For others it is empty.
func (s *Step) U() []float32 {
	if in := s.in[s.next]; len(in) > 2 {
		return in[2].Data().([]float32)
	}
	return nil
}

// Take makes what is in X, Eps and U the batch of the next Run. From then on they are
// other buffers, which may be filled for the Run after it, also while Run runs.
func (s *Step) Take() error {
	s.taken = true
	for i, t := range s.in[s.next] {
		if err := s.m.let(i, t); err != nil {
			return err
		}
	}
	s.next = 1 - s.next
	return nil
}

// Target sets the rate that a weight with a capacity aims at, in nats per image, for
// the Runs to come (klreg.Weight.CapacityAt). Without a capacity it does nothing.
func (s *Step) Target(rate float64) error {
	if s.w.Capacity == 0 {
		return nil
	}
	return s.m.set(1, rate)
}

// Above sets the share of the layers above the first in the KL term for the Runs to
// come (klreg.Weight.AboveAt); it is 1 to begin with. Without a warm-up of those layers
// it does nothing.
func (s *Step) Above(share float64) error {
	if s.w.WarmupAbove == 0 {
		return nil
	}
	return s.m.set(1, share)
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
	if err := s.m.set(0, beta); err != nil {
		return Loss{}, err
	}
	if err := s.m.run(); err != nil {
		return Loss{}, err
	}
	var v [3]float64
	for i := range v {
		if err := store(v[i:i+1], *s.m.out[i]); err != nil {
			return Loss{}, err
		}
	}
	return Loss{Loss: v[0], Terms: Terms{Distortion: v[1], Rate: v[2]}}, nil
}

// Grads is the gradient of the last Run's loss, one slice for each of the
// model's Params, in their order and shape. The next Run overwrites it.
func (s *Step) Grads() [][]float32 { return s.grads }
