package dist

import (
	"fmt"
	"math"
)

// Temper is a distribution at a temperature t, a finite number of at least 0: what a sample
// at a temperature is drawn from. At 1 it is v itself. Otherwise it is
//
//	NormalValue, LaplaceValue, FullNormalValue   every standard deviation times t
//	BernoulliValue, CategoricalValue             probabilities to the power 1/t, normalised
//	MixtureOfValue, MixtureValue                 components at t, with the weights they have
//	TransformedValue                             what the flow makes of its base at t
//
// so that t = 0 is the mode (of a component drawn by its weight, or of the base). A discrete
// variable whose likeliest outcomes tie stays a draw among them. A distribution of one's own
// has a method Tempered(t float64) (Value, error); for one without, t ≠ 1 is an error.
//
// Source for the discrete ones: Ackley, Hinton & Sejnowski 1985, A Learning Algorithm for
// Boltzmann Machines, Cognitive Science 9.
func Temper(v Value, t float64) (Value, error) {
	if !(t >= 0) || !finite(t) {
		return nil, fmt.Errorf("dist: temperature %v, want a finite number of at least 0", t)
	}
	if t == 1 {
		return v, nil
	}
	if m, ok := v.(interface {
		Tempered(t float64) (Value, error)
	}); ok {
		return m.Tempered(t)
	}
	return nil, fmt.Errorf("dist: temperature %v of %T, which has none: want 1", t, v)
}

// Tempered is N(mu, t²·σ²) (see Temper).
func (n NormalValue) Tempered(t float64) (Value, error) {
	return NormalValue{n.Mu, plus(n.Logvar, 2*math.Log(t))}, nil
}

// Tempered has the scales t·b (see Temper).
func (l LaplaceValue) Tempered(t float64) (Value, error) {
	return LaplaceValue{l.Loc, plus(l.Logscale, math.Log(t))}, nil
}

// Tempered has the factor t·L (see Temper).
func (n FullNormalValue) Tempered(t float64) (Value, error) {
	factor := make([]float64, len(n.Factor))
	for i := range n.Mu {
		for j := triangle(i); j < triangle(i)+i; j++ {
			factor[j] = t * n.Factor[j]
		}
		factor[triangle(i)+i] = n.Factor[triangle(i)+i] + math.Log(t)
	}
	return FullNormalValue{n.Mu, factor}, nil
}

// Tempered has the logits l/t, at t = 0 an outcome without chance (see Temper).
func (b BernoulliValue) Tempered(t float64) (Value, error) {
	logits := make([]float64, len(b.Logits))
	for j, l := range b.Logits {
		if l != 0 { // 0/0 is a fair coin
			logits[j] = l / t
		}
	}
	return BernoulliValue{logits}, nil
}

// Tempered has the logits l/t, at t = 0 the likeliest class (see Temper).
func (c CategoricalValue) Tempered(t float64) (Value, error) {
	logits := make([]float64, len(c.Logits))
	for v := 0; v < len(logits); v += c.Classes {
		top := math.Inf(-1)
		for _, l := range c.Logits[v : v+c.Classes] {
			top = max(top, l)
		}
		for k := v; k < v+c.Classes; k++ {
			if l := c.Logits[k]; l != top { // 0/0 is a class as likely as any
				logits[k] = (l - top) / t
			}
		}
	}
	return CategoricalValue{logits, c.Classes}, nil
}

// Tempered has the components at t (see Temper).
func (m MixtureOfValue) Tempered(t float64) (Value, error) {
	parts := make([]Value, len(m.Parts))
	for c, p := range m.Parts {
		var err error
		if parts[c], err = Temper(p, t); err != nil {
			return nil, err
		}
	}
	return MixtureOfValue{m.Weights, parts}, nil
}

// Tempered has the components at t (see Temper).
func (m MixtureValue) Tempered(t float64) (Value, error) {
	parts := make([]NormalValue, len(m.Parts))
	for c, p := range m.Parts {
		parts[c] = NormalValue{p.Mu, plus(p.Logvar, 2*math.Log(t))}
	}
	return MixtureValue{m.Weights, parts}, nil
}

// Tempered has the base at t (see Temper).
func (v TransformedValue) Tempered(t float64) (Value, error) {
	base, err := Temper(v.Base, t)
	return TransformedValue{base, v.Flow, v.Cond}, err
}

// plus is a + c of each number.
func plus(a []float64, c float64) []float64 {
	sum := make([]float64, len(a))
	for i, v := range a {
		sum[i] = v + c
	}
	return sum
}
