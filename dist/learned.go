package dist

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/nn"
)

// Learned is the prior of any family, with parameters that are learned, the same for each
// code and any labels. Of MixtureOf{Laplace{}, 10} it is a mixture of 10 Laplace priors, of
// Bernoulli a prior of binary codes. NewLearned makes one.
type Learned struct {
	Family Family
	Dim    int       // Z
	Row    *nn.Param // [1,Family.Outputs(Z)], named prior.params
}

// NewLearned makes a prior of codes of dim numbers, float32 or float64. Its parameters start as
// draws from N(0, spread²). With a spread of 0 they are all 0, which is N(0,I) for Normal and
// FullNormal, and the uniform distribution for Bernoulli and Categorical. A mixture needs a spread
// above 0: components that are alike stay alike. It is an error if the family doesn't go with dim.
func NewLearned(f Family, dim int, spread float64, dt tensor.Dtype, src rand.Source) (Learned, error) {
	if src == nil {
		return Learned{}, fmt.Errorf("dist: a learned prior without a source of random numbers")
	}
	if f == nil || dim < 1 || !(spread >= 0) || !finite(spread) {
		return Learned{}, fmt.Errorf("dist: a learned prior of %d numbers with a spread of %v and family %v, want at least 1, a finite number of at least 0, and a family", dim, spread, f)
	}
	if dt != tensor.Float32 && dt != tensor.Float64 {
		return Learned{}, fmt.Errorf("dist: a learned prior of %v, want float32 or float64", dt)
	}
	if err := validate(f); err != nil {
		return Learned{}, err
	}
	l, r := Learned{f, dim, nn.NewParam(dt, "prior.params", 1, f.Outputs(dim))}, rand.New(src)
	if _, err := f.On(G.NewMatrix(G.NewGraph(), dt, G.WithName("params"), G.WithShape(1, f.Outputs(dim)))); err != nil {
		return Learned{}, err
	}
	l.Row.Fill(func() float64 { return spread * r.NormFloat64() })
	return l, nil
}

// validate returns what is wrong with a family or a prior that is able to say it.
func validate(part any) error {
	if v, ok := part.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

// Name implements Prior: that of the family.
func (l Learned) Name() string { return l.Family.Name() }

// Domain says what codes are: that of the family.
func (l Learned) Domain() Domain { return l.Family.Domain() }

// Validate returns an error if there is no family, or if Row is not of its parameters.
func (l Learned) Validate() error {
	if l.Family == nil || l.Dim < 1 || l.Row == nil || l.Row.Value == nil {
		return fmt.Errorf("dist: a learned prior of %d numbers with family %v and parameters %v, want at least 1 and both: NewLearned makes one", l.Dim, l.Family, l.Row)
	}
	if err := validate(l.Family); err != nil {
		return err
	}
	if s, n := l.Row.Value.Shape(), l.Family.Outputs(l.Dim); s.Dims() != 2 || s[0] != 1 || s[1] != n {
		return fmt.Errorf("dist: a learned prior of %d numbers of family %s with parameters of shape %v, want (1, %d)", l.Dim, l.Family.Name(), s, n)
	}
	return nil
}

// Params implements Prior: prior.params, then those of the family.
func (l Learned) Params() []*nn.Param { return append([]*nn.Param{l.Row}, l.Family.Params()...) }

// On implements Prior: a *RepeatedBatch, whatever the labels.
func (l Learned) On(g *G.ExprGraph, _ *G.Node) (Dist, error) {
	return &RepeatedBatch{l.Family, l.Row.Node(g)}, nil
}

// At implements Prior, whatever the labels: what the family makes of the parameters.
func (l Learned) At([]float64) (Value, error) { return l.Family.At(l.Row.Numbers()), nil }

// Sample implements Prior. The temperature is that of Temper, and an error where Temper
// has none for the family.
func (l Learned) Sample(n int, _ []float32, temperature float64, src rand.Source) ([]float32, error) {
	v, err := Temper(l.Family.At(l.Row.Numbers()), temperature)
	if err != nil {
		return nil, err
	}
	z := make([]float32, 0, n*l.Dim)
	for range n {
		for _, x := range v.Sample(src) {
			z = append(z, float32(x))
		}
	}
	return z, nil
}

// RepeatedBatch is one distribution on a graph, of as many rows as are asked of it.
type RepeatedBatch struct {
	Family Family
	Params *G.Node // [1,P]
}

// Repeat adds the batch in which each of the given number of rows is the distribution.
func (b *RepeatedBatch) Repeat(rows int) (Dist, error) {
	params, err := graph.Combine([]float64{1}, b.Params) // no variable any more, which Repeat takes for data in a graph that no Builder makes
	if err != nil {
		return nil, err
	}
	if params, err = graph.Repeat(params, rows); err != nil { // [R,P]
		return nil, err
	}
	return b.Family.On(params)
}

// LogProb implements Dist: that of each row of x [R,D], with gradients to the parameters, and
// to x if the family has them.
func (b *RepeatedBatch) LogProb(x *G.Node) (*G.Node, error) {
	if x.Shape().Dims() != 2 {
		return nil, fmt.Errorf("dist: %s: rows of shape %v, want [R,D]", b.Family.Name(), x.Shape())
	}
	d, err := b.Repeat(x.Shape()[0])
	if err != nil {
		return nil, err
	}
	return d.LogProb(x)
}
