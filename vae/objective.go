package vae

import (
	"fmt"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"

	"govae/encoder"
	"govae/graph"
)

// Objective says which bound on log p(x) training raises.
type Objective struct {
	Name string `json:"name"`        // elbo (also if empty), elbo-sampled, stl, iwae, dreg or miwae
	K    int    `json:"k,omitempty"` // draws of z that a bound is made of; 0 for 1
	M    int    `json:"m,omitempty"` // independent bounds that are averaged, for miwae; 0 for 1
	// Backward is how many of the K draws the gradient is computed through, chosen by
	// their weights; 0 for all. See Model.addResampled.
	Backward int `json:"backward,omitempty"`
}

// DefaultObjective is the ELBO with the analytic KL.
func DefaultObjective() Objective { return Objective{Name: "elbo"} }

// estimator is how an objective is built: each has a file of its own.
type estimator struct {
	loss   func(d *draws) (*G.Node, error) // scalar, from draws whose neighbours are k for one image
	path   bool                            // log q without its score
	scaled bool                            // the gradient of z is multiplied by the normalised weights
	equal  bool                            // all draws weigh the same
}

var estimators = map[string]estimator{
	"elbo-sampled": {loss: lossSampled, equal: true},
	"stl":          {loss: lossSTL, path: true},
	"iwae":         {loss: lossIWAE},
	"dreg":         {loss: lossDReG, path: true, scaled: true},
	"miwae":        {loss: lossMIWAE},
}

// Objectives lists the names that there are.
func Objectives() []string {
	names := []string{"elbo"}
	for n := range estimators {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Samples is how many draws of z an image has in a training step.
func (o Objective) Samples() int { return max(o.K, 1) * max(o.M, 1) }

// Whole returns the objective with its numbers written out: 0 draws or bounds as 1.
func (o Objective) Whole() Objective {
	if o.Name == "" {
		o.Name = "elbo"
	}
	for _, n := range []*int{&o.K, &o.M} {
		if *n == 0 {
			*n = 1
		}
	}
	return o
}

// analytic reports whether the objective is the ELBO with the analytic KL.
func (o Objective) analytic() bool { return o.Name == "" || o.Name == "elbo" }

// Validate returns an error that names what is wrong.
func (o Objective) Validate() error {
	_, ok := estimators[o.Name]
	switch {
	case !o.analytic() && !ok:
		return fmt.Errorf("vae: unknown objective %q: choose one of %s", o.Name, strings.Join(Objectives(), ", "))
	case o.K < 0 || o.M < 0 || o.K > 1<<20 || o.M > 1<<20:
		return fmt.Errorf("vae: objective %s with k=%d and m=%d, want at least 1 and at most %d", o.Name, o.K, o.M, 1<<20)
	case o.analytic() && o.Samples() > 1:
		return fmt.Errorf("vae: objective elbo takes one draw an image, not %d: choose iwae for a tighter bound, elbo-sampled for an average", o.Samples())
	case o.Name != "miwae" && o.M > 1:
		return fmt.Errorf("vae: objective %s with m=%d: only miwae averages several bounds", o.Name, o.M)
	case o.Backward > 0 && (o.analytic() || estimators[o.Name].equal):
		return fmt.Errorf("vae: a gradient through %d draws chosen by their weights, which objective %s does not have: choose iwae, miwae, stl or dreg, or backward 0", o.Backward, o.Whole().Name)
	case o.Backward < 0 || o.Backward > max(o.K, 1):
		return fmt.Errorf("vae: a gradient through %d of k=%d draws, want 1 to %d, or 0 for all", o.Backward, max(o.K, 1), max(o.K, 1))
	}
	return nil
}

// goesWith returns an error if the model lacks what the objective needs.
func (o Objective) goesWith(m *Model) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.analytic() && !m.analytic() {
		return fmt.Errorf("vae: objective elbo has the analytic KL, which is that of one Gaussian layer under the standard prior; for a model with %s choose elbo-sampled, or one of iwae, miwae, stl and dreg", m.sampledFor())
	}
	for l, enc := range m.encs[1:] {
		if _, ok := enc.(encoder.Fixable); !ok && estimators[o.Name].path {
			return fmt.Errorf("vae: objective %s holds encoders fixed, which that of stochastic layer %d cannot (encoder.Fixable): choose iwae", o.Name, l+2)
		}
	}
	return nil
}

// encoded is what all draws for a batch are made from.
type encoded struct {
	x, mu, logvar *G.Node // [B,·]
	beta, share   *G.Node // see draws
	o             Objective
	e             estimator
}

// buildDrawn adds an objective made of draws to the graph of x [B,X], eps [B·m·k,
// Noise], u [B·m,1], which is nil without o.Backward, and the scalars beta, which
// multiplies log q(z|x) − log p(z) in the loss, and share, which multiplies the part of
// the layers above in it, nil for 1. The gradient is that of cost.
func (m *Model) buildDrawn(x, eps, u, beta, share *G.Node, o Objective) (loss, cost, distortion, rate *G.Node, err error) {
	mu, logvar, err := m.enc.Encode(x) // [B,Z]
	if err != nil {
		return nil, nil, nil, nil, err
	}
	in := encoded{x, mu, logvar, beta, share, o, estimators[o.Name]}
	d, err := m.drawEach(in, eps, o.Samples(), u == nil)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if u == nil {
		loss, err = in.e.loss(d)
		cost = loss
	} else {
		loss, cost, err = m.addResampled(in, d, eps, u)
	}
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if distortion, err = graph.Mean(d.distortion); err != nil {
		return nil, nil, nil, nil, err
	}
	if rate, err = d.rate(); err != nil {
		return nil, nil, nil, nil, err
	}
	rate, err = graph.Mean(rate)
	return loss, cost, distortion, rate, err
}

// drawEach adds n draws for each image, made of eps [B·n,Noise], to the graph. Without
// gradient, which is to say that none will be asked for, they are not prepared for that
// of the estimator.
func (m *Model) drawEach(in encoded, eps *G.Node, n int, gradient bool) (d *draws, err error) {
	nodes := []*G.Node{in.x, in.mu, in.logvar}
	if n > 1 {
		for i := range nodes {
			if nodes[i], err = graph.Repeat(nodes[i], n); err != nil { // [B·n,·]
				return nil, err
			}
		}
	}
	d, err = m.buildDraws(nodes[0], nodes[1], nodes[2], eps, gradient && in.e.path, gradient && in.e.scaled)
	if err != nil {
		return nil, err
	}
	d.k, d.beta, d.share = max(in.o.K, 1), in.beta, in.share
	return d, nil
}
