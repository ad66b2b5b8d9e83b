package klreg

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
)

// Laplaces returns KL(q ‖ p) in nats between two rows of independent Laplace variables, from
// their locations and log-scales [Z], with b = exp(logscale):
//
//	KL = Σ_j log(b2_j/b1_j) + (b1_j·exp(−d_j/b1_j) + d_j)/b2_j − 1,  d = |m1 − m2|
//
// It is zero where the two are one distribution, and positive elsewhere. With r = d/b1 and t =
// log(b1/b2), ∂KL/∂m1 = sign(m1 − m2)·(1 − exp(−r))/b2, which is 0 at m1 = m2,
// ∂KL/∂logscale1 = exp(t)·(1 + r)·exp(−r) − 1 and ∂KL/∂logscale2 = 1 − exp(t)·(exp(−r) + r). It
// panics if the lengths differ.
//
// Source: Meyer 2021, An Alternative Probabilistic Interpretation of the Huber Loss,
// arXiv:1911.02088.
func Laplaces(loc1, logscale1, loc2, logscale2 []float64) float64 {
	sameLen(len(loc1), len(logscale1))
	sameLen(len(loc1), len(loc2))
	sameLen(len(loc1), len(logscale2))
	kl := 0.0
	for j := range loc1 {
		kl += laplaceKL(loc1[j], logscale1[j], loc2[j], logscale2[j])
	}
	return kl
}

// laplaceKL is the divergence of one variable as the sum of two numbers that are not
// negative: exp(t) − 1 − t, and exp(t)·(exp(−r) − 1 + r).
func laplaceKL(m1, s1, m2, s2 float64) float64 {
	d, t := math.Abs(m1-m2), s1-s2
	kl := expm1Minus(t)
	switch r := d * math.Exp(-s1); {
	case d == 0:
		return kl
	case r > 1: // r may overflow where b1 is small
		return kl + math.Exp(t)*math.Expm1(-r) + d*math.Exp(-s2)
	default:
		return kl + math.Exp(t)*expm1Minus(-r)
	}
}

// laplaceSlopes is ∂KL/∂m1, ∂KL/∂logscale1 and ∂KL/∂logscale2 of one variable. Along m2 it is
// the first, negative.
func laplaceSlopes(m1, s1, m2, s2 float64) (m, a, b float64) {
	d, t := math.Abs(m1-m2), s1-s2
	if d == 0 {
		return 0, math.Expm1(t), -math.Expm1(t)
	}
	r := d * math.Exp(-s1)
	m = math.Copysign(-math.Expm1(-r)*math.Exp(-s2), m1-m2)
	far := 0.0 // r·exp(−r)
	if r < 1000 {
		far = r * math.Exp(-r)
	}
	a = math.Exp(t)*(math.Exp(-r)+far) - 1
	b = 1 - math.Exp(t)*math.Exp(-r) - d*math.Exp(-s2)
	return m, a, b
}

// LaplaceNormal returns KL(q ‖ N(0,I)) in nats of a row q of independent Laplace variables,
// from their locations and log-scales [Z], with b = exp(logscale):
//
//	KL = Σ_j ½(log 2π + m_j² + 2·b_j²) − log(2·b_j) − 1
//
// No Laplace variable is a normal one, so each dimension has at least ½(log π − 1) = 0.0724
// nats, at m = 0 and b = 1/√2. ∂KL/∂m_j = m_j and ∂KL/∂logscale_j = 2·b_j² − 1. It panics if the
// lengths differ.
//
// It is −H(q) − E_q log N(z; 0, I), from the entropy 1 + log 2b and the variance 2b² (Kotz,
// Kozubowski & Podgórski 2001, The Laplace Distribution and Generalizations, section 2.1).
func LaplaceNormal(loc, logscale []float64) float64 {
	sameLen(len(loc), len(logscale))
	kl := 0.0
	for j := range loc {
		kl += laplaceNormalKL(loc[j], logscale[j])
	}
	return kl
}

func laplaceNormalKL(m, s float64) float64 {
	return (math.Log(2*math.Pi)+m*m)/2 + math.Exp(2*s) - math.Ln2 - s - 1
}

