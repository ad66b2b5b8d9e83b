package klreg

import (
	"math"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
)

// Bernoullis returns KL(q ‖ p) in nats between two rows of Bernoulli variables, from their
// logits [Z]; Bernoulli is the same of two probabilities:
//
//	KL = Σ_j q_j·log(q_j/p_j) + (1−q_j)·log((1−q_j)/(1−p_j))     q, p = 1/(1 + exp(−logit))
//
// It is exact where q and p are close, and for logits of any size. ∂KL/∂a = q(1−q)(a − b) along
// a logit a of q, where b is that of p, and ∂KL/∂b = p − q. It panics if the lengths differ.
//
// Source: Cover & Thomas 2006, Elements of Information Theory, eq. 2.26.
func Bernoullis(q, p []float64) float64 {
	sameLen(len(q), len(p))
	kl := 0.0
	for j := range q {
		kl += bernoulliKL(q[j], p[j])
	}
	return kl
}

// bernoulliKL is the divergence of one variable, the sum over both of its outcomes.
func bernoulliKL(a, b float64) float64 {
	return surplus(logSigmoid(a), logSigmoid(b)) + surplus(logSigmoid(-a), logSigmoid(-b))
}

// logSigmoid is −softplus(−a).
func logSigmoid(a float64) float64 { return min(a, 0) - math.Log1p(math.Exp(-math.Abs(a))) }

func sigmoid(a float64) float64 { return 1 / (1 + math.Exp(-a)) }

func init() {
	Register(&dist.BernoulliBatch{}, &dist.BernoulliBatch{}, func(q, p dist.Dist) (*G.Node, error) {
		return bernoullisNode(q.(*dist.BernoulliBatch).Logits, p.(*dist.BernoulliBatch).Logits)
	})
}

// bernoullisNode computes the divergence of each variable: logits [R,Z] to [R,Z].
func bernoullisNode(q, p *G.Node) (*G.Node, error) {
	if err := graph.SameShape("bernoullisKL", q, p); err != nil {
		return nil, err
	}
	// The inputs of the gradients are dkl, kl, q and p.
	return graph.Op{Name: "bernoullisKL", Run: graph.Each(func(v []float64) float64 { return bernoulliKL(v[0], v[1]) }),
		Grads: []graph.Kernel{
			graph.Each(func(v []float64) float64 { return v[0] * sigmoid(v[2]) * sigmoid(-v[2]) * (v[2] - v[3]) }),
			graph.Each(func(v []float64) float64 {
				if v[3] > 0 { // 1−q less 1−p, which is exact where both are small
					return v[0] * (sigmoid(-v[2]) - sigmoid(-v[3]))
				}
				return v[0] * (sigmoid(v[3]) - sigmoid(v[2]))
			}),
		}}.Apply(q, p)
}
