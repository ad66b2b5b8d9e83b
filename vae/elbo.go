package vae

import (
	"fmt"

	"govae/dist"
	"govae/graph"
)

// Terms are the two terms of the ELBO, in nats per image, estimated with one draw z ~
// q(z|x), in a training step with all of an image's draws.
type Terms struct {
	Distortion float64 // −E_q log p(x|z)
	Rate       float64 // KL(q(z|x) ‖ p(z)): in closed form where there is one, else the mean of log q(z|x) − log p(z)
}

// ELBO is the evidence lower bound, a lower bound of log p(x):
//
//	ELBO = E_q log p(x|z) − KL(q(z|x) ‖ p(z)) = −(Distortion + Rate)
//
// Its expectation is at most zero for binary images, and higher is better.
//
// Source: Kingma & Welling 2014, eq. 3, arXiv:1312.6114.
func (t Terms) ELBO() float64 { return -(t.Distortion + t.Rate) }

// ELBO returns the two terms for each of n images x [n,X], with one draw of z an
// image, made from the noise eps [n,Noise]. Averaged over eps ~ N(0,I) the terms are
// those of the definition. An error names the first pixel outside the likelihood's
// domain.
func (m *Model) ELBO(x, eps []float32) ([]Terms, error) {
	n, err := m.count("images", x, m.pixels)
	if err != nil {
		return nil, err
	}
	if len(eps) != n*m.noise {
		return nil, fmt.Errorf("vae: %d numbers of noise for %d images, want %d each", len(eps), n, m.noise)
	}
	if err := dist.Check(m.p.Family, x); err != nil {
		return nil, err
	}
	in, err := m.given(n, map[string][]float32{"x": x, "eps": eps})
	if err != nil {
		return nil, err
	}
	d, r := make([]float64, n), make([]float64, n)
	err = m.graphs.get("elbo", (*Model).buildELBO).Run(n, in, graph.Collect("distortion", n, d), graph.Collect("rate", n, r))
	terms := make([]Terms, n)
	for i := range terms {
		terms[i] = Terms{Distortion: d[i], Rate: r[i]}
	}
	return terms, err
}

func (m *Model) buildELBO(b *graph.Builder, batch int) error {
	x, y, eps := b.Input("x", batch, m.pixels), m.labelInput(b, batch), b.Input("eps", batch, m.noise)
	q, err := on(m.q[0], x, y)
	if err != nil {
		return err
	}
	closed := m.closed()
	t, err := m.trace(q, x, y, eps, Walk{Densities: !closed})
	if err != nil {
		return err
	}
	terms, err := t.terms(closed)
	b.Output("distortion", terms.distortion)
	b.Output("rate", terms.rate)
	return err
}

// terms are the two terms of the ELBO, [B] each, the rate in closed form or estimated.
func (t *Trace) terms(closed bool) (b bound, err error) {
	if closed {
		return t.bound()
	}
	if b.distortion, err = t.Distortion(); err != nil {
		return b, err
	}
	b.rate, err = t.Rate()
	return b, err
}
