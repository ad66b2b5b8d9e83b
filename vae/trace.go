package vae

import (
	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
)

// Walk says what a Trace of the model adds to the graph on its way up.
type Walk struct {
	// Densities adds log q(z|x) and log p(z) of the draws. Without them a Trace has the
	// draw of the first code alone.
	Densities bool
	// Path has log q(z|x) pass a gradient to the codes and none to q's parameters: the
	// score is left out.
	Path bool
	// Scaled multiplies the gradient of each draw's codes by its number of Trace.Scale, on
	// the way from the densities to q's parameters, and once only. So an encoder above
	// reads the code before that point, and the density of its code reads it after.
	Scaled bool
}

// Trace is the one walk through the stochastic layers of a model, on the graph of R rows:
// R = B·k draws of the latent codes, k for each of B images, and the three densities that
// every bound on log p(x) is made of:
//
//	log w = log p(x|z) + log p(z) − log q(z|x)
//
// With several stochastic layers z = (z_1, …, z_L), and
//
//	log p(z) = log p(z_L) + Σ_l log p(z_l|z_l+1)
//	log q(z|x) = log q(z_1|x) + Σ_l log q(z_l+1|z_l)
type Trace struct {
	K    int          // draws of each image, which stand in neighbouring rows
	X, Y *G.Node      // [R,X], and labels [R,Labels], nil for none
	Q    dist.Dist    // q(z_1|x)
	Draw []*dist.Draw // of each layer
	Z    []*G.Node    // codes of each layer, [R,Z_l]

	LogPrior *G.Node // [R], log p(z)
	LogQ     *G.Node // [R], log q(z|x)
	LogQ1    *G.Node // [R], log q(z_1|x)
	LogP1    *G.Node // [R], log p(z_1|z_2), of the topmost code log p(z_1)

	// Scale is what the gradient of z is multiplied by, [R], if the Walk is Scaled. It is
	// set before the graph is differentiated, and may itself depend on z.
	Scale *G.Node

	m          *Model
	walk       Walk
	distortion *G.Node
	params     *G.Node // of p(x|z)
}

// trace adds the draws of the codes to the graph of x [R,X], the distributions q(z_1|x) of
// its rows, and the noise eps [R,Noise] of all layers, first layer first.
func (m *Model) trace(q dist.Dist, x, y, eps *G.Node, walk Walk) (*Trace, error) {
	t := &Trace{K: 1, X: x, Y: y, Q: q, m: m, walk: walk}
	e, err := m.noiseOf(eps, 0)
	if err != nil {
		return nil, err
	}
	d, err := draw(q, e, m.latent) // [R,Z]
	if err != nil {
		return nil, err
	}
	below, err := t.add(d)
	if err != nil || !walk.Densities {
		return t, err
	}
	logQ, err := t.logQ(0, nil)
	if err != nil {
		return nil, err
	}
	if err := t.up(below, eps, logQ); err != nil {
		return nil, err
	}
	_, err = t.Distortion()
	return t, err
}

// noiseOf is the noise of layer l, counted from 0, [R,noises[l]], in that of the layers
// from first on.
func (m *Model) noiseOf(eps *G.Node, l int) (*G.Node, error) {
	if len(m.q) == 1 {
		return eps, nil
	}
	at := eps.Shape()[1] - m.noise // below 0 if eps starts above the first layer
	for _, n := range m.noises[:l] {
		at += n
	}
	return graph.Columns(eps, at, at+m.noises[l])
}

// add appends a draw, and returns its code before the gradient is scaled.
func (t *Trace) add(draw *dist.Draw) (below *G.Node, err error) {
	z := draw.Z
	if t.walk.Scaled {
		if z, err = graph.ScaleGrad(z, func() *G.Node { return t.Scale }); err != nil {
			return nil, err
		}
	}
	t.Draw, t.Z = append(t.Draw, draw), append(t.Z, z)
	return draw.Z, nil
}

// Params are the parameters of p(x|z_1), [R,Outputs].
func (t *Trace) Params() (*G.Node, error) {
	if t.params != nil {
		return t.params, nil
	}
	var err error
	t.params, err = apply(t.m.p.Net, t.Z[0], t.Y)
	return t.params, err
}

// Distortion is −log p(x|z_1): [R].
func (t *Trace) Distortion() (*G.Node, error) {
	if t.distortion != nil {
		return t.distortion, nil
	}
	params, err := t.Params()
	if err != nil {
		return nil, err
	}
	p, err := batchOf(t.m.p.Family, params)
	if err != nil {
		return nil, err
	}
	t.distortion, err = density(p, func(x *G.Node) (*G.Node, error) { return dist.NegLogProb(p, x) }, t.X)
	return t.distortion, err
}
