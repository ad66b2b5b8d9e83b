package encoder

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/nn"
)

// Flow is an invertible map z = f(z0; x) that makes a richer posterior of a
// Gaussian one. With z0 ~ N(mu, diag exp logvar),
//
//	log q(z|x) = log N(z0; mu, diag exp logvar) − log|det ∂z/∂z0|
//
// What it knows of x is mu and logvar.
//
// Source: Rezende & Mohamed 2015, eq. 5, arXiv:1505.05770.
type Flow interface {
	// Transform adds the map to the graph of z0, mu and logvar [B,Z] and returns z
	// [B,Z] and log|det ∂z/∂z0| [B]. It is called as Encoder's Encode is.
	Transform(z0, mu, logvar *G.Node) (z, logDet *G.Node, err error)
	// PathLogDensity adds log q(z|x) of z [B,Z] to the graph, [B], with mu, logvar and
	// the flow's parameters held fixed: it passes a gradient to z alone.
	PathLogDensity(z, mu, logvar *G.Node) (*G.Node, error)
	// Params lists what training changes, always in the same order, under names
	// that start with "encoder.".
	Params() []*nn.Param
}

// FlowConfig describes a RealNVP flow.
type FlowConfig struct {
	Layers int    // coupling layers, of which two change each dimension once
	Latent int    // Z, at least 2
	Hidden int    // units of the one hidden layer of each coupling layer
	Init   string // of the hidden layers: pytorch or glorot
}

// RealNVP is a flow of affine coupling layers. Each leaves one half a of the
// dimensions as it is, and moves the other half b by what a, mu and logvar say:
//
//	h  = tanh(W·[a, mu, logvar] + b_h)
//	s  = tanh(W_s·h + b_s)     t = W_t·h + b_t
//	b' = b·exp(s) + t          log|det| = Σ_j s_j
//
// The halves change places from layer to layer. It is inverted by b = (b' −
// t)·exp(−s), layer by layer from the last. The tanh keeps a layer's scales between
// 1/e and e. W_s, W_t and their biases start at zero, and the flow with them as
// the identity.
//
// Source: Dinh, Sohl-Dickstein & Bengio 2017, eq. 7 and 8, arXiv:1605.08803; as
// a posterior of x: Kingma et al. 2016, arXiv:1606.04934.
type RealNVP struct {
	layers []coupling
	latent int
}

// coupling moves dimensions from … to−1; the others are left as they are.
type coupling struct {
	from, to             int
	hidden, scale, shift nn.Linear
}

// NewRealNVP makes a flow of float32 or float64 whose initial weights come from src.
func NewRealNVP(cfg FlowConfig, dt tensor.Dtype, src rand.Source) (*RealNVP, error) {
	if cfg.Layers < 1 || cfg.Hidden < 1 || cfg.Latent < 2 {
		return nil, fmt.Errorf("encoder: a flow of %d layers with %d hidden units on %d latent dimensions, want at least 1, 1 and 2", cfg.Layers, cfg.Hidden, cfg.Latent)
	}
	f := &RealNVP{latent: cfg.Latent}
	for i := range cfg.Layers {
		c := coupling{from: cfg.Latent / 2, to: cfg.Latent}
		if i%2 == 1 {
			c.from, c.to = 0, cfg.Latent/2
		}
		moved := c.to - c.from
		for _, l := range []struct {
			layer   *nn.Linear
			name    string
			out, in int
			act     nn.Activation
		}{
			{&c.hidden, "hidden", cfg.Hidden, 3*cfg.Latent - moved, nn.Tanh},
			{&c.scale, "scale", moved, cfg.Hidden, nn.Tanh},
			{&c.shift, "shift", moved, cfg.Hidden, nn.Identity},
		} {
			var err error
			if *l.layer, err = nn.NewLinear(dt, l.out, l.in, l.act, cfg.Init, src, fmt.Sprintf("encoder.flow.%d.%s", i, l.name)); err != nil {
				return nil, fmt.Errorf("encoder: flow: %w", err)
			}
			if l.name != "hidden" {
				l.layer.W.Value.Zero()
				l.layer.B.Value.Zero()
			}
		}
		f.layers = append(f.layers, c)
	}
	return f, nil
}

// Transform implements Flow.
func (f *RealNVP) Transform(z0, mu, logvar *G.Node) (z, logDet *G.Node, err error) {
	z = z0
	for i, c := range f.layers {
		var det *G.Node
		if z, det, err = c.transform(z, mu, logvar, f.latent, false); err != nil {
			return nil, nil, fmt.Errorf("encoder: coupling layer %d: %w", i, err)
		}
		if logDet == nil {
			logDet = det
		} else if logDet, err = graph.Combine([]float64{1, 1}, logDet, det); err != nil { // [B]
			return nil, nil, fmt.Errorf("encoder: flow: %w", err)
		}
	}
	return z, logDet, nil
}

