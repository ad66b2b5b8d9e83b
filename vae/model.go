// Package vae ties an encoder q(z|x) and a decoder p(x|z) together: the
// reparameterization layer between them, the evidence lower bound (ELBO), and a
// Model that encodes, decodes, samples and estimates log p(x).
//
//	m, err := vae.New(vae.DefaultConfig())
//	digits, err := m.Sample(64, 1, 1) // [64,784], an untrained model's
//
// Package train fits a model to data. Every figure is in nats per image: summed
// over pixels and latent dimensions, averaged over images. docs/elbo.md teaches
// the mathematics, line by line, with links into this code.
//
// Source: Kingma & Welling 2014, Auto-Encoding Variational Bayes,
// arXiv:1312.6114; Rezende, Mohamed & Wierstra 2014, arXiv:1401.4082.
//
// Sizes: B a batch, n images, X pixels, Z latent dimensions.
package vae

import (
	"cmp"
	"fmt"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/klreg"
	"govae/nn"
)

// Model is a variational autoencoder. Any number of goroutines may use its
// methods at once, as long as none trains it or restores its weights.
type Model struct {
	cfg   Config
	q     []dist.Conditional // q(z_1|x), then q(z_l+1|z_l)
	gens  []dist.Conditional // p(z_l|z_l+1)
	p     dist.Conditional   // p(x|z_1)
	prior dist.Prior         // of the topmost code
	sizes
	graphs *graphs   // compiled, for the next call of a method
	y      []float32 // the labels of a view that Given made
}

// sizes are the widths of the rows that go through a model.
type sizes struct {
	pixels  int   // X
	labels  int   // of y, 0 for none
	params  int   // of q(z_1|x)
	outputs int   // of the decoder
	latents []int // of each stochastic layer
	latent  int   // of z_1
	noises  []int // numbers of noise that a draw of each layer takes
	noise   int   // of all of them
}

// Params lists all parameters: the encoder's, then the decoder's, then those of the layers
// above, of the prior, of the likelihood and of the posterior's family.
func (m *Model) Params() []*nn.Param {
	all := append(slices.Clone(m.q[0].Net.Params()), m.p.Net.Params()...)
	for l := range m.gens {
		all = append(all, m.q[l+1].Net.Params()...)
		all = append(all, m.gens[l].Net.Params()...)
	}
	all = append(all, m.prior.Params()...)
	all = append(all, m.p.Family.Params()...)
	return append(all, m.q[0].Family.Params()...)
}

// labelInput adds the input of labels, nil for a model without.
func (m *Model) labelInput(b *graph.Builder, batch int) *G.Node {
	if m.labels == 0 {
		return nil
	}
	return b.Input("y", batch, m.labels)
}

// closed reports whether KL(q ‖ p) has a closed form: there is one stochastic layer, and a
// form is registered for the types of posterior and prior.
func (m *Model) closed() bool { return m.sampledFor() == "" }

// sampledFor says what it is in the model that a closed form is not known for, and is empty
// if one is known.
func (m *Model) sampledFor() string {
	if len(m.q) > 1 {
		return fmt.Sprintf("%d stochastic layers", len(m.q))
	}
	g := G.NewGraph()
	input := func(name string, width int) *G.Node {
		return G.NewMatrix(g, m.dtype(), G.WithName(name), G.WithShape(1, width))
	}
	var y *G.Node
	if m.labels > 0 {
		y = input("y", m.labels)
	}
	q, errQ := batchOf(m.q[0].Family, input("params", m.params))
	p, errP := m.priorOn(g, y)
	if err := cmp.Or(errQ, errP); err != nil {
		return fmt.Sprintf("parts that fail (%v)", err)
	}
	what := "the " + m.q[0].Family.Name() + " posterior"
	switch {
	case klreg.HasClosed(q, p):
		return ""
	case m.prior.Name() != "standard":
		what = "the " + m.prior.Name() + " prior"
	}
	return fmt.Sprintf("%s (no form for %T and %T)", what, q, p)
}

func (m *Model) dtype() tensor.Dtype { return m.Params()[0].Value.Dtype() }
