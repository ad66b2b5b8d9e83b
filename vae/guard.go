package vae

import (
	"fmt"
	"reflect"
	"slices"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/internal/panics"
	"govae/nn"
)

// asked is what a part gives. A part may be anybody's, so a panic in it, or nothing given, is
// an error that names it.
func asked[T any](part string, give func() (T, error)) (t T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("vae: %s: %w", part, panics.Error(r))
		}
	}()
	if t, err = give(); err == nil && absent(t) {
		err = fmt.Errorf("vae: %s gives nil", part)
	}
	return t, err
}

// absent reports whether there is no thing, or a nil pointer or function in its place.
func absent(thing any) bool {
	v := reflect.ValueOf(thing)
	return !v.IsValid() || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}

// node is asked for a node of that shape.
func node(part string, add func() (*G.Node, error), shape ...int) (*G.Node, error) {
	n, err := asked(part, add)
	if err == nil && !slices.Equal(n.Shape(), shape) {
		err = fmt.Errorf("vae: %s gives a node of shape %v, want %v", part, n.Shape(), shape)
	}
	return n, err
}

// apply adds a network to the graph of x, and of y if the network takes labels: [R,Out].
func apply(net nn.Network, x, y *G.Node) (*G.Node, error) {
	_, labels, out := net.Dims()
	if labels == 0 {
		y = nil
	}
	return node(fmt.Sprintf("network %T", net), func() (*G.Node, error) { return net.Apply(x, y) }, x.Shape()[0], out)
}

// batchOf is what a family makes of parameters on the graph.
func batchOf(f dist.Family, params *G.Node) (dist.Dist, error) {
	return asked("distribution "+f.Name(), func() (dist.Dist, error) { return f.On(params) })
}

func (m *Model) priorOn(g *G.ExprGraph, y *G.Node) (dist.Dist, error) {
	return asked("prior "+m.prior.Name(), func() (p dist.Dist, err error) {
		if p, err = m.prior.On(g, y); err != nil {
			err = fmt.Errorf("vae: prior: %w", err)
		}
		return p, err
	})
}

// draw adds a draw of codes of dim numbers.
func draw(q dist.Dist, eps *G.Node, dim int) (*dist.Draw, error) {
	drawable, ok := q.(dist.Drawable)
	if !ok {
		return nil, fmt.Errorf("vae: q(z|x) is %T, which can't be drawn", q)
	}
	d, err := asked(fmt.Sprintf("Draw of %T", q), func() (*dist.Draw, error) { return drawable.Draw(eps) })
	if err != nil {
		return nil, err
	}
	_, err = node(fmt.Sprintf("Draw of %T", q), func() (*G.Node, error) { return d.Z, nil }, eps.Shape()[0], dim)
	return d, err
}

// density adds the log-density of rows z, or its negative: [R].
func density(of any, add func(z *G.Node) (*G.Node, error), z *G.Node) (*G.Node, error) {
	return node(fmt.Sprintf("LogProb of %T", of), func() (*G.Node, error) { return add(z) }, z.Shape()[0])
}

// check returns an error unless all that an objective gives is there, each one number.
func (l LossNodes) check() error {
	for _, t := range append([]Term{{Name: "Loss", Value: l.Loss}, {Name: "Cost", Value: l.Cost}, {Name: "Distortion", Value: l.Distortion}, {Name: "Rate", Value: l.Rate}}, l.Terms...) {
		switch {
		case t.Name == "":
			return fmt.Errorf("a term without a name")
		case t.Value == nil:
			return fmt.Errorf("no node %q", t.Name)
		case t.Value.Shape().TotalSize() != 1:
			return fmt.Errorf("%q of shape %v, want a scalar", t.Name, t.Value.Shape())
		}
	}
	return nil
}
