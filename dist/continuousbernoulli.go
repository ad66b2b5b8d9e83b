package dist

import (
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/internal/simd"
	"govae/nn"
)

// ContinuousBernoulli is the family of grey pixels in [0,1], with the logits
// l = log(λ/(1−λ)) as parameters. Its density is C(λ)·λˣ·(1−λ)¹⁻ˣ, Bernoulli's
// expression with the constant that makes its integral 1:
//
//	−log p(x) = Σ_j (softplus(l_j) − x_j·l_j − log C_j)
//	C = 2·atanh(1−2λ)/(1−2λ) = l/tanh(l/2)    2 at l = 0
//
// softplus(l) − log C is log((eˡ−1)/l), whose derivative is the mean, so that the
// gradient is E[x|l] − x. The mean is not λ.
//
// Source: Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845.
type ContinuousBernoulli struct{}

// Name implements Family.
func (ContinuousBernoulli) Name() string { return "continuous-bernoulli" }

// Domain implements Family.
func (ContinuousBernoulli) Domain() Domain { return Unit }

// Outputs implements Family: dim.
func (ContinuousBernoulli) Outputs(dim int) int { return dim }

// Params implements Family: none.
func (ContinuousBernoulli) Params() []*nn.Param { return nil }

// On implements Family.
func (ContinuousBernoulli) On(logits *G.Node) (Dist, error) {
	return likelihood{logits, continuousBernoulliNode}, nil
}

// At implements Family; it is a ContinuousBernoulliValue.
func (ContinuousBernoulli) At(logits []float64) Value { return ContinuousBernoulliValue{logits} }

// ContinuousBernoulliValue is a row of continuous Bernoulli variables as plain numbers.
type ContinuousBernoulliValue struct {
	Logits []float64 // [D]
}

// LogProb implements Value.
func (c ContinuousBernoulliValue) LogProb(x []float64) float64 {
	perNumber(1, c.Logits, x)
	d := 0.0
	for j, l := range c.Logits {
		norm := 2.0
		if l != 0 {
			norm = l / math.Tanh(l/2)
		}
		d += softplus(l) - x[j]*l - math.Log(norm)
	}
	return -d
}

// Mean implements Value: λ/(2λ−1) + 1/(2·atanh(1−2λ)) = 1/(1−e⁻ˡ) − 1/l, and 1/2 at
// l = 0.
func (c ContinuousBernoulliValue) Mean() []float64 {
	m := make([]float64, len(c.Logits))
	for j, l := range c.Logits {
		m[j] = simd.ContinuousBernoulliMean(l)
	}
	return m
}

// Sample implements Value: log(1 + u·(eˡ−1))/l, the inverse of the cumulative
// distribution function at a uniform u; u at l = 0.
func (c ContinuousBernoulliValue) Sample(src rand.Source) []float64 {
	r, x := rand.New(src), make([]float64, len(c.Logits))
	for j, l := range c.Logits {
		u := r.Float64()
		x[j] = u
		if a := math.Abs(l); a > 0 { // as if l were −a, where nothing overflows
			x[j] = min(math.Log1p(u*math.Expm1(-a))/-a, 1)
		}
		if l > 0 {
			x[j] = 1 - x[j] // the density at l is that at −l reflected
		}
	}
	return x
}

// continuousBernoulliNode computes the distortion −log p(x|z) = Σ (log((eˡ−1)/l) − x·l)
// in nats, [B], of pixels x in [0,1] under logits l, both [B,X].
func continuousBernoulliNode(logits, x *G.Node) (*G.Node, error) {
	return likelihoodNode("continuousBernoulli", 1, graph.Both(continuousBernoulli[float32], continuousBernoulli[float64]), logits, x)
}

func continuousBernoulli[T graph.Float](d []T, in [][]T) {
	simd.ContinuousBernoulli(d, in[2], in[0], in[1])
}
