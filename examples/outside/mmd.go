package outside

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/klreg"
	"govae/vae"
)

func init() {
	vae.RegisterObjective("mmd", func(o vae.Objective) vae.Bound { return mmd{o.As("elbo"), o.Options} }, "mmd.weight")
}

// mmd is the InfoVAE objective:
//
//	loss = mean_i distortion_i + beta·mean_i KL(q(z|x_i) ‖ p(z)) + λ·MMD(q(z), p(z))
//
// The last term compares a draw of z for each image with as many draws of the prior N(0,I).
// It asks of all codes together that they look like the prior, not of those of each image.
// With the paper's α, beta is 1 − α, and 0 leaves the KL out. λ is the objective's option
// mmd.weight (100), the whole factor of the term, which the paper writes as α + λ − 1.
//
// Source: Zhao, Song & Ermon 2019, arXiv:1706.02262.
type mmd struct {
	vae.Bound
	options vae.Options
}

func (o mmd) weight() (float64, error) { return o.options.Number("mmd.weight", 100, 0, 1e6) }

// Check implements vae.Bound: that of the ELBO, and of the option.
func (o mmd) Check(m *vae.Model, w klreg.Weight) error {
	if _, err := o.weight(); err != nil {
		return fmt.Errorf("outside: %w", err)
	}
	return o.Bound.Check(m, w)
}

// Loss implements vae.Bound: that of the ELBO, and the term.
func (o mmd) Loss(p *vae.Pass) (l vae.LossNodes, err error) {
	weight, err := o.weight()
	if err != nil {
		return l, err
	}
	if l, err = o.Bound.Loss(p); err != nil {
		return l, err
	}
	z := l.Trace.Z[0] // [B,Z]
	gap, err := MMD(z, p.Builder.Random("mmd", "mmd", graph.Normal, z.Shape()...))
	if err != nil {
		return l, err
	}
	l.Terms = []vae.Term{{Name: "mmd", Value: gap, Weight: weight}}
	return l, nil
}

// MMD adds the squared maximum mean discrepancy of two sets of rows a, b [B,Z] to the graph:
// a scalar, which is small where both are draws of one distribution:
//
//	MMD = 1/B² Σ_ij k(a_i, a_j) − 2·k(a_i, b_j) + k(b_i, b_j),   k(u, v) = exp(−|u−v|²/Z)
//
// Source: Gretton et al. 2012, eq. 5, JMLR 13.
func MMD(a, b *G.Node) (*G.Node, error) {
	var s graph.Steps
	mean := func(u, v *G.Node) *G.Node { // of k(u_i, v_j) over all pairs
		gaps := s.Do(graph.SquaredDistances(u, v)) // [B,B]
		return s.Do(G.Mean(s.Do(G.Exp(s.Do(graph.Combine([]float64{-1 / float64(a.Shape()[1])}, gaps))))))
	}
	d := s.Do(graph.Combine([]float64{1, -2, 1}, mean(a, a), mean(a, b), mean(b, b)))
	return d, s.Err()
}
