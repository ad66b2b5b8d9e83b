package outside

import (
	"fmt"
	"math"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/klreg"
	"govae/vae"
)

func init() {
	vae.RegisterObjective("mmd", func(o vae.Objective) vae.Bound {
		o.Name = "elbo" // with the numbers that were given, which it checks
		base, _ := o.Bound()
		return mmd{base, o.Options}
	}, "mmd.weight")
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
// a scalar, which is small where both are draws of one distribution, and with a gradient to a:
//
//	MMD = 1/B² Σ_ij k(a_i, a_j) − 2·k(a_i, b_j) + k(b_i, b_j),   k(u, v) = exp(−|u−v|²/Z)
//
// Source: Gretton et al. 2012, eq. 5, JMLR 13.
func MMD(a, b *G.Node) (*G.Node, error) {
	if err := graph.SameShape("mmd", a, b); err != nil {
		return nil, err
	}
	z := a.Shape()[1]
	return graph.Op{Name: "mmd", Shape: tensor.ScalarShape(), Run: graph.Both(mmdOf[float32](z), mmdOf[float64](z)),
		Grads: []graph.Kernel{graph.Both(mmdGrad[float32](z), mmdGrad[float64](z))}}.Apply(a, b)
}

func mmdOf[T graph.Float](z int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		sum := 0.0
		pairs(in[0], in[1], z, func(_ int, _, _ []T, k float64) { sum += k })
		out[0] = T(sum)
	}
}

// mmdGrad is da from dout, the output, a and b. Each pair has a second one, in which its
// rows have changed places, so its gradient counts twice: ∂k/∂u = −2/Z·(u − v)·k.
func mmdGrad[T graph.Float](z int) func(da []T, in [][]T) {
	return func(da []T, in [][]T) {
		clear(da)
		pairs(in[2], in[3], z, func(i int, u, v []T, k float64) {
			for j := range u {
				if i < len(da)/z {
					da[i*z+j] -= in[0][0] * T(4*k/float64(z)) * (u[j] - v[j])
				}
			}
		})
	}
}

// pairs visits all pairs of rows u, v of a and b together, the first of which is row i. k is
// what the pair adds to MMD: k(u,v)/B², with a minus sign where one row is of a and one of b.
func pairs[T graph.Float](a, b []T, z int, visit func(i int, u, v []T, k float64)) {
	n, all := len(a)/z, slices.Concat(a, b)
	for ij := range 4 * n * n {
		i, j, d := ij/(2*n), ij%(2*n), 0.0
		u, v := all[i*z:][:z], all[j*z:][:z]
		for l := range u {
			d += float64(u[l]-v[l]) * float64(u[l]-v[l])
		}
		k := math.Exp(-d/float64(z)) / float64(n*n)
		if (i < n) != (j < n) {
			k = -k
		}
		visit(i, u, v, k)
	}
}