// PathLogDensity implements Flow: log N(z0; mu, diag exp logvar) − log|det| at the z0
// that the inverse gives.
func (f *RealNVP) PathLogDensity(z, mu, logvar *G.Node) (l *G.Node, err error) {
	for _, n := range []**G.Node{&mu, &logvar} {
		if *n, err = graph.Stop(*n); err != nil {
			return nil, fmt.Errorf("encoder: flow: %w", err)
		}
	}
	terms := make(G.Nodes, len(f.layers)) // −log|det| of each layer
	for i := len(f.layers) - 1; i >= 0; i-- {
		if z, terms[i], err = f.layers[i].transform(z, mu, logvar, f.latent, true); err != nil {
			return nil, fmt.Errorf("encoder: inverse of coupling layer %d: %w", i, err)
		}
	}
	if l, err = dist.GaussianLogDensity(z, mu, logvar); err != nil { // [B]
		return nil, fmt.Errorf("encoder: flow: %w", err)
	}
	for _, t := range terms {
		if l, err = graph.Combine([]float64{1, 1}, l, t); err != nil {
			return nil, fmt.Errorf("encoder: flow: %w", err)
		}
	}
	return l, nil
}

// transform is the layer or, with inverse, its inverse with the weights held fixed;
// logDet is that of the map it is.
func (c coupling) transform(z, mu, logvar *G.Node, latent int, inverse bool) (out, logDet *G.Node, err error) {
	c.hidden.Fixed, c.scale.Fixed, c.shift.Fixed = inverse, inverse, inverse
	low, err := graph.Columns(z, 0, latent/2) // [B,Z/2]
	if err != nil {
		return nil, nil, err
	}
	high, err := graph.Columns(z, latent/2, latent) // [B,Z−Z/2]
	if err != nil {
		return nil, nil, err
	}
	kept, moved := low, high
	if c.from == 0 {
		kept, moved = high, low
	}
	in, err := graph.Join(kept, mu, logvar)
	if err != nil {
		return nil, nil, err
	}
	h, err := c.hidden.Apply(in) // [B,H]
	if err != nil {
		return nil, nil, err
	}
	s, err := c.scale.Apply(h)
	if err != nil {
		return nil, nil, err
	}
	t, err := c.shift.Apply(h)
	if err != nil {
		return nil, nil, err
	}
	if !inverse {
		moved, err = graph.Affine(moved, s, t)
	} else if s, err = graph.Combine([]float64{-1}, s); err == nil {
		moved, err = unshifted(moved, s, t)
	}
	if err != nil {
		return nil, nil, err
	}
	if logDet, err = graph.RowSums(s); err != nil { // [B]
		return nil, nil, err
	}
	if c.from == 0 {
		out, err = graph.Join(moved, kept) // [B,Z]
	} else {
		out, err = graph.Join(kept, moved) // [B,Z]
	}
	return out, logDet, err
}

// unshifted is (b − t)·exp(s).
func unshifted(b, s, t *G.Node) (*G.Node, error) {
	d, err := graph.Combine([]float64{1, -1}, b, t)
	if err != nil {
		return nil, err
	}
	zero, err := graph.Combine([]float64{0}, t)
	if err != nil {
		return nil, err
	}
	return graph.Affine(d, s, zero)
}

// Params implements Flow.
func (f *RealNVP) Params() []*nn.Param {
	var ps []*nn.Param
	for _, c := range f.layers {
		ps = append(ps, nn.MLP{c.hidden, c.scale, c.shift}.Params()...)
	}
	return ps
}

// TransformValue is Transform of one code as plain numbers, the definition: all
// are [Z]. It panics if the lengths differ.
func (f *RealNVP) TransformValue(z0, mu, logvar []float64) (z []float64, logDet float64) {
	z = f.copyOf(z0, mu, logvar)
	for _, c := range f.layers {
		s, t := c.values(z, mu, logvar)
		for j := range s {
			z[c.from+j] = z[c.from+j]*math.Exp(s[j]) + t[j]
			logDet += s[j]
		}
	}
	return z, logDet
}

// InverseValue gives back the z0 that TransformValue takes to z.
func (f *RealNVP) InverseValue(z, mu, logvar []float64) (z0 []float64) {
	z0 = f.copyOf(z, mu, logvar)
	for i := len(f.layers) - 1; i >= 0; i-- {
		c := f.layers[i]
		s, t := c.values(z0, mu, logvar)
		for j := range s {
			z0[c.from+j] = (z0[c.from+j] - t[j]) * math.Exp(-s[j])
		}
	}
	return z0
}

func (f *RealNVP) copyOf(z, mu, logvar []float64) []float64 {
	if len(z) != f.latent || len(mu) != f.latent || len(logvar) != f.latent {
		panic(fmt.Sprintf("encoder: flow: %d, %d and %d dimensions, want %d", len(z), len(mu), len(logvar), f.latent))
	}
	return append([]float64{}, z...)
}

// values are s and t of the dimensions that are moved.
func (c coupling) values(z, mu, logvar []float64) (s, t []float64) {
	in := append(append([]float64{}, z[:c.from]...), z[c.to:]...)
	h := c.hidden.Value(append(append(in, mu...), logvar...))
	for i, v := range h {
		h[i] = math.Tanh(v)
	}
	s, t = c.scale.Value(h), c.shift.Value(h)
	for i, v := range s {
		s[i] = math.Tanh(v)
	}
	return s, t
}
