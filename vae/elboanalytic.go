package vae

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/klreg"
)

func init() { RegisterObjective("elbo", func(o Objective) Bound { return elbo{o} }) }

// elbo is the ELBO with the analytic KL:
//
//	loss = mean_i distortion_i + beta·penalty(rate)
//
// where the penalty is the mean rate unless the weight has free bits or a capacity
// (klreg.Weight, whose Penalty it is). It is the objective of one draw an image, of one
// stochastic layer, and of pairs of posterior and prior with a closed KL.
//
// Source: Kingma & Welling 2014, eq. 7, arXiv:1312.6114.
type elbo struct{ Objective }

// Check implements Bound.
func (o elbo) Check(m *Model, w klreg.Weight) error {
	switch {
	case o.Samples() > 1 || o.Backward != 0:
		return Takes{Analytic: true}.Check(o.Objective, w)
	case m != nil && m.sampledFor() != "":
		return fmt.Errorf("vae: objective %s has the analytic KL, of one stochastic layer and a posterior and a prior for which klreg.Register has a closed form; for a model with %s choose elbo-sampled, or one of iwae, miwae, stl and dreg", o.Whole().Name, m.sampledFor())
	}
	return nil
}

// Loss implements Bound.
func (o elbo) Loss(p *Pass) (l LossNodes, err error) {
	t, err := p.Trace(p.Eps, 1, Walk{})
	if err != nil {
		return l, err
	}
	l.Trace = t
	b, err := t.bound()
	if err != nil {
		return l, err
	}
	if l.Distortion, err = graph.Mean(b.distortion); err != nil {
		return l, err
	}
	if l.Rate, err = graph.Mean(b.rate); err != nil {
		return l, err
	}
	penalty, err := p.Weight.Penalty(b.dims, l.Rate, p.Target) // scalar
	if err != nil {
		return l, err
	}
	weighted, err := G.Mul(p.Beta, penalty)
	if err != nil {
		return l, err
	}
	l.Loss, err = G.Add(l.Distortion, weighted)
	return l, err
}

// bound is the two terms of the ELBO with one draw of z for each image.
type bound struct {
	distortion *G.Node // [B]
	dims       *G.Node // [B,Z], the rate of each latent dimension
	rate       *G.Node // [B]
}

// bound adds −log p(x|z), and KL(q(z|x) ‖ p(z)) by its closed form.
func (t *Trace) bound() (b bound, err error) {
	if b.distortion, err = t.Distortion(); err != nil { // [B]
		return b, err
	}
	prior, err := t.m.priorOn(t.X.Graph(), t.Y)
	if err != nil {
		return b, err
	}
	if b.dims, err = klreg.KL(t.Q, prior); err != nil { // [B,Z]
		return b, err
	}
	if z, n := t.Z[0].Shape()[1], b.dims.Shape()[1]; n < 1 || z%n != 0 {
		return b, fmt.Errorf("vae: the closed form of KL(%T ‖ %T) has the shape %v for codes of %d dimensions, want as many, or one where it is no sum over them", t.Q, prior, b.dims.Shape(), z)
	}
	b.rate, err = klreg.Sum(b.dims) // [B]
	return b, err
}
