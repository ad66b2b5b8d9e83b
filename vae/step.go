package vae

import (
	"fmt"

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
	terms []string
	grads [][]float32
	after func(p *graph.Program) error
	taken bool
}

// Loss is what a step computed, in nats per image, averaged over the batch.
type Loss struct {
	Loss  float64 // what the gradient is of (see NewObjectiveStep)
	Terms         // means over all draws, without any weight of the KL term
	// Parts are the further terms of the objective by their names, without their weights;
	// nil for none.
	Parts map[string]float64
}

// NewStep makes the training graph of a float32 model for batches of the given
// size, of the ELBO with the analytic KL:
//
//	loss = mean_i distortion_i + beta·penalty(rate)
//
// where the penalty is the mean rate unless w has free bits or a capacity
// (klreg.Weight, whose Penalty it is).
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
	s := &Step{}
	p, err := graph.Compile(m.dtype(), func(b *graph.Builder) error { return m.buildStep(b, batch, w, o, s) })
	if err != nil {
		return nil, fmt.Errorf("vae: build the graph: %w", err)
	}
	s.p = p
	for _, param := range nn.Trained(m.Params()) {
		g, err := p.Output(param.GradientName())
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
	if err := o.check(m, w); err != nil {
		return err
	}
	if w.WarmupAbove > 0 && len(m.q) == 1 {
		return fmt.Errorf("vae: a warm-up of the layers above, of a model with one stochastic layer: leave it out, or give the model layers above")
	}
	if most := maxNumbers / max(m.pixels, m.outputs, m.noise, m.labels); batch > most/o.Samples() {
		return fmt.Errorf("vae: a step of %d images with %d draws each, want at most %d draws in all", batch, o.Samples(), most)
	}
	return nil
}

// buildStep adds a step to the graph. Its inputs are x, y if there are labels, eps, and
// with Backward u; its scalars beta, and where the weight has them capacity and share; its
// outputs loss, distortion, rate, the terms of the objective by their names, and a gradient
// for each parameter that is trained. It tells s what there is.
func (m *Model) buildStep(b *graph.Builder, batch int, w klreg.Weight, o Objective, s *Step) error {
	bound, err := o.Bound()
	if err != nil {
		return err
	}
	p := &Pass{Model: m, Builder: b, Weight: w}
	p.X, p.Y = b.Input("x", batch, m.pixels), m.labelInput(b, batch)
	p.Eps = b.Random("eps", stream.Eps, graph.Normal, batch*o.Samples(), m.noise)
	if o.Backward > 0 {
		p.U = b.Random("u", stream.Resample, graph.Uniform, batch*max(o.M, 1), 1)
	}
	p.Beta = b.Scalar("beta", 1)
	if w.Capacity > 0 {
		p.Target = b.Scalar("capacity", 0)
	}
	if w.WarmupAbove > 0 {
		p.Share = b.Scalar("share", 1)
	}
	if p.Params, err = apply(m.q[0].Net, p.X, p.Y); err != nil {
		return err
	}
	l, err := asked("objective "+o.Whole().Name, func() (LossNodes, error) { return bound.Loss(p) })
	if err != nil {
		return err
	}
	if l.Cost == nil {
		l.Cost = l.Loss
	}
	if err := l.check(); err != nil {
		return fmt.Errorf("vae: objective %s gives %w", o.Whole().Name, err)
	}
	if err := l.addTerms(); err != nil {
		return err
	}
	b.Output("loss", l.Loss)
	b.Output("distortion", l.Distortion)
	b.Output("rate", l.Rate)
	for _, t := range l.Terms {
		b.Output(t.Name, t.Value)
		s.terms = append(s.terms, t.Name)
	}
	s.after = l.After
	return nn.Gradients(b, l.Cost, m.Params())
}

// addTerms adds the further terms to the loss, and to the cost that has its gradient.
func (l *LossNodes) addTerms() (err error) {
	one := l.Cost == l.Loss
	for _, t := range l.Terms {
		if t.Weight == 0 {
			continue
		}
		if l.Loss, err = graph.Combine([]float64{1, t.Weight}, l.Loss, t.Value); err != nil {
			return fmt.Errorf("vae: term %s: %w", t.Name, err)
		}
		if one {
			l.Cost = l.Loss
		} else if l.Cost, err = graph.Combine([]float64{1, t.Weight}, l.Cost, t.Value); err != nil {
			return fmt.Errorf("vae: term %s: %w", t.Name, err)
		}
	}
	return nil
}

// Take makes what is in the inputs the batch of the next Run. From then on they are
// other buffers, which may be filled for the Run after it, also while Run runs.
func (s *Step) Take() error {
	s.taken = true
	return s.p.Take()
}

// Run computes the loss of the batch that was taken, and its gradient, with the
// given factor before the KL term. Without a Take since the last Run it takes
// what is in the inputs.
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
	err := s.p.Run()
	number := func(name string) (v float64) {
		if err == nil {
			v, err = s.p.Number(name)
		}
		return v
	}
	l := Loss{Loss: number("loss"), Terms: Terms{Distortion: number("distortion"), Rate: number("rate")}}
	if len(s.terms) > 0 {
		l.Parts = map[string]float64{}
	}
	for _, name := range s.terms {
		l.Parts[name] = number(name)
	}
	return l, err
}
