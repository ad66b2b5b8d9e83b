package vae

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// The densities of a Trace: what every bound but the analytic ELBO is made of.

// logQ is log q of layer l, [R]. Without the score, the densities of the layers above are
// made by their networks with all parameters held fixed.
func (t *Trace) logQ(l int, given *G.Node) (*G.Node, error) {
	d, z := t.Draw[l], t.Z[l]
	switch {
	case !t.walk.Path && d.LogProb == nil || t.walk.Path && l == 0 && d.PathLogProb == nil:
		return nil, fmt.Errorf("vae: a draw of the %s posterior without a density: want LogProb and PathLogProb of dist.Draw", t.m.q[l].Family.Name())
	case !t.walk.Path:
		return density(t.m.q[l].Family, func(*G.Node) (*G.Node, error) { return d.LogProb() }, z)
	case l == 0:
		return density(t.m.q[l].Family, d.PathLogProb, z)
	}
	q, err := on(t.m.q[l].Fixed(), given, t.Y)
	if err != nil {
		return nil, err
	}
	return density(q, q.LogProb, z)
}

// up draws the codes above the first, and sums up the densities. logQ is log q(z_1|x), nil
// if z_1 is given.
func (t *Trace) up(below, eps, logQ *G.Node) (err error) {
	m := t.m
	var logQs []*G.Node // [R] each
	if logQ != nil {
		logQs = append(logQs, logQ)
	}
	for l := 1; l < len(m.q); l++ {
		q, err := on(m.q[l], below, t.Y)
		if err != nil {
			return err
		}
		e, err := m.noiseOf(eps, l)
		if err != nil {
			return err
		}
		d, err := draw(q, e, m.latents[l]) // [R,Z_l]
		if err != nil {
			return err
		}
		if below, err = t.add(d); err != nil {
			return err
		}
		lq, err := t.logQ(l, t.Z[l-1])
		if err != nil {
			return err
		}
		logQs = append(logQs, lq)
	}
	logPs, err := t.logPriors()
	if err != nil {
		return err
	}
	t.LogP1 = logPs[0]
	t.LogQ1 = logQ
	if t.LogPrior, err = total(logPs); err != nil {
		return err
	}
	t.LogQ, err = total(logQs)
	return err
}

// logPriors is log p of each code, [R], the last one the topmost: log p(z_l|z_l+1) and
// log p(z_L).
func (t *Trace) logPriors() (logP []*G.Node, err error) {
	top := t.Z[len(t.Z)-1]
	for l, gen := range t.m.gens {
		p, err := on(gen, t.Z[l+1], t.Y)
		if err != nil {
			return nil, err
		}
		lp, err := density(p, p.LogProb, t.Z[l])
		if err != nil {
			return nil, err
		}
		logP = append(logP, lp)
	}
	prior, err := t.m.priorOn(top.Graph(), t.Y)
	if err != nil {
		return nil, err
	}
	lp, err := density(prior, prior.LogProb, top)
	if err != nil {
		return nil, fmt.Errorf("vae: prior: %w", err)
	}
	return append(logP, lp), nil
}

// Rate is log q(z|x) − log p(z): [R], whose mean over z is the KL divergence. It is an error if
// the Walk has no Densities.
func (t *Trace) Rate() (*G.Node, error) {
	if t.LogQ == nil || t.LogPrior == nil {
		return nil, fmt.Errorf("vae: the log-densities of a trace without them: want Walk.Densities")
	}
	return graph.Combine([]float64{1, -1}, t.LogQ, t.LogPrior)
}

// LogWeights is log w = −distortion − beta·(log q(z|x) − log p(z)): [R]. beta and share are
// scalars, nil for 1. share multiplies what the layers above the first have in the
// difference. It is an error if the Walk has no Densities.
func (t *Trace) LogWeights(beta, share *G.Node) (*G.Node, error) {
	distortion, err := t.Distortion()
	if err != nil {
		return nil, err
	}
	if beta == nil && t.LogQ != nil {
		return graph.Combine([]float64{-1, 1, -1}, distortion, t.LogPrior, t.LogQ)
	}
	rate, err := t.Rate() // [R]
	if err != nil {
		return nil, err
	}
	if share != nil {
		above, err := graph.Combine([]float64{1, -1, 1}, rate, t.LogQ1, t.LogP1)
		if err != nil {
			return nil, err
		}
		if above, err = graph.Scale(above, share); err != nil {
			return nil, err
		}
		if rate, err = graph.Combine([]float64{1, -1, 1}, t.LogQ1, t.LogP1, above); err != nil {
			return nil, err
		}
	}
	if rate, err = graph.Scale(rate, beta); err != nil {
		return nil, err
	}
	return graph.Combine([]float64{-1, -1}, distortion, rate)
}

// total is the sum of nodes [R], nil for none.
func total(nodes []*G.Node) (*G.Node, error) {
	switch len(nodes) {
	case 0:
		return nil, nil
	case 1:
		return nodes[0], nil
	}
	ones := make([]float64, len(nodes))
	for i := range ones {
		ones[i] = 1
	}
	return graph.Combine(ones, nodes...)
}

// NegativeMean is −mean of a [R]: the loss of a bound.
func NegativeMean(a *G.Node) (*G.Node, error) {
	minus, err := graph.Combine([]float64{-1}, a)
	if err != nil {
		return nil, err
	}
	return graph.Mean(minus)
}
