// Package nn holds what training changes: parameters, the layers that own them, and how
// they are initialised. A layer adds itself to a Gorgonia graph (Apply); the parameters are
// bound to that graph, so that all graphs of a model share them.
//
// The package knows no distribution and no model. All layers work in float32 and in
// float64, in which gradients are checked.
//
// Sizes: B rows (images), I and O a layer's inputs and outputs.
package nn

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// Param is a tensor that training changes. Every graph of a model binds the same
// Value, so weights are shared and never copied.
type Param struct {
	// Names are those under which the tensor is saved. Usually there is one. A tensor
	// with n names is saved as n tensors, equal parts of it along the first dimension:
	// the heads mu and logvar are computed by one matrix product, yet saved apart.
	Names []string
	// Value holds the numbers, float32 or float64.
	Value *tensor.Dense
	// Frozen keeps training from changing the parameter. It is saved and loaded like any
	// other one. Graphs that were built before Frozen was changed do not know of it.
	Frozen bool
}

// NewParam makes a parameter of zeros under one name.
func NewParam(dt tensor.Dtype, name string, shape ...int) *Param {
	return &Param{Names: []string{name}, Value: tensor.New(tensor.Of(dt), tensor.WithShape(shape...))}
}

// Trained lists the parameters that are not frozen.
func Trained(params []*Param) []*Param {
	var trained []*Param
	for _, p := range params {
		if !p.Frozen {
			trained = append(trained, p)
		}
	}
	return trained
}

// GradientName is the name that Gradients gives the parameter's gradient: "grad " and the
// first of Names.
func (p *Param) GradientName() string { return "grad " + p.Names[0] }

// Gradients adds the gradient of a scalar cost for each parameter that is not frozen to the
// outputs of a program, by its GradientName. One cost of a graph is differentiated. It is an
// error if the cost does not depend on one of the parameters, or if all are frozen.
func Gradients(b *graph.Builder, cost *G.Node, params []*Param) error {
	if params = Trained(params); len(params) == 0 {
		return fmt.Errorf("nn: nothing to train: there is no parameter that is not frozen")
	}
	var wrt G.Nodes
	for _, p := range params {
		wrt = append(wrt, p.Node(b.Graph()))
	}
	grads, err := b.Gradients(cost, wrt...)
	if err != nil {
		return err
	}
	for i, p := range params {
		b.Output(p.GradientName(), grads[i])
	}
	return nil
}

// Node returns the parameter's node in a graph: the one that is there, or a new
// one bound to the numbers of Value. Models whose parameters have the same names may stand
// in one graph.
func (p *Param) Node(g *G.ExprGraph) *G.Node {
	name := p.Names[0]
	if len(p.Names) > 1 {
		name = fmt.Sprint(p.Names)
	}
	n := p.variable(g, name)
	if _, ok := holding.Load(g); ok {
		return G.Must(graph.Stop(n)) // of what is float32 or float64, it cannot fail
	}
	return n
}

func (p *Param) variable(g *G.ExprGraph, name string) *G.Node {
	for _, n := range g.ByName(name) {
		if !n.IsVar() {
			continue
		}
		if v, ok := n.Value().(*tensor.Dense); ok && v.Uintptr() == p.Value.Uintptr() {
			return n
		}
		return p.variable(g, name+"'") // another model's: Gorgonia would make one node of the two
	}
	// A clone shares the numbers, and has a header of its own: a tape machine that is made
	// writes its engine into the headers of its graph's tensors, while that of another
	// graph may run.
	v := p.Value.ShallowClone()
	return G.NewTensor(g, v.Dtype(), v.Dims(), G.WithName(name), G.WithShape(v.Shape()...), G.WithValue(v))
}
