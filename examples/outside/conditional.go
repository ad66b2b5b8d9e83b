package outside

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/nn"
	"govae/vae"
)

// Conditional configures a conditional VAE p(x|y) of digits: networks that see the label of
// each image beside the image or the code, and a prior p(z|y) of its own.
//
// Source: Sohn, Lee & Yan 2015, Learning Structured Output Representation using Deep
// Conditional Generative Models, NIPS 28.
func Conditional() vae.Config {
	c := vae.DefaultConfig()
	c.Labels, c.Prior = 10, "conditional" // encoder and decoder mlp take labels as they are
	return c
}

func init() {
	vae.RegisterPrior("conditional", vae.Part[dist.Prior]{New: func(s vae.Spec) (dist.Prior, error) {
		l, err := nn.NewLinear(s.Dtype, 2*s.Code, max(s.Labels, 1), nn.Identity, s.Init, s.Source, "prior.mu", "prior.logvar")
		if err != nil {
			return nil, err
		}
		l.W.Fill(func() float64 { return 0 }) // it starts as N(0,I) for all labels
		l.B.Fill(func() float64 { return 0 })
		return LabelPrior{l, s.Code}, nil
	}, Check: func(c vae.Config) error {
		if c.Labels < 1 {
			return fmt.Errorf("a conditional prior of a model without labels")
		}
		return nil
	}})
}

// LabelPrior is the diagonal Gaussian p(z|y) whose mean and log-variance are linear in the
// labels y [R,Labels].
type LabelPrior struct {
	Layer nn.Linear // to mu and logvar
	Dim   int       // Z
}

// Name implements dist.Prior.
func (LabelPrior) Name() string { return "conditional" }

// Params implements dist.Prior.
func (p LabelPrior) Params() []*nn.Param { return p.Layer.Params() }

// On implements dist.Prior: a *dist.NormalBatch.
func (p LabelPrior) On(_ *G.ExprGraph, y *G.Node) (dist.Dist, error) {
	h, err := p.Layer.Apply(y) // [R,2Z]
	if err != nil {
		return nil, err
	}
	return dist.Normal{}.On(h)
}

// At implements dist.Prior.
func (p LabelPrior) At(y []float64) (dist.Value, error) {
	return dist.Normal{}.At(p.Layer.Value(y)), nil
}

// Sample implements dist.Prior.
func (p LabelPrior) Sample(n int, y []float32, temperature float64, src rand.Source) ([]float32, error) {
	var h []float32 // [n,2Z]
	row := make([]float64, len(y)/n)
	for i, v := range y {
		if row[i%len(row)] = float64(v); i%len(row) == len(row)-1 {
			for _, v := range p.Layer.Value(row) {
				h = append(h, float32(v))
			}
		}
	}
	return dist.SampleNormals(h, p.Dim, temperature, src), nil
}
