package dist

import (
	"fmt"
	"math/rand/v2"
	"slices"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/nn"
)

// Flow is an invertible map z = f(z0; c) of codes, given a condition c.
//
// Source: Rezende & Mohamed 2015, eq. 5, arXiv:1505.05770.
type Flow interface {
	// Transform adds the map to the graph of z0 [R,Z] and the condition [R,·], nil for
	// none, and returns z [R,Z] and log|det ∂z/∂z0| [R].
	Transform(z0, cond *G.Node) (z, logDet *G.Node, err error)
	// Inverse adds the inverse map, and returns z0 [R,Z] and the terms, each [R], whose
	// sum is log|det ∂z0/∂z|.
	Inverse(z, cond *G.Node) (z0 *G.Node, logDets []*G.Node, err error)
	// Fixed is the flow with parameters that no gradient is passed to.
	Fixed() Flow
	// TransformValue and InverseValue are the same of one code as plain numbers, [Z], with
	// the logarithm of the determinant of the map that each is.
	TransformValue(z0, cond []float64) (z []float64, logDet float64)
	InverseValue(z, cond []float64) (z0 []float64, logDet float64)
	// Params lists what training changes, always in the same order.
	Params() []*nn.Param
}

// Transformed is the family of what a flow makes of another one, its condition being the
// parameters of that one:
//
//	z = f(z0; h),  z0 ~ Base(h)     log q(z) = log q0(z0) − log|det ∂z/∂z0|
//
// With Normal as base and encoder.MLP as network it is a posterior richer than a Gaussian.
type Transformed struct {
	Base Code
	Flow Flow
}

// Validate returns an error if there is no base or no flow, or if the base is of other than real
// numbers or those from 0 to 1: the density is that of a smooth map.
func (t Transformed) Validate() error {
	if t.Base == nil || t.Flow == nil {
		return fmt.Errorf("dist: a flow %v on a base %v, want both", t.Flow, t.Base)
	}
	if err := validate(t.Base); err != nil {
		return err
	}
	if d := t.Base.Domain(); d != Real && d != Unit {
		return fmt.Errorf("dist: a flow on the %s posterior, which is of %s: want one of real numbers", t.Base.Name(), domains[d].name)
	}
	return nil
}

// Name implements Family.
func (t Transformed) Name() string { return t.Base.Name() + "+flow" }

// Domain implements Family.
func (Transformed) Domain() Domain { return Real }

// Outputs implements Family: those of Base.
func (t Transformed) Outputs(dim int) int { return t.Base.Outputs(dim) }

// Noise implements Code: that of Base.
func (t Transformed) Noise(dim int) int { return t.Base.Noise(dim) }

// Params implements Family: those of Base, then of Flow.
func (t Transformed) Params() []*nn.Param { return append(t.Base.Params(), t.Flow.Params()...) }

// On implements Family; it is a *TransformedBatch.
func (t Transformed) On(params *G.Node) (Dist, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	base, err := t.Base.On(params)
	if err != nil {
		return nil, err
	}
	return &TransformedBatch{Base: base, Flow: t.Flow, Cond: params, again: t.Base.On}, nil
}

// At implements Family; it is a TransformedValue.
func (t Transformed) At(params []float64) Value {
	return TransformedValue{t.Base.At(params), t.Flow, params}
}

// TransformedBatch is what a flow makes of a batch of distributions.
type TransformedBatch struct {
	Base Dist // to be drawn, a Drawable
	Flow Flow
	Cond *G.Node // [R,·], nil for none

	again func(params *G.Node) (Dist, error) // the base, of other parameters
}

// LogProb implements Dist, by the inverse of the flow.
func (t *TransformedBatch) LogProb(z *G.Node) (*G.Node, error) {
	return density(z, t.Base, t.Flow, t.Cond)
}

// density is log p(z0) + log|det ∂z0/∂z| at the z0 that the inverse of the flow gives.
func density(z *G.Node, base Dist, flow Flow, cond *G.Node) (*G.Node, error) {
	z0, logDets, err := flow.Inverse(z, cond)
	if err != nil {
		return nil, err
	}
	l, err := base.LogProb(z0) // [R]
	for _, d := range logDets {
		if err != nil {
			break
		}
		l, err = graph.Combine([]float64{1, 1}, l, d)
	}
	return l, err
}

// Center implements Drawable: what the flow makes of the base's.
func (t *TransformedBatch) Center() (*G.Node, error) {
	base, err := t.drawable()
	if err != nil {
		return nil, err
	}
	z0, err := base.Center()
	if err != nil {
		return nil, err
	}
	z, _, err := t.Flow.Transform(z0, t.Cond)
	return z, err
}

func (t *TransformedBatch) drawable() (Drawable, error) {
	base, ok := t.Base.(Drawable)
	if !ok {
		return nil, fmt.Errorf("dist: a flow on %T, which can't be drawn", t.Base)
	}
	return base, nil
}

