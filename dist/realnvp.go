package dist

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/nn"
)

// FlowConfig describes a RealNVP flow.
type FlowConfig struct {
	Name   string // that the names of the parameters start with, such as encoder.flow or prior.flow
	Cond   int    // width of the condition, 0 for none
	Layers int    // coupling layers, of which two change each dimension once
	Latent int    // Z, at least 2
	Hidden int    // units of the one hidden layer of each coupling layer
	Init   string // of the hidden layers: a name that nn.Inits lists
}

// RealNVP is a flow of affine coupling layers. Each leaves one half a of the
// dimensions as it is, and moves the other half b by what a and a condition c say, which for a
// posterior are the parameters mu and logvar of the Gaussian that it starts from:
//
//	h  = tanh(W·[a, c] + b_h)
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
	layers       []coupling
	latent, cond int
	fixed        bool
}

// coupling moves dimensions from … to−1; the others are left as they are.
type coupling struct {
	from, to             int
	hidden, scale, shift nn.Linear
}

// NewRealNVP makes a flow of float32 or float64 whose initial weights come from src.
func NewRealNVP(cfg FlowConfig, dt tensor.Dtype, src rand.Source) (*RealNVP, error) {
	if cfg.Layers < 1 || cfg.Hidden < 1 || cfg.Latent < 2 {
		return nil, fmt.Errorf("dist: a flow of %d layers with %d hidden units on %d latent dimensions, want at least 1, 1 and 2", cfg.Layers, cfg.Hidden, cfg.Latent)
	}
	f := &RealNVP{latent: cfg.Latent, cond: cfg.Cond}
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
			{&c.hidden, "hidden", cfg.Hidden, cfg.Latent - moved + cfg.Cond, nn.Tanh},
			{&c.scale, "scale", moved, cfg.Hidden, nn.Tanh},
			{&c.shift, "shift", moved, cfg.Hidden, nn.Identity},
		} {
			var err error
			if *l.layer, err = nn.NewLinear(dt, l.out, l.in, l.act, cfg.Init, src, fmt.Sprintf("%s.%d.%s", cfg.Name, i, l.name)); err != nil {
				return nil, fmt.Errorf("dist: flow: %w", err)
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

// Fixed implements Flow.
func (f *RealNVP) Fixed() Flow {
	fixed := *f
	fixed.fixed = true
	return &fixed
}

// Transform implements Flow.
func (f *RealNVP) Transform(z0, cond *G.Node) (z, logDet *G.Node, err error) {
	z = z0
	for i, c := range f.layers {
		var det *G.Node
		if z, det, err = f.apply(c, z, cond, false); err != nil {
			return nil, nil, fmt.Errorf("dist: coupling layer %d: %w", i, err)
		}
		if logDet == nil {
			logDet = det
		} else if logDet, err = graph.Combine([]float64{1, 1}, logDet, det); err != nil { // [R]
			return nil, nil, fmt.Errorf("dist: flow: %w", err)
		}
	}
	return z, logDet, nil
}

// Inverse implements Flow.
func (f *RealNVP) Inverse(z, cond *G.Node) (z0 *G.Node, logDets []*G.Node, err error) {
	logDets = make([]*G.Node, len(f.layers))
	for i := len(f.layers) - 1; i >= 0; i-- {
		if z, logDets[i], err = f.apply(f.layers[i], z, cond, true); err != nil {
			return nil, nil, fmt.Errorf("dist: inverse of coupling layer %d: %w", i, err)
		}
	}
	return z, logDets, nil
}

// apply is a layer or, with inverse, its inverse; logDet is that of the map it is.
func (f *RealNVP) apply(c coupling, z, cond *G.Node, inverse bool) (out, logDet *G.Node, err error) {
	c.hidden.Fixed, c.scale.Fixed, c.shift.Fixed = f.fixed, f.fixed, f.fixed
	latent := f.latent
	low, err := graph.Columns(z, 0, latent/2) // [R,Z/2]
	if err != nil {
		return nil, nil, err
	}
	high, err := graph.Columns(z, latent/2, latent) // [R,Z−Z/2]
	if err != nil {
		return nil, nil, err
	}
	kept, moved := low, high
	if c.from == 0 {
		kept, moved = high, low
	}
	in := kept
	if f.cond > 0 {
		if in, err = graph.Join(kept, cond); err != nil {
			return nil, nil, err
		}
	}
	h, err := c.hidden.Apply(in) // [R,H]
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
	if logDet, err = graph.RowSums(s); err != nil { // [R]
		return nil, nil, err
	}
	if c.from == 0 {
		out, err = graph.Join(moved, kept) // [R,Z]
	} else {
		out, err = graph.Join(kept, moved) // [R,Z]
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

// TransformValue implements Flow. It panics if a length is wrong.
func (f *RealNVP) TransformValue(z0, cond []float64) (z []float64, logDet float64) {
	z = f.copyOf(z0, cond)
	for _, c := range f.layers {
		s, t := c.values(z, cond)
		for j := range s {
			z[c.from+j] = z[c.from+j]*math.Exp(s[j]) + t[j]
			logDet += s[j]
		}
	}
	return z, logDet
}

// InverseValue implements Flow. It panics if a length is wrong.
func (f *RealNVP) InverseValue(z, cond []float64) (z0 []float64, logDet float64) {
	z0 = f.copyOf(z, cond)
	for i := len(f.layers) - 1; i >= 0; i-- {
		c := f.layers[i]
		s, t := c.values(z0, cond)
		for j := range s {
			z0[c.from+j] = (z0[c.from+j] - t[j]) * math.Exp(-s[j])
			logDet -= s[j]
		}
	}
	return z0, logDet
}

func (f *RealNVP) copyOf(z, cond []float64) []float64 {
	if len(z) != f.latent || len(cond) != f.cond {
		panic(fmt.Sprintf("dist: flow: %d dimensions and a condition of %d, want %d and %d", len(z), len(cond), f.latent, f.cond))
	}
	return append([]float64{}, z...)
}

// values are s and t of the dimensions that are moved.
func (c coupling) values(z, cond []float64) (s, t []float64) {
	in := append(append([]float64{}, z[:c.from]...), z[c.to:]...)
	h := c.hidden.Value(append(in, cond...))
	return c.scale.Value(h), c.shift.Value(h)
}
