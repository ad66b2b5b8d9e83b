package vae

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
)

// DistortionGrad returns the distortion −log p(x|z) of n pairs of an image x [n,X]
// and a code z [n,Z], in nats, and its gradient with respect to z [n,Z]. With it one can
// look for a better posterior of an image than the encoder's. An error names the first
// pixel outside the likelihood's domain.
func (m *Model) DistortionGrad(x, z []float32) (distortion []float64, dz []float32, err error) {
	n, err := m.count("images", x, m.pixels)
	if err != nil {
		return nil, nil, err
	}
	if len(z) != n*m.latent {
		return nil, nil, fmt.Errorf("vae: codes of %d numbers for %d images, want %d each", len(z), n, m.latent)
	}
	if _, err := m.codes(z, m.latent); err != nil {
		return nil, nil, err
	}
	if err := dist.Check(m.p.Family, x); err != nil {
		return nil, nil, err
	}
	distortion, dz = make([]float64, n), make([]float32, n*m.latent)
	in, err := m.given(n, map[string][]float32{"x": x, "z": z})
	if err != nil {
		return nil, nil, err
	}
	err = m.graphs.get("distortion gradient", (*Model).buildDistortionGrad).Run(n, in, graph.Collect("distortion", n, distortion), graph.Collect("dz", n, dz))
	return distortion, dz, err
}

func (m *Model) buildDistortionGrad(b *graph.Builder, batch int) error {
	x, y, input := b.Input("x", batch, m.pixels), m.labelInput(b, batch), b.Input("z", batch, m.latent)
	z, err := graph.Combine([]float64{1}, input) // layers pass no gradient to an input of the graph
	if err != nil {
		return err
	}
	t := &Trace{X: x, Y: y, Z: []*G.Node{z}, m: m}
	distortion, err := t.Distortion() // [B]
	if err != nil {
		return err
	}
	b.Output("distortion", distortion)
	return gradientOfSum(b, distortion, "dz", z)
}

// gradientOfSum makes the gradient of the sum of a [B] with respect to z an output.
func gradientOfSum(b *graph.Builder, a *G.Node, name string, z *G.Node) error {
	sum, err := G.Sum(a)
	if err != nil {
		return fmt.Errorf("vae: %w", err)
	}
	grads, err := b.Gradients(sum, z)
	if err != nil {
		return err
	}
	b.Output(name, grads[0])
	return nil
}

// PriorGrad returns log p(z) in nats of n codes z [n,Z] of the first stochastic layer,
// and its gradient with respect to z [n,Z]. With further layers log p(z_1) has no closed
// form, and PriorGrad returns an estimate of a lower bound in its place,
//
//	log p(z_1, …, z_L) − Σ_l log q(z_l+1|z_l),   z_l+1 = mu(z_l) + exp(logvar(z_l)/2)·eps_l+1
//
// from the noise eps [n,Noise−Z] of the layers above, the second layer first. It takes the
// place of log p(z_1) in the ELBO. Its mean over eps is at most log p(z_1).
func (m *Model) PriorGrad(z, eps []float32) (logp []float64, dz []float32, err error) {
	n, err := m.codes(z, m.latent)
	if err != nil {
		return nil, nil, err
	}
	if want := n * (m.noise - m.noises[0]); len(eps) != want {
		return nil, nil, fmt.Errorf("vae: noise of %d numbers for the layers above %d codes, want %d", len(eps), n, want)
	}
	in, err := m.given(n, map[string][]float32{"z": z})
	if err != nil {
		return nil, nil, err
	}
	if len(m.gens) > 0 {
		in["eps"] = eps
	}
	logp, dz = make([]float64, n), make([]float32, len(z))
	err = m.graphs.get("prior gradient", (*Model).buildPriorGrad).Run(n, in, graph.Collect("logp", n, logp), graph.Collect("dz", n, dz))
	return logp, dz, err
}

func (m *Model) buildPriorGrad(b *graph.Builder, batch int) error {
	z, err := graph.Combine([]float64{1}, b.Input("z", batch, m.latent)) // layers pass no gradient to an input of the graph
	if err != nil {
		return err
	}
	t := &Trace{Y: m.labelInput(b, batch), Z: []*G.Node{z}, Draw: []*dist.Draw{nil}, m: m, walk: Walk{Densities: true}}
	var eps *G.Node
	if len(m.gens) > 0 {
		eps = b.Input("eps", batch, m.noise-m.noises[0])
	}
	if err := t.up(z, eps, nil); err != nil {
		return err
	}
	logp := t.LogPrior // [B]
	if t.LogQ != nil {
		if logp, err = graph.Combine([]float64{1, -1}, logp, t.LogQ); err != nil {
			return err
		}
	}
	b.Output("logp", logp)
	return gradientOfSum(b, logp, "dz", z)
}
