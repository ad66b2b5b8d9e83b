package vae

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/encoder"
	"govae/internal/op"
)

// Prior is p(z), of the topmost latent code.
type Prior interface {
	// LogDensity adds log p(z) of z [R,Z] to the graph: [R], in nats.
	LogDensity(z *G.Node) (*G.Node, error)
	// Components returns the mixture that the prior is as values: weights [C], means
	// and log-variances [C,Z].
	Components() (weights, mu, logvar []float64, err error)
	// Params lists what training changes, under names that start with "prior.".
	Params() []encoder.Param
}

// standard is N(0,I), the prior whose KL has a closed form (package klreg).
type standard struct{ latent int }

func (standard) LogDensity(z *G.Node) (*G.Node, error) { return op.StandardLogDensity(z) }

func (s standard) Components() (weights, mu, logvar []float64, err error) {
	return []float64{1}, make([]float64, s.latent), make([]float64, s.latent), nil
}

func (standard) Params() []encoder.Param { return nil }

// IsStandard reports whether a prior is N(0,I), that of a model that was given none.
func IsStandard(p Prior) bool {
	_, ok := p.(standard)
	return ok
}

// mixture is a mixture of Gaussians, p(z) = Σ_c π_c N(z; mu_c, diag exp logvar_c),
// with everything in it learned.
type mixture struct{ mu, logvar, logits encoder.Param }

func newMixture(components, latent int, dt tensor.Dtype, src rand.Source) mixture {
	r := rand.New(src)
	mu := param(dt, "prior.mu", components, latent)
	each(mu.Value, func() float64 { return r.NormFloat64() })
	return mixture{mu, param(dt, "prior.logvar", components, latent), param(dt, "prior.logits", components)}
}

func (m mixture) LogDensity(z *G.Node) (*G.Node, error) {
	g := z.Graph()
	return op.MixtureLogDensity(z, m.mu.Node(g), m.logvar.Node(g), m.logits.Node(g))
}

func (m mixture) Components() (weights, mu, logvar []float64, err error) {
	mu, logvar, weights = floats(m.mu.Value), floats(m.logvar.Value), floats(m.logits.Value)
	var sum LogSumExp
	for _, v := range weights {
		sum.Add(v)
	}
	for c, v := range weights {
		weights[c] = math.Exp(v - sum.Value())
	}
	return weights, mu, logvar, nil
}

func (m mixture) Params() []encoder.Param { return []encoder.Param{m.mu, m.logvar, m.logits} }

// vamp is the VampPrior: the mean of the posteriors of C pseudo-inputs u_c, images
// that are learned with everything else,
//
//	p(z) = 1/C Σ_c q(z|u_c),   u_c in [0,1]^X
//
// Source: Tomczak & Welling 2018, eq. 8 and 9, arXiv:1705.07120.
type vamp struct {
	pseudo encoder.Param // [C,X], cut off at 0 and 1
	zeros  encoder.Param // [C], equal weights; not trained
	enc    encoder.Encoder
	values func(x []float32) (mu, logvar []float32, err error) // the encoder's
}

// pseudoMean and pseudoStd are those of the pseudo-inputs at the start, as in the
// authors' code for MNIST.
const pseudoMean, pseudoStd = 0.05, 0.01

func newVamp(components int, enc encoder.Encoder, values func(x []float32) (mu, logvar []float32, err error), dt tensor.Dtype, src rand.Source) *vamp {
	r := rand.New(src)
	pixels, _ := enc.Dims()
	u := param(dt, "prior.pseudo_inputs", components, pixels)
	each(u.Value, func() float64 { return pseudoMean + pseudoStd*r.NormFloat64() })
	return &vamp{u, param(dt, "prior.equal", components), enc, values}
}

func (v *vamp) LogDensity(z *G.Node) (*G.Node, error) {
	g := z.Graph()
	u, err := op.Clip(v.pseudo.Node(g)) // [C,X]
	if err != nil {
		return nil, err
	}
	mu, logvar, err := v.enc.Encode(u) // [C,Z], [C,Z]
	if err != nil {
		return nil, err
	}
	return op.MixtureLogDensity(z, mu, logvar, v.zeros.Node(g))
}

func (v *vamp) Components() (weights, mu, logvar []float64, err error) {
	u := make([]float32, 0, v.pseudo.Value.Shape().TotalSize())
	for _, x := range floats(v.pseudo.Value) {
		u = append(u, float32(min(max(x, 0), 1)))
	}
	m, lv, err := v.values(u)
	c := v.pseudo.Value.Shape()[0]
	for range c {
		weights = append(weights, 1/float64(c))
	}
	mu, logvar = make([]float64, len(m)), make([]float64, len(lv))
	convert(mu, m)
	convert(logvar, lv)
	return weights, mu, logvar, err
}

func (v *vamp) Params() []encoder.Param { return []encoder.Param{v.pseudo} }

// param makes a parameter of zeros.
func param(dt tensor.Dtype, name string, shape ...int) encoder.Param {
	return encoder.Param{Names: []string{name}, Value: tensor.New(tensor.Of(dt), tensor.WithShape(shape...))}
}

// each sets all numbers of a tensor, rounded to float32 in either precision.
func each(t *tensor.Dense, f func() float64) {
	switch d := t.Data().(type) {
	case []float32:
		for i := range d {
			d[i] = float32(f())
		}
	case []float64:
		for i := range d {
			d[i] = float64(float32(f()))
		}
	}
}

// floats copies a tensor's numbers.
func floats(t *tensor.Dense) []float64 {
	v := make([]float64, t.Shape().TotalSize())
	switch d := t.Data().(type) {
	case []float32:
		convert(v, d)
	case []float64:
		copy(v, d)
	}
	return v
}

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
