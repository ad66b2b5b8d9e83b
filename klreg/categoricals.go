package klreg

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
)

// Categoricals returns KL(q ‖ p) in nats between two rows of N categorical variables with K
// classes each, from their logits [N·K], the K of a variable side by side:
//
//	KL = Σ_n Σ_k q_nk·log(q_nk/p_nk)     q, p = softmax of the logits over each K
//
// Each summand of a variable is taken as q·(exp(t) − 1 − t) with t = log(p/q), which is never
// negative, so that the sum is exact where q and p are close, and for logits of any size.
// With D the KL of the variable, ∂KL/∂q's logit k = q_k·(log(q_k/p_k) − D), and along p's it is
// p_k − q_k. It panics if the lengths differ, or if there is no whole number of variables.
//
// Source: Cover & Thomas 2006, Elements of Information Theory, eq. 2.26.
func Categoricals(q, p []float64, classes int) float64 {
	sameLen(len(q), len(p))
	if classes < 1 || len(q)%classes != 0 {
		panic(fmt.Sprintf("klreg: %d logits of variables with %d classes", len(q), classes))
	}
	kl := 0.0
	for v := 0; v < len(q); v += classes {
		kl += categoricalKL(q[v:v+classes], p[v:v+classes])
	}
	return kl
}

// categoricalKL is the divergence of one variable.
func categoricalKL[T graph.Float](q, p []T) (kl float64) {
	normQ, normP := logSumExp(q), logSumExp(p)
	for k := range q {
		kl += surplus(float64(q[k])-normQ, float64(p[k])-normP)
	}
	return kl
}

func logSumExp[T graph.Float](a []T) float64 {
	var sum dist.LogSumExp
	for _, v := range a {
		sum.Add(float64(v))
	}
	return sum.Value()
}

// surplus is q·log(q/p) − q + p of one outcome, from log q and log p. It is never negative.
// Over all outcomes it sums to the KL divergence.
func surplus(logQ, logP float64) float64 {
	q, t := math.Exp(logQ), logP-logQ
	switch {
	case math.IsInf(logQ, -1):
		return math.Exp(logP)
	case t > 1: // exp(t) may overflow
		return math.Exp(logP) - q*(1+t)
	}
	return q * expm1Minus(t)
}

func init() {
	Register(&dist.CategoricalBatch{}, &dist.CategoricalBatch{}, func(q, p dist.Dist) (*G.Node, error) {
		a, b := q.(*dist.CategoricalBatch), p.(*dist.CategoricalBatch)
		if a.Classes != b.Classes {
			return nil, fmt.Errorf("klreg: categorical variables of %d and of %d classes", a.Classes, b.Classes)
		}
		return categoricalsNode(a.Logits, b.Logits, a.Classes)
	})
}

// categoricalsNode computes the divergence of each variable: logits [R,N·K] to [R,N].
func categoricalsNode(q, p *G.Node, classes int) (*G.Node, error) {
	s := q.Shape()
	if s.Dims() != 2 || s[1]%classes != 0 || !p.Shape().Eq(s) {
		return nil, fmt.Errorf("klreg: categoricalsKL of shapes %v and %v, want logits [R,N·%d] of both", s, p.Shape(), classes)
	}
	return graph.Op{Name: fmt.Sprintf("categoricalsKL(%d)", classes), Shape: tensor.Shape{s[0], s[1] / classes},
		Run: graph.Both(categoricalsKL[float32](classes), categoricalsKL[float64](classes)),
		Grads: []graph.Kernel{graph.Both(categoricalsDQ[float32](classes), categoricalsDQ[float64](classes)),
			graph.Both(categoricalsDP[float32](classes), categoricalsDP[float64](classes))},
	}.Apply(q, p)
}

func categoricalsKL[T graph.Float](classes int) func(kl []T, in [][]T) {
	return func(kl []T, in [][]T) {
		for v := range kl {
			kl[v] = T(categoricalKL(in[0][v*classes:(v+1)*classes], in[1][v*classes:(v+1)*classes]))
		}
	}
}

// categoricalsDQ is dkl·q·(log(q/p) − kl), from dkl, kl, q and p.
func categoricalsDQ[T graph.Float](classes int) func(dq []T, in [][]T) {
	return func(dq []T, in [][]T) {
		for v, g := range in[0] {
			q, p := in[2][v*classes:(v+1)*classes], in[3][v*classes:(v+1)*classes]
			normQ, normP, kl := logSumExp(q), logSumExp(p), categoricalKL(q, p)
			for k := range q {
				logQ := float64(q[k]) - normQ
				dq[v*classes+k] = T(float64(g) * math.Exp(logQ) * (logQ - (float64(p[k]) - normP) - kl))
			}
		}
	}
}

// categoricalsDP is dkl·(p − q), from the same.
func categoricalsDP[T graph.Float](classes int) func(dp []T, in [][]T) {
	return func(dp []T, in [][]T) {
		for v, g := range in[0] {
			q, p := in[2][v*classes:(v+1)*classes], in[3][v*classes:(v+1)*classes]
			normQ, normP := logSumExp(q), logSumExp(p)
			for k := range q {
				dp[v*classes+k] = T(float64(g) * (math.Exp(float64(p[k])-normP) - math.Exp(float64(q[k])-normQ)))
			}
		}
	}
}
