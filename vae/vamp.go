package vae

import (
	"cmp"
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/nn"
)

// Vamp is the VampPrior: the mean of the posteriors of C pseudo-inputs u_c, images
// that are learned with everything else,
//
//	p(z) = 1/C Σ_c q(z|u_c),   u_c in [0,1]^X
//
// Source: Tomczak & Welling 2018, eq. 8 and 9, arXiv:1705.07120.
type Vamp struct {
	pseudo *nn.Param // [C,X], cut off at 0 and 1
	zeros  *nn.Param // [C], equal weights; not trained
	q      dist.Conditional
	values *graph.Rows // of the encoder
}

// pseudoMean and pseudoStd are those of the pseudo-inputs at the start, as in the
// authors' code for MNIST.
const pseudoMean, pseudoStd = 0.05, 0.01

// NewVamp makes a VampPrior of the posterior q(z|x), whose family is dist.Normal.
func NewVamp(components int, q dist.Conditional, dt tensor.Dtype, src rand.Source) (*Vamp, error) {
	pixels, labels, _ := q.Net.Dims()
	if _, ok := q.Family.(dist.Normal); !ok || labels > 0 || components < 1 {
		return nil, fmt.Errorf("vae: a vamp prior of %d components of the %s posterior with %d labels, want at least 1, dist.Normal and none", components, q.Family.Name(), labels)
	}
	v := &Vamp{nn.NewParam(dt, "prior.pseudo_inputs", components, pixels), nn.NewParam(dt, "prior.equal", components), q, nil}
	r := rand.New(src)
	v.pseudo.Fill(func() float64 { return pseudoMean + pseudoStd*r.NormFloat64() })
	v.values = graph.NewRows(dt, func(b *graph.Builder, batch int) error {
		h, err := apply(q.Net, b.Input("x", batch, pixels), nil)
		b.Output("params", h)
		return err
	})
	return v, nil
}

// Name implements dist.Prior.
func (v *Vamp) Name() string { return "vamp" }

// Params implements dist.Prior: the pseudo-inputs.
func (v *Vamp) Params() []*nn.Param { return []*nn.Param{v.pseudo} }

// On implements dist.Prior: a dist.MixtureBatch.
func (v *Vamp) On(g *G.ExprGraph, _ *G.Node) (dist.Dist, error) {
	u, err := graph.Clip(v.pseudo.Node(g)) // [C,X]
	if err != nil {
		return nil, err
	}
	q, err := on(v.q, u, nil)
	if err != nil {
		return nil, err
	}
	normal := q.(*dist.NormalBatch)
	mu, err := normal.Mu() // [C,Z]
	if err != nil {
		return nil, err
	}
	logvar, err := normal.Logvar() // [C,Z]
	if err != nil {
		return nil, err
	}
	return dist.MixtureBatch{Mu: mu, Logvar: logvar, Logits: v.zeros.Node(g)}, nil
}

// At implements dist.Prior: a dist.MixtureValue.
func (v *Vamp) At([]float64) (dist.Value, error) {
	c := v.pseudo.Value.Shape()[0]
	u := make([]float32, 0, v.pseudo.Value.Shape().TotalSize())
	for _, x := range v.pseudo.Numbers() {
		u = append(u, float32(min(max(x, 0), 1)))
	}
	_, _, width := v.q.Net.Dims()
	h := make([]float64, c*width)
	if err := v.values.Run(c, map[string][]float32{"x": u}, graph.Collect("params", c, h)); err != nil {
		return nil, err
	}
	m := dist.MixtureValue{}
	for i := range c {
		m.Weights = append(m.Weights, 1/float64(c))
		row := h[i*width : (i+1)*width]
		m.Parts = append(m.Parts, dist.NormalValue{Mu: row[:width/2], Logvar: row[width/2:]})
	}
	return m, nil
}

// Sample implements dist.Prior: a pseudo-input for each code, drawn first, then the codes.
func (v *Vamp) Sample(n int, _ []float32, temperature float64, src rand.Source) ([]float32, error) {
	m, err := v.At(nil)
	if err != nil {
		return nil, err
	}
	return m.(dist.MixtureValue).SampleN(n, temperature, src), nil
}

func init() {
	RegisterPrior("vamp", Part[dist.Prior]{Components: true,
		New: func(s Spec) (dist.Prior, error) { return NewVamp(s.Components, s.Q, s.Dtype, s.Source) },
		Check: func(c Config) error {
			switch {
			case len(c.Above) > 0:
				return fmt.Errorf("a vamp prior takes one stochastic layer, not %d: its pseudo-inputs are images", 1+len(c.Above))
			case c.Labels > 0:
				return fmt.Errorf("a vamp prior takes no labels, and the model %d", c.Labels)
			case cmp.Or(c.Posterior, normal) != normal:
				return fmt.Errorf("a vamp prior of the %s posterior, want normal: it is made of the encoder's Gaussians", c.Posterior)
			case c.Flow > 0:
				return fmt.Errorf("a flow goes with a standard or a mixture prior, not with vamp, which is made of the encoder's Gaussians")
			}
			return checkComponents(c)
		},
		Weights: func(c Config) int { return c.Components * c.Pixels() }})
}
