package dist

import (
	"math"
	"math/rand/v2"
)

// NormalValue is a diagonal Gaussian as plain numbers.
type NormalValue struct {
	Mu, Logvar []float64 // [D]
}

// LogProb implements Value: −½ Σ_j ((x_j − mu_j)²·exp(−logvar_j) + logvar_j + log 2π).
func (n NormalValue) LogProb(x []float64) float64 {
	perNumber(1, n.Mu, x)
	l := 0.0
	for j, m := range n.Mu {
		d := x[j] - m
		l -= (d*d*math.Exp(-n.Logvar[j]) + n.Logvar[j] + log2Pi) / 2
	}
	return l
}

// Mean implements Value: mu.
func (n NormalValue) Mean() []float64 { return append([]float64{}, n.Mu...) }

// Sample implements Value: mu + exp(logvar/2)·N(0,1).
func (n NormalValue) Sample(src rand.Source) []float64 {
	r, z := rand.New(src), make([]float64, len(n.Mu))
	for j, m := range n.Mu {
		z[j] = m + math.Exp(n.Logvar[j]/2)*r.NormFloat64()
	}
	return z
}
