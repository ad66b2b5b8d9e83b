package vae

import (
	"cmp"
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/klreg"
)

// Objective says which bound on log p(x) training raises.
type Objective struct {
	Name string `json:"name"`        // elbo (also if empty), or one of Objectives
	K    int    `json:"k,omitempty"` // draws of z that a bound is made of; 0 for 1
	M    int    `json:"m,omitempty"` // independent bounds that are averaged, for miwae; 0 for 1
	// Backward is how many of the K draws the gradient is computed through, chosen by
	// their weights; 0 for all. See Pass.Importance.
	Backward int `json:"backward,omitempty"`
	// Options are settings of an objective that a program has registered.
	Options Options `json:"options,omitempty"`
}

// DefaultObjective is the ELBO with the analytic KL.
func DefaultObjective() Objective { return Objective{Name: "elbo"} }

// Samples is how many draws of z an image has in a training step.
func (o Objective) Samples() int { return max(o.K, 1) * max(o.M, 1) }

// Whole returns the objective with its numbers written out: 0 draws or bounds as 1.
func (o Objective) Whole() Objective {
	o.Name, o.K, o.M = cmp.Or(o.Name, "elbo"), cmp.Or(o.K, 1), cmp.Or(o.M, 1)
	return o
}

// Bound is what an objective does: it makes the loss of a training step, as a graph.
type Bound interface {
	// Check returns an error if the numbers of the objective, the model or the weight of the KL
	// term do not go with it. It refuses what Loss has no use for (see Takes), or that is left
	// out without a word. m is nil where there is no model yet.
	Check(m *Model, w klreg.Weight) error
	// Loss adds the loss to the graph of the pass. It adds nodes alone: the graph is under
	// construction, and while it is, no other one of the process is compiled or run, as the
	// methods of a Model do.
	Loss(p *Pass) (LossNodes, error)
}

// Pass is what a Bound makes its loss from: the inputs of a training step on B images.
type Pass struct {
	Model   *Model
	Builder *graph.Builder
	X, Y    *G.Node // images [B,X], and their labels [B,Labels], nil for none
	Eps     *G.Node // noise [B·Samples,Noise] of all draws
	U       *G.Node // [B·M,1] uniform numbers, nil without Backward
	Params  *G.Node // of q(z_1|x), [B,Outputs(Z)] of its family

	// Weight says how the KL term counts, and the scalars are its numbers of each step:
	// Beta multiplies the term; Target is the rate that a capacity aims at, nil without one;
	// Share is that of the layers above the first, nil for 1.
	Weight              klreg.Weight
	Beta, Target, Share *G.Node
}

// LossNodes is what a Bound adds to the graph: Loss, Distortion and Rate, and what else it has.
// Trace.LossNodes makes all three of a loss.
type LossNodes struct {
	Loss       *G.Node // scalar, in nats per image
	Cost       *G.Node // scalar whose gradient training follows; nil for that of Loss
	Distortion *G.Node // scalar, the mean of −log p(x|z) over all draws
	Rate       *G.Node // scalar, the mean of the KL, or of its estimate from each draw, without any weight
	Terms      []Term  // what the loss has besides, for metrics and curves
	Trace      *Trace  // the walk that the loss was made from, for an objective that adds a term

	// After is called after each step, when the parameters have changed, for what is no
	// gradient: moving averages, a codebook. It is nil for none. It may read outputs that
	// Loss has added to the program, and must be a function of these and of parameters, so
	// that a resumed run does the same. What it changes is a frozen parameter of a part.
	After func(p *graph.Program) error
}

// Term is a further part of a loss. It appears in metrics and curves by itself.
type Term struct {
	Name   string
	Value  *G.Node // scalar, without its weight
	Weight float64 // what a step adds to the loss is Weight·Value; 0 for what is only reported
}

// Trace adds n draws of the codes for each image to the graph, made of noise eps
// [B·n,Noise]. The rows are the n draws of the first image, then those of the second, and
// so on. For p.Eps, n is Objective.Samples().
func (p *Pass) Trace(eps *G.Node, n int, walk Walk) (t *Trace, err error) {
	x, y, h := p.X, p.Y, p.Params
	if rows := n * x.Shape()[0]; eps == nil || eps.Shape()[0] != rows {
		return nil, fmt.Errorf("vae: a trace of %d draws of %d images, want noise of %d rows: p.Eps is that of Objective.Samples() draws each", n, x.Shape()[0], rows)
	}
	if n > 1 {
		if x, err = graph.Repeat(x, n); err != nil { // [B·n,X]
			return nil, err
		}
		if y != nil {
			if y, err = graph.Repeat(y, n); err != nil { // [B·n,Labels]
				return nil, err
			}
		}
		if h, err = graph.Repeat(h, n); err != nil { // [B·n,P]
			return nil, err
		}
	}
	q, err := batchOf(p.Model.q[0].Family, h)
	if err != nil {
		return nil, err
	}
	if t, err = p.Model.trace(q, x, y, eps, walk); err != nil {
		return nil, err
	}
	t.K = n
	return t, nil
}

// Bound returns what the objective does. An unknown name is an error that lists the known
// ones.
func (o Objective) Bound() (Bound, error) { return o.bound(o.Whole().Name) }

func (o Objective) bound(name string) (Bound, error) {
	known, err := objectives.Get(name)
	if err != nil {
		return nil, err
	}
	return asked("objective "+name, func() (Bound, error) { return known.make(o), nil })
}

// Validate returns an error that names what is wrong with the objective by itself.
func (o Objective) Validate() error { return o.check(nil, klreg.DefaultWeight()) }

// check returns an error if the objective is wrong, or does not go with a model, nil for
// any, or a weight.
func (o Objective) check(m *Model, w klreg.Weight) error {
	known, err := objectives.Get(o.Whole().Name)
	if err != nil {
		return err
	}
	if o.K < 0 || o.M < 0 || o.K > 1<<20 || o.M > 1<<20 {
		return fmt.Errorf("vae: objective %s with k=%d and m=%d, want at least 1 and at most %d", o.Name, o.K, o.M, 1<<20)
	}
	if len(o.Options) > 0 {
		if err := o.Options.only("objective "+o.Whole().Name, known.options...); err != nil {
			return fmt.Errorf("vae: %w", err)
		}
	}
	b, err := o.Bound()
	if err != nil {
		return err
	}
	_, err = asked("objective "+o.Whole().Name, func() (bool, error) { return true, b.Check(m, w) })
	return prefixed(err)
}
