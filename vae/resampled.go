package vae

import (
	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// addResampled adds the importance-weighted bound of all k draws, with a gradient
// through n of them alone, which are chosen anew by their normalised weights ŵ:
//
//	∇L_k = Σ_i ŵ_i·g_i = E 1/n Σ_j g_c(j),   P(c(j) = i) = ŵ_i
//
// where g_i is the gradient that the estimator has for draw i: d log w_i for iwae, the
// path alone for stl, for dreg as well, for the encoder once more times ŵ_i (see
// lossDReG). So the gradient has the mean that it has without, and costs k forward
// passes and n backward ones. The choice is systematic (graph.Resample), of one number u [B·m,1] for each bound:
// draw i is chosen n·ŵ_i times, rounded up or down.
//
// Source: Burda, Grosse & Salakhutdinov 2016, section 3, arXiv:1509.00519, for n = 1.
func (m *Model) addResampled(in encoded, all *draws, eps, u *G.Node) (loss, cost *G.Node, err error) {
	n := in.o.Backward
	if loss, err = lossIWAE(all); err != nil {
		return nil, nil, err
	}
	logw, err := all.logWeights() // [B·m·k]
	if err != nil {
		return nil, nil, err
	}
	weights, err := graph.Softmax(logw, all.k) // [B·m·k]
	if err != nil {
		return nil, nil, err
	}
	chosen, err := graph.Resample(weights, u, all.k, n) // [B·m·n]
	if err != nil {
		return nil, nil, err
	}
	if eps, err = graph.Take(eps, chosen, all.k); err != nil { // [B·m·n,Noise]
		return nil, nil, err
	}
	d, err := m.drawEach(in, eps, max(in.o.M, 1)*n, true)
	if err != nil {
		return nil, nil, err
	}
	d.k = n
	if weights, err = graph.Take(weights, chosen, all.k); err != nil { // [B·m·n]
		return nil, nil, err
	}
	if d.scale, err = d.scaleOf(weights); err != nil {
		return nil, nil, err
	}
	if logw, err = d.logWeights(); err != nil { // [B·m·n]
		return nil, nil, err
	}
	cost, err = negativeMean(logw)
	return loss, cost, err
}
