package vae

import (
	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// Importance makes the loss of an importance-weighted bound of k draws an image, or of the
// mean of m such bounds:
//
//	loss = −mean_i 1/m Σ_m log 1/k Σ_k w_imk
//
// (Burda, Grosse & Salakhutdinov 2016, eq. 8, arXiv:1509.00519). The walk says along which
// way log w passes its gradient. If the walk is Scaled, scale says what the gradient of each
// draw's codes is multiplied by: it makes the factors [R] of the normalised weights ŵ [R].
//
// With o.Backward = n the gradient goes through n of the k draws alone, which are chosen
// anew by their normalised weights:
//
//	∇L_k = Σ_i ŵ_i·g_i = E 1/n Σ_j g_c(j),   P(c(j) = i) = ŵ_i
//
// where g_i is the gradient of draw i by the walk and scale. The mean of the gradient is the
// same, and it costs k forward passes and n backward ones. The choice is systematic
// (graph.Resample), made by one number u [B·m,1] for each bound: draw i is chosen n·ŵ_i
// times, rounded up or down. (Burda et al., section 3, for n = 1.)
func (p *Pass) Importance(o Objective, walk Walk, scale func(weights *G.Node) (*G.Node, error)) (l LossNodes, err error) {
	k, n := max(o.K, 1), o.Backward
	first := walk
	if n > 0 { // no gradient will be asked for
		first = Walk{Densities: true}
	}
	t, err := p.Trace(p.Eps, o.Samples(), first)
	if err != nil {
		return l, err
	}
	all := scale
	if n > 0 {
		all = nil
	}
	loss, err := p.weighted(t, k, all)
	if err != nil {
		return l, err
	}
	var cost *G.Node
	if n > 0 {
		if cost, err = p.resampled(t, o, walk, scale); err != nil {
			return l, err
		}
	}
	l, err = t.LossNodes(loss)
	l.Cost = cost
	return l, err
}

// weighted is the loss of all draws of a trace, k in a bound.
func (p *Pass) weighted(t *Trace, k int, scale func(weights *G.Node) (*G.Node, error)) (*G.Node, error) {
	logw, err := t.LogWeights(p.Beta, p.Share) // [B·m·k]
	if err != nil {
		return nil, err
	}
	if scale != nil {
		weights, err := graph.Softmax(logw, k) // [B·m·k]
		if err != nil {
			return nil, err
		}
		if t.Scale, err = scale(weights); err != nil {
			return nil, err
		}
	}
	bound, err := graph.LogMeanExp(logw, k) // [B·m]
	if err != nil {
		return nil, err
	}
	return NegativeMean(bound)
}

// resampled is a cost with the gradient through some of the draws.
func (p *Pass) resampled(all *Trace, o Objective, walk Walk, scale func(weights *G.Node) (*G.Node, error)) (*G.Node, error) {
	k, n := max(o.K, 1), o.Backward
	logw, err := all.LogWeights(p.Beta, p.Share) // [B·m·k]
	if err != nil {
		return nil, err
	}
	weights, err := graph.Softmax(logw, k) // [B·m·k]
	if err != nil {
		return nil, err
	}
	chosen, err := graph.Resample(weights, p.U, k, n) // [B·m·n]
	if err != nil {
		return nil, err
	}
	eps, err := graph.Take(p.Eps, chosen, k) // [B·m·n,Noise]
	if err != nil {
		return nil, err
	}
	t, err := p.Trace(eps, max(o.M, 1)*n, walk)
	if err != nil {
		return nil, err
	}
	if weights, err = graph.Take(weights, chosen, k); err != nil { // [B·m·n]
		return nil, err
	}
	if scale == nil {
		scale = func(weights *G.Node) (*G.Node, error) { return weights, nil }
	}
	if t.Scale, err = scale(weights); err != nil {
		return nil, err
	}
	if logw, err = t.LogWeights(p.Beta, p.Share); err != nil { // [B·m·n]
		return nil, err
	}
	return NegativeMean(logw)
}

// LossNodes is a loss [scalar] that was made from the trace, and the means of distortion and rate
// over all of its draws.
func (t *Trace) LossNodes(loss *G.Node) (LossNodes, error) {
	l := LossNodes{Loss: loss, Trace: t}
	distortion, err := t.Distortion()
	if err != nil {
		return l, err
	}
	if l.Distortion, err = graph.Mean(distortion); err != nil {
		return l, err
	}
	rate, err := t.Rate()
	if err != nil {
		return l, err
	}
	l.Rate, err = graph.Mean(rate)
	return l, err
}
