package klreg

import "math"

// Bernoulli returns KL(Bernoulli(q) ‖ Bernoulli(p)) in nats:
//
//	KL = q log(q/p) + (1−q) log((1−q)/(1−p))
//
// with 0·log 0 = 0, and +Inf where q gives mass to an outcome that p rules out.
// Its derivative is dKL/dq = logit(q) − logit(p). NaN for q or p outside [0,1].
//
// Source: Cover & Thomas 2006, Elements of Information Theory, eq. 2.26.
func Bernoulli(q, p float64) float64 {
	return Categorical([]float64{q, 1 - q}, []float64{p, 1 - p})
}

// Categorical returns KL(q ‖ p) in nats between two distributions over the same
// outcomes, given as probabilities that sum to one:
//
//	KL = Σ_k q_k log(q_k/p_k)
//
// with 0·log 0 = 0, and +Inf where q_k > 0 = p_k. NaN if a probability lies
// outside [0,1] or either does not sum to one within 1e-9. ∂KL/∂q_k =
// log(q_k/p_k) + 1. It panics if the lengths differ.
//
// Source: Cover & Thomas 2006, Elements of Information Theory, eq. 2.26.
func Categorical(q, p []float64) float64 {
	sameLen(len(q), len(p))
	var kl, sumQ, sumP float64
	for k := range q {
		if !(q[k] >= 0 && q[k] <= 1 && p[k] >= 0 && p[k] <= 1) {
			return math.NaN()
		}
		sumQ += q[k]
		sumP += p[k]
		if q[k] > 0 { // log(q/0) = +Inf
			kl += q[k] * (math.Log(q[k]) - math.Log(p[k]))
		}
	}
	if math.Abs(sumQ-1) > 1e-9 || math.Abs(sumP-1) > 1e-9 {
		return math.NaN()
	}
	return max(kl, 0) // rounding of a sum that is zero in truth
}
