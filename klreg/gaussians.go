package klreg

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// GaussiansDimsNode adds KL(q ‖ p) of diagonal Gaussians to the graph, by latent dimension:
// what Gaussians is for one row. Their parameters q and p are [R,2Z], mu, then logvar; the
// result is [R,Z], in nats, with gradients to both.
func GaussiansDimsNode(q, p *G.Node) (*G.Node, error) {
	qs := q.Shape()
	if qs.Dims() != 2 || qs[1]%2 != 0 || !p.Shape().Eq(qs) {
		return nil, fmt.Errorf("klreg: gaussiansKL of shapes %v and %v, want means and log-variances [R,2Z] of both", qs, p.Shape())
	}
	z := qs[1] / 2
	return graph.Op{Name: "gaussiansKL", Shape: tensor.Shape{qs[0], z}, Run: graph.Both(gaussiansKL[float32](z), gaussiansKL[float64](z)),
		Grads: []graph.Kernel{graph.Both(gaussiansKLDQ[float32](z), gaussiansKLDQ[float64](z)), graph.Both(gaussiansKLDP[float32](z), gaussiansKLDP[float64](z))},
	}.Apply(q, p)
}

func gaussiansKL[T graph.Float](z int) func(kl []T, in [][]T) {
	return func(kl []T, in [][]T) {
		eachDim(z, in[0], in[1], func(i, _, _ int, mu, logvar, muP, logvarP float64) {
			d := (mu - muP) * math.Exp(-logvarP/2)
			kl[i] = T((d*d + expm1Minus(logvar-logvarP)) / 2)
		})
	}
}

// The inputs of the gradients are dkl, kl, q and p.
func gaussiansKLDQ[T graph.Float](z int) func(dq []T, in [][]T) {
	return func(dq []T, in [][]T) {
		eachDim(z, in[2], in[3], func(i, m, l int, mu, logvar, muP, logvarP float64) {
			g := float64(in[0][i])
			dq[m] = T(g * (mu - muP) * math.Exp(-logvarP))
			dq[l] = T(g * math.Expm1(logvar-logvarP) / 2)
		})
	}
}

func gaussiansKLDP[T graph.Float](z int) func(dp []T, in [][]T) {
	return func(dp []T, in [][]T) {
		eachDim(z, in[2], in[3], func(i, m, l int, mu, logvar, muP, logvarP float64) {
			g, d := float64(in[0][i]), mu-muP
			dp[m] = T(-g * d * math.Exp(-logvarP))
			dp[l] = T(-g * (d*d*math.Exp(-logvarP) + math.Expm1(logvar-logvarP)) / 2)
		})
	}
}

// eachDim calls f for each dimension i of [R,Z], with its places m and l in q and p and
// what is there.
func eachDim[T graph.Float](z int, q, p []T, f func(i, m, l int, mu, logvar, muP, logvarP float64)) {
	for i := range len(q) / 2 {
		m := i/z*2*z + i%z
		l := m + z
		f(i, m, l, float64(q[m]), float64(q[l]), float64(p[m]), float64(p[l]))
	}
}

// difference is a − b of nodes of one shape.
func difference(a, b *G.Node) (*G.Node, error) { return graph.Combine([]float64{1, -1}, a, b) }
