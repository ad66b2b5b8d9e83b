package klreg

import (
	G "gorgonia.org/gorgonia"

	"govae/dist"
)

// Estimate adds the Monte Carlo estimate of KL(q ‖ p) from one draw of q for each row,
// log q(z) − log p(z): [R], in nats. A single one may be negative.
//
// Source: Kingma & Welling 2014, eq. 6, arXiv:1312.6114.
func Estimate(draw *dist.Draw, p dist.Dist) (*G.Node, error) {
	logQ, err := draw.LogProb()
	if err != nil {
		return nil, err
	}
	logP, err := p.LogProb(draw.Z)
	if err != nil {
		return nil, err
	}
	return difference(logQ, logP)
}