// Draw implements Drawable.
func (t *TransformedBatch) Draw(eps *G.Node) (*Draw, error) {
	base, err := t.drawable()
	if err != nil {
		return nil, err
	}
	d0, err := base.Draw(eps)
	if err != nil {
		return nil, err
	}
	z, logDet, err := t.Flow.Transform(d0.Z, t.Cond)
	if err != nil {
		return nil, err
	}
	return &Draw{Z: z, Eps: eps,
		LogProb: func() (*G.Node, error) {
			l, err := d0.LogProb()
			if err != nil {
				return nil, err
			}
			return graph.Combine([]float64{1, -1}, l, logDet)
		},
		PathLogProb: t.path,
	}, nil
}

// path is the density with all parameters held fixed, those of the base too.
func (t *TransformedBatch) path(z *G.Node) (*G.Node, error) {
	if t.again == nil {
		return density(z, t.Base, t.Flow.Fixed(), t.Cond)
	}
	h, err := graph.Stop(t.Cond)
	if err != nil {
		return nil, err
	}
	base, err := t.again(h)
	if err != nil {
		return nil, err
	}
	return density(z, base, t.Flow.Fixed(), h)
}

// TransformedValue is what a flow makes of a distribution, as plain numbers.
type TransformedValue struct {
	Base Value
	Flow Flow
	Cond []float64
}

// LogProb implements Value.
func (t TransformedValue) LogProb(z []float64) float64 {
	z0, logDet := t.Flow.InverseValue(z, t.Cond)
	return t.Base.LogProb(z0) + logDet
}

// Mean implements Value: what the flow makes of the base's mean.
func (t TransformedValue) Mean() []float64 {
	z, _ := t.Flow.TransformValue(t.Base.Mean(), t.Cond)
	return z
}

// Sample implements Value.
func (t TransformedValue) Sample(src rand.Source) []float64 {
	z, _ := t.Flow.TransformValue(t.Base.Sample(src), t.Cond)
	return z
}

// FlowPrior is the prior of what a flow makes of another one, whatever the labels are to the
// flow:
//
//	z = f(z0),  z0 ~ Base     log p(z) = log p0(z0) − log|det ∂z/∂z0|
type FlowPrior struct {
	Dim  int // Z
	Flow Flow
	Base Prior // of real numbers; nil for N(0,I)
}

// Validate returns an error if there is no flow, or if the base is of other than real numbers.
func (p FlowPrior) Validate() error {
	if p.Flow == nil || p.Dim < 1 {
		return fmt.Errorf("dist: a flow prior of %d dimensions with the flow %v, want at least 1 and a flow", p.Dim, p.Flow)
	}
	if err := validate(p.Base); err != nil {
		return err
	}
	if says, ok := p.Base.(interface{ Domain() Domain }); ok && says.Domain() != Real {
		return fmt.Errorf("dist: a flow on the %s prior, which is of %s: want one of real numbers", p.Base.Name(), domains[says.Domain()].name)
	}
	return nil
}

func (p FlowPrior) base() Prior {
	if p.Base == nil {
		return StandardNormal{p.Dim}
	}
	return p.Base
}

// Name implements Prior.
func (FlowPrior) Name() string { return "flow" }

// Params implements Prior: the base's, then the flow's.
func (p FlowPrior) Params() []*nn.Param { return slices.Concat(p.base().Params(), p.Flow.Params()) }

// On implements Prior: a *TransformedBatch.
func (p FlowPrior) On(g *G.ExprGraph, y *G.Node) (Dist, error) {
	base, err := p.base().On(g, y)
	if err != nil {
		return nil, err
	}
	return &TransformedBatch{Base: base, Flow: p.Flow}, nil
}

// At implements Prior: a TransformedValue.
func (p FlowPrior) At(y []float64) (Value, error) {
	base, err := p.base().At(y)
	return TransformedValue{base, p.Flow, nil}, err
}

// Sample implements Prior; the temperature is that of the base.
func (p FlowPrior) Sample(n int, y []float32, temperature float64, src rand.Source) ([]float32, error) {
	z0, err := p.base().Sample(n, y, temperature, src)
	if err == nil && len(z0) != n*p.Dim {
		return nil, fmt.Errorf("dist: a flow on the %s prior, which draws %d codes of %d dimensions as %d numbers", p.base().Name(), n, p.Dim, len(z0))
	}
	for i := 0; i < len(z0); i += p.Dim {
		row := make([]float64, p.Dim)
		for j := range row {
			row[j] = float64(z0[i+j])
		}
		z, _ := p.Flow.TransformValue(row, nil)
		for j, v := range z {
			z0[i+j] = float32(v)
		}
	}
	return z0, err
}