func init() {
	Register(&dist.LaplaceBatch{}, &dist.LaplaceBatch{}, func(q, p dist.Dist) (*G.Node, error) {
		return laplacesNode(q.(*dist.LaplaceBatch).Params, p.(*dist.LaplaceBatch).Params)
	})
	Register(&dist.LaplaceBatch{}, dist.StandardBatch{}, func(q, _ dist.Dist) (*G.Node, error) {
		return laplaceNormalNode(q.(*dist.LaplaceBatch).Params)
	})
}

// laplacesNode computes the divergence of each variable: parameters [R,2Z] to [R,Z].
func laplacesNode(q, p *G.Node) (*G.Node, error) {
	s := q.Shape()
	if s.Dims() != 2 || s[1]%2 != 0 || !p.Shape().Eq(s) {
		return nil, fmt.Errorf("klreg: laplacesKL of shapes %v and %v, want locations and log-scales [R,2Z] of both", s, p.Shape())
	}
	z := s[1] / 2
	return graph.Op{Name: "laplacesKL", Shape: tensor.Shape{s[0], z}, Run: graph.Both(laplacesKL[float32](z), laplacesKL[float64](z)),
		Grads: []graph.Kernel{graph.Both(laplacesDQ[float32](z), laplacesDQ[float64](z)), graph.Both(laplacesDP[float32](z), laplacesDP[float64](z))},
	}.Apply(q, p)
}

func laplacesKL[T graph.Float](z int) func(kl []T, in [][]T) {
	return func(kl []T, in [][]T) {
		eachDim(z, in[0], in[1], func(i, _, _ int, m1, s1, m2, s2 float64) { kl[i] = T(laplaceKL(m1, s1, m2, s2)) })
	}
}

// The inputs of the gradients are dkl, kl, q and p.
func laplacesDQ[T graph.Float](z int) func(dq []T, in [][]T) {
	return func(dq []T, in [][]T) {
		eachDim(z, in[2], in[3], func(i, m, s int, m1, s1, m2, s2 float64) {
			g := float64(in[0][i])
			dm, ds, _ := laplaceSlopes(m1, s1, m2, s2)
			dq[m], dq[s] = T(g*dm), T(g*ds)
		})
	}
}

func laplacesDP[T graph.Float](z int) func(dp []T, in [][]T) {
	return func(dp []T, in [][]T) {
		eachDim(z, in[2], in[3], func(i, m, s int, m1, s1, m2, s2 float64) {
			g := float64(in[0][i])
			dm, _, ds := laplaceSlopes(m1, s1, m2, s2)
			dp[m], dp[s] = T(-g*dm), T(g*ds)
		})
	}
}

// laplaceNormalNode computes the divergence of each variable from N(0,1): parameters [R,2Z]
// to [R,Z].
func laplaceNormalNode(h *G.Node) (*G.Node, error) {
	s := h.Shape()
	if s.Dims() != 2 || s[1]%2 != 0 {
		return nil, fmt.Errorf("klreg: laplaceNormalKL of shape %v, want locations and log-scales [R,2Z]", s)
	}
	z := s[1] / 2
	return graph.Op{Name: "laplaceNormalKL", Shape: tensor.Shape{s[0], z}, Run: graph.Both(laplaceNormals[float32](z), laplaceNormals[float64](z)),
		Grads: []graph.Kernel{graph.Both(laplaceNormalsGrad[float32](z), laplaceNormalsGrad[float64](z))}}.Apply(h)
}

func laplaceNormals[T graph.Float](z int) func(kl []T, in [][]T) {
	return func(kl []T, in [][]T) {
		eachDim(z, in[0], in[0], func(i, _, _ int, m, s, _, _ float64) { kl[i] = T(laplaceNormalKL(m, s)) })
	}
}

// laplaceNormalsGrad is dm = dkl·m and dlogscale = dkl·(2b² − 1), from dkl, kl and h.
func laplaceNormalsGrad[T graph.Float](z int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		eachDim(z, in[2], in[2], func(i, m, s int, loc, logscale, _, _ float64) {
			g := float64(in[0][i])
			dh[m], dh[s] = T(g*loc), T(g*(2*math.Exp(2*logscale)-1))
		})
	}
}
