package dist

import (
	"math"
	"math/rand/v2"
)

// BernoulliValue is a row of Bernoulli variables as plain numbers.
type BernoulliValue struct {
	Logits []float64 // [D]
}

// LogProb implements Value: Σ (x·l − softplus(l)).
func (b BernoulliValue) LogProb(x []float64) float64 {
	perNumber(1, b.Logits, x)
	d := 0.0
	for j, l := range b.Logits {
		d += softplus(l) - x[j]*l
	}
	return -d
}

// Mean implements Value: p = 1/(1 + exp(−l)).
func (b BernoulliValue) Mean() []float64 {
	p := make([]float64, len(b.Logits))
	for j, l := range b.Logits {
		p[j] = 1 / (1 + math.Exp(-l))
	}
	return p
}

// Sample implements Value: 1 with probability p, else 0.
func (b BernoulliValue) Sample(src rand.Source) []float64 {
	r, x := rand.New(src), b.Mean()
	for j, p := range x {
		x[j] = 0
		if float64(r.Float32()) < p {
			x[j] = 1
		}
	}
	return x
}

// softplus is log(1 + exp a), written so that nothing overflows.
func softplus(a float64) float64 { return max(a, 0) + math.Log1p(math.Exp(-math.Abs(a))) }
