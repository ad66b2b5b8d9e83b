package vae

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/klreg"
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

// bound is the graph of the ELBO: one draw of z for each image.
type bound struct {
	distortion *G.Node // [B]
	dims       *G.Node // [B,Z], the rate of each latent dimension
	rate       *G.Node // [B]
}

// buildBound adds the whole model to the graph of x [B,X] and eps [B,Z]:
//
//	mu, logvar = encode(x)
//	z          = mu + exp(logvar/2)·eps
//	distortion = −log p(x|z)
//	rate       = KL(N(mu, exp(logvar)) ‖ N(0,I))
func (m *Model) buildBound(x, eps *G.Node) (b bound, err error) {
	mu, logvar, err := m.enc.Encode(x) // [B,Z], [B,Z]
	if err != nil {
		return b, err
	}
	z, err := Reparameterize(mu, logvar, eps) // [B,Z]
	if err != nil {
		return b, err
	}
	params, err := m.dec.Decode(z) // [B,Outputs]
	if err != nil {
		return b, err
	}
	if b.distortion, err = m.lik.DistortionNode(params, x); err != nil { // [B]
		return b, err
	}
	if b.dims, err = klreg.GaussianDimsNode(mu, logvar); err != nil { // [B,Z]
		return b, err
	}
	b.rate, err = klreg.Sum(b.dims) // [B]
	return b, err
}

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
	if err := m.lik.Check(x); err != nil {
		return nil, err
	}
	d, r := make([]float64, n), make([]float64, n)
	err = m.elbo.Run(n, map[string][]float32{"x": x, "eps": eps}, graph.Collect("distortion", n, d), graph.Collect("rate", n, r))
	terms := make([]Terms, n)
	for i := range terms {
		terms[i] = Terms{Distortion: d[i], Rate: r[i]}
	}
	return terms, err
}

func (m *Model) buildELBO(b *graph.Builder, batch int) error {
	x, eps := b.Input("x", batch, m.pixels), b.Input("eps", batch, m.noise)
	if m.analytic() {
		bound, err := m.buildBound(x, eps)
		b.Output("distortion", bound.distortion)
		b.Output("rate", bound.rate)
		return err
	}
	mu, logvar, err := m.enc.Encode(x)
	if err != nil {
		return err
	}
	d, err := m.buildDraws(x, mu, logvar, eps, false, false)
	if err != nil {
		return err
	}
	rate, err := d.rate()
	b.Output("distortion", d.distortion)
	b.Output("rate", rate)
	return err
}
