package graph

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Builder collects the parts of a Program while its graph is built.
type Builder struct {
	g       *G.ExprGraph
	dt      tensor.Dtype
	inputs  []*input
	scalars []scalar
	outputs []output
	cost    *G.Node // that was differentiated
	err     error
}

type input struct {
	Input
	node *G.Node
	side [2]*tensor.Dense // buffers, by turns
	bind *tensor.Dense    // what the graph reads
}

type scalar struct {
	name string
	node *G.Node
}

type output struct {
	name  string
	node  *G.Node
	value *G.Value
}

// Input describes an input of a Program.
type Input struct {
	Name  string
	Shape tensor.Shape
	Noise Noise
	// Stream names the random stream of an input of noise.
	Stream string
}

// Noise is what an input is to be filled with.
type Noise uint8

const (
	Data    Noise = iota // no noise: data
	Normal               // independent draws from N(0,1)
	Uniform              // independent draws from the uniform distribution on [0,1)
)

// Graph is the graph under construction.
func (b *Builder) Graph() *G.ExprGraph { return b.g }

// Dtype is the precision of inputs and scalars: tensor.Float32 or tensor.Float64.
func (b *Builder) Dtype() tensor.Dtype { return b.dt }

// Input adds an input of data, zeros until it is filled. Two inputs or scalars of one name
// are an error of Compile, and so are no sizes, a negative one, or an input too large for any
// machine.
func (b *Builder) Input(name string, shape ...int) *G.Node {
	return b.add(Input{Name: name, Shape: shape})
}

// Random adds an input of noise, which whoever runs the program draws from the stream of
// that name. A stream is a function of the run's seed, its name and the step: inputs of one
// stream, of one program or of several, get the same numbers in a step, and inputs of
// different streams independent ones. The steps of package vae draw eps from the stream
// "eps" and u from "resample", so a name of one's own is another one, unless the noise is to
// be theirs.
func (b *Builder) Random(name, stream string, noise Noise, shape ...int) *G.Node {
	return b.add(Input{Name: name, Shape: shape, Noise: noise, Stream: stream})
}

func (b *Builder) add(in Input) *G.Node {
	b.unique(in.Name)
	err := checkSize(in.Shape)
	if err == nil && len(in.Shape) == 0 {
		err = errors.New("no sizes, want at least one: a single number is a Scalar")
	}
	if err != nil {
		err = fmt.Errorf("graph: input %q: %w", in.Name, err)
		b.err = cmp.Or(b.err, err)
		return missing(err)
	}
	v := tensor.New(tensor.Of(b.dt), tensor.WithShape(in.Shape...))
	n := G.NewTensor(b.g, b.dt, len(in.Shape), G.WithName(in.Name), G.WithShape(in.Shape...), G.WithValue(v))
	b.inputs = append(b.inputs, &input{Input: in, node: n, side: [2]*tensor.Dense{v}, bind: v})
	return n
}

// Scalar adds a number that is set by its name, and is v until then.
func (b *Builder) Scalar(name string, v float64) *G.Node {
	b.unique(name)
	n := scalarNode(b.g, b.dt, name, v)
	b.scalars = append(b.scalars, scalar{name, n})
	return n
}

// seed is the name of the node that a gradient starts from, the derivative of the cost along
// itself.
const seed = "dcost/dcost"

// unique keeps an error if an input has that name: Gorgonia would silently make one node
// of two.
func (b *Builder) unique(name string) {
	if name == seed && b.err == nil {
		b.err = fmt.Errorf("graph: an input named %q, which is the name of a node of Gradients", name)
	}
	for _, n := range b.g.ByName(name) {
		if n.IsVar() && b.err == nil {
			b.err = fmt.Errorf("graph: two inputs named %q", name)
		}
	}
}

// Output makes the value of a node an output of the program. No node, or a second output of
// that name, is an error of Compile.
func (b *Builder) Output(name string, n *G.Node) {
	if err := sound(b.g, n); b.err == nil && err != nil {
		b.err = fmt.Errorf("graph: output %q is %w", name, err)
	}
	if b.err == nil && slices.ContainsFunc(b.outputs, func(o output) bool { return o.name == name }) {
		b.err = fmt.Errorf("graph: two outputs named %q", name)
	}
	b.outputs = append(b.outputs, output{name: name, node: n, value: new(G.Value)})
}

// Gradients adds the gradients of a scalar cost with respect to nodes of its graph, a
// node each. It is an error if the cost is no scalar, if there are no nodes, or if the cost
// does not depend on one of them. One cost of a graph is differentiated, and a second one is
// an error: Gorgonia keeps the derivatives in the nodes, and would silently give those of the
// first cost.
//
// It does what gorgonia.Grad does, but starts from a node of this graph where Grad
// starts from one that all graphs of the process share, which two trainings at once
// would both write to.
func (b *Builder) Gradients(cost *G.Node, wrt ...*G.Node) (G.Nodes, error) {
	if b.cost != nil {
		return nil, fmt.Errorf("graph: a second cost is differentiated: make a program for each")
	}
	for _, n := range append([]*G.Node{cost}, wrt...) {
		if err := sound(b.g, n); err != nil {
			return nil, fmt.Errorf("graph: differentiate the cost: %w", err)
		}
	}
	switch {
	case !cost.IsScalar():
		return nil, fmt.Errorf("graph: differentiate a cost of shape %v, want a scalar", cost.Shape())
	case len(wrt) == 0:
		return nil, fmt.Errorf("graph: differentiate the cost with respect to no node")
	}
	b.cost = cost
	one := scalarNode(b.g, cost.Dtype(), seed, 1)
	grads, err := G.Backpropagate(G.Nodes{cost}, G.Nodes{one}, wrt)
	if d := (G.SymDiffError{}); errors.As(err, &d) && strings.HasPrefix(err.Error(), "Non Differentiable WRTs") {
		var names []string
		for _, n := range d.Nodes() {
			names = append(names, n.Name())
		}
		slices.Sort(names)
		return nil, fmt.Errorf("graph: differentiate the cost: it does not depend on %s: freeze it, or leave it out", strings.Join(names, ", "))
	} else if err != nil {
		return nil, fmt.Errorf("graph: differentiate the cost: %w", err)
	}
	return grads, nil
}

func scalarNode(g *G.ExprGraph, dt tensor.Dtype, name string, v float64) *G.Node {
	return G.NewScalar(g, dt, G.WithName(name), G.WithValue(number(dt, v)))
}

func number(dt tensor.Dtype, v float64) any {
	if dt == tensor.Float64 {
		return v
	}
	return float32(v)
}
