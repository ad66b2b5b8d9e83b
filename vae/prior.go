package vae

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/encoder"
	"govae/graph"
	"govae/nn"
)

// Prior is p(z), of the topmost latent code.
type Prior interface {
	// LogDensity adds log p(z) of z [R,Z] to the graph: [R], in nats.
	LogDensity(z *G.Node) (*G.Node, error)
	// Components returns the mixture that the prior is as values: weights [C], means
	// and log-variances [C,Z].
	Components() (weights, mu, logvar []float64, err error)
	// Params lists what training changes, under names that start with "prior.".
	Params() []*nn.Param
}

// standard is N(0,I), the prior whose KL has a closed form (package klreg).
type standard struct{ latent int }

func (standard) LogDensity(z *G.Node) (*G.Node, error) { return dist.StandardLogDensity(z) }

func (s standard) Components() (weights, mu, logvar []float64, err error) {
	return []float64{1}, make([]float64, s.latent), make([]float64, s.latent), nil
}

func (standard) Params() []*nn.Param { return nil }

// IsStandard reports whether a prior is N(0,I), that of a model that was given none.
func IsStandard(p Prior) bool {
	_, ok := p.(standard)
	return ok
}

// mixture is a mixture of Gaussians, p(z) = Σ_c π_c N(z; mu_c, diag exp logvar_c),
// with everything in it learned.
type mixture struct{ mu, logvar, logits *nn.Param }

func newMixture(components, latent int, dt tensor.Dtype, src rand.Source) mixture {
	r := rand.New(src)
	mu := nn.NewParam(dt, "prior.mu", components, latent)
	mu.Fill(r.NormFloat64)
	return mixture{mu, nn.NewParam(dt, "prior.logvar", components, latent), nn.NewParam(dt, "prior.logits", components)}
}

func (m mixture) LogDensity(z *G.Node) (*G.Node, error) {
	g := z.Graph()
	return dist.MixtureLogDensity(z, m.mu.Node(g), m.logvar.Node(g), m.logits.Node(g))
}

func (m mixture) Components() (weights, mu, logvar []float64, err error) {
	mu, logvar, weights = m.mu.Numbers(), m.logvar.Numbers(), m.logits.Numbers()
	var sum LogSumExp
	for _, v := range weights {
		sum.Add(v)
	}
	for c, v := range weights {
		weights[c] = math.Exp(v - sum.Value())
	}
	return weights, mu, logvar, nil
}

func (m mixture) Params() []*nn.Param { return []*nn.Param{m.mu, m.logvar, m.logits} }

// vamp is the VampPrior: the mean of the posteriors of C pseudo-inputs u_c, images
// that are learned with everything else,
//
//	p(z) = 1/C Σ_c q(z|u_c),   u_c in [0,1]^X
//
// Source: Tomczak & Welling 2018, eq. 8 and 9, arXiv:1705.07120.
type vamp struct {
	pseudo *nn.Param // [C,X], cut off at 0 and 1
	zeros  *nn.Param // [C], equal weights; not trained
	enc    encoder.Encoder
	values func(x []float32) (mu, logvar []float32, err error) // the encoder's
}

// pseudoMean and pseudoStd are those of the pseudo-inputs at the start, as in the
// authors' code for MNIST.
const pseudoMean, pseudoStd = 0.05, 0.01

func newVamp(components int, enc encoder.Encoder, values func(x []float32) (mu, logvar []float32, err error), dt tensor.Dtype, src rand.Source) *vamp {
	r := rand.New(src)
	pixels, _ := enc.Dims()
	u := nn.NewParam(dt, "prior.pseudo_inputs", components, pixels)
	u.Fill(func() float64 { return pseudoMean + pseudoStd*r.NormFloat64() })
	return &vamp{u, nn.NewParam(dt, "prior.equal", components), enc, values}
}

func (v *vamp) LogDensity(z *G.Node) (*G.Node, error) {
	g := z.Graph()
	u, err := graph.Clip(v.pseudo.Node(g)) // [C,X]
	if err != nil {
		return nil, err
	}
	mu, logvar, err := v.enc.Encode(u) // [C,Z], [C,Z]
	if err != nil {
		return nil, err
	}
	return dist.MixtureLogDensity(z, mu, logvar, v.zeros.Node(g))
}

func (v *vamp) Components() (weights, mu, logvar []float64, err error) {
	u := make([]float32, 0, v.pseudo.Value.Shape().TotalSize())
	for _, x := range v.pseudo.Numbers() {
		u = append(u, float32(min(max(x, 0), 1)))
	}
	m, lv, err := v.values(u)
	c := v.pseudo.Value.Shape()[0]
	for range c {
		weights = append(weights, 1/float64(c))
	}
	mu, logvar = make([]float64, len(m)), make([]float64, len(lv))
	for i := range m {
		mu[i], logvar[i] = float64(m[i]), float64(lv[i])
	}
	return weights, mu, logvar, err
}

func (v *vamp) Params() []*nn.Param { return []*nn.Param{v.pseudo} }

// newPrior makes the prior that a configuration names.
func newPrior(cfg Config, top encoder.Encoder, values func(x []float32) (mu, logvar []float32, err error), dt tensor.Dtype, src rand.Source) (Prior, error) {
	_, latent := top.Dims()
	switch cfg.Prior {
	case "", "standard":
		return standard{latent}, nil
	case "mixture":
		return newMixture(cfg.Components, latent, dt, src), nil
	case "vamp":
		return newVamp(cfg.Components, top, values, dt, src), nil
	}
	return nil, fmt.Errorf("vae: unknown prior %q: choose standard, mixture or vamp", cfg.Prior)
}
