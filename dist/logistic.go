package dist

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/internal/simd"
	"govae/nn"
)

// Logistic256 is the family of pixels of 256 levels, the multiples of 1/255
// from 0 to 1. A mean m and a log-scale of each, s = exp(log-scale), both in units
// of x, are its parameters: a logistic distribution, of which a level gets what
// lies within half a level of it, and the levels 0 and 1 all that is beyond them.
//
//	P(x) = Π_j (σ(p_j) − σ(q_j))    p = (x + 1/510 − m)/s    q = (x − 1/510 − m)/s
//
// with σ(p) = 1 at x = 1 and σ(q) = 0 at x = 0. The difference is computed as
// σ(p)·σ(−q)·(1 − exp(q − p)), in which nothing cancels, so that the distortion
// −log P is exact far from the mean too.
//
// Source: Kingma et al. 2016, arXiv:1606.04934; Salimans et al. 2017, section 2.1,
// arXiv:1701.05517.
type Logistic256 struct{}

// Name implements Family.
func (Logistic256) Name() string { return "logistic256" }

// Domain implements Family.
func (Logistic256) Domain() Domain { return Grey }

// Outputs implements Family: 2·dim.
func (Logistic256) Outputs(dim int) int { return 2 * dim }

// Params implements Family: none.
func (Logistic256) Params() []*nn.Param { return nil }

// On implements Family.
func (Logistic256) On(params *G.Node) (Dist, error) {
	return likelihood{params, func(params, x *G.Node) (*G.Node, error) { return logistic256Node(params, x, least) }}, nil
}

// At implements Family; it is a LogisticValue.
func (Logistic256) At(params []float64) Value {
	d := half(params)
	return LogisticValue{params[:d:d], params[d:]}
}

// Means computes E[x|z] as LogisticValue.Mean does, to 1e-8, in the time of a few exponentials
// for each pixel instead of 255.
func (Logistic256) Means(params []float32, dim int) []float32 {
	mean := make([]float32, len(params)/2)
	for i := range mean {
		m, l := halves(params, i/dim, dim)
		mean[i] = float32(logisticMean(float64(m[i%dim]), logisticScale(float64(l[i%dim]))))
	}
	return mean
}

// logisticMean is 1/255 Σ_i f(i+½) over i = 0 … 254, where f(t) = σ((M−t)/S) in units of a
// level. Where S is below 1, the levels that are 20·S below M count 1 and those above it 0.
// Elsewhere the sum is the Euler–Maclaurin formula of midpoints, with q = σ(1−σ) at both ends:
//
//	Σ_i f(i+½) = ∫ f dt − [f']/24 + 7·[f”']/5760 − 31·[f⁗']/967680 + …
//
// Source: Abramowitz & Stegun 1964, Handbook of Mathematical Functions, 23.1.30, at ½.
func logisticMean(m, s float64) float64 {
	const levels = 255.
	m, s = float64(levels*m), float64(levels*s) // rounded: no fused multiply-add below
	if !(s >= 1) {
		below := min(max(math.Ceil(m-20*s-0.5), 0), levels)
		sum := below
		for t := below + 0.5; t <= m+20*s && t < levels; t++ {
			sum += 1 / (1 + math.Exp((t-m)/s))
		}
		return sum / levels
	}
	sigma := func(t float64) float64 { return 1 / (1 + math.Exp((t-m)/s)) }
	low, high := sigma(0), sigma(levels)
	// ∫ f dt = S·log((1 + exp(M/S))/(1 + exp((M−255)/S))), without cancellation.
	sum := s * math.Log1p(high*math.Expm1(levels/s))
	slope := func(p float64) float64 {
		q := p * (1 - p)
		return q / s * (1./24 - (7./5760*(1-6*q)-31./967680*(1-30*q+120*q*q)/(s*s))/(s*s))
	}
	return (sum + slope(high) - slope(low)) / levels
}

// LogisticValue is a row of discretised logistic variables as plain numbers.
type LogisticValue struct {
	M, LogScale []float64 // [D]
}

// LogProb implements Value. It takes a pixel as the nearest level.
func (v LogisticValue) LogProb(x []float64) float64 {
	perNumber(1, v.M, x)
	d := 0.0
	for j := range x {
		level, s := math.Round(255*x[j]), logisticScale(v.LogScale[j])
		if level < 255 { // −log σ(p)
			d += softplus(-((level+0.5)/255 - v.M[j]) / s)
		}
		if level > 0 { // −log σ(−q)
			d += softplus(((level-0.5)/255 - v.M[j]) / s)
		}
		if 0 < level && level < 255 {
			d -= math.Log(-math.Expm1(-1 / (255 * s)))
		}
	}
	return -d
}

// Mean implements Value: the expectation of the levels, Σ_{i≥1} P(x ≥ i/255)/255.
// It differs from m where the tails are cut off.
func (v LogisticValue) Mean() []float64 {
	mean := make([]float64, len(v.M))
	for j, l := range v.LogScale {
		s, sum := logisticScale(l), 0.0
		for i := range 255 {
			sum += 1 / (1 + math.Exp(((float64(i)+0.5)/255-v.M[j])/s))
		}
		mean[j] = sum / 255
	}
	return mean
}

// Sample implements Value: the level nearest to m + s·log(u/(1−u)) at a uniform u.
func (v LogisticValue) Sample(src rand.Source) []float64 {
	r, x := rand.New(src), make([]float64, len(v.M))
	for j, l := range v.LogScale {
		u := r.Float64()
		x[j] = min(max(math.Round(255*(v.M[j]+logisticScale(l)*math.Log(u/(1-u)))), 0), 255) / 255
	}
	return x
}

// logisticScale is s, at most e⁷⁰⁰: finite.
func logisticScale(l float64) float64 { return least + math.Exp(min(l, 700)) }

// logistic256Node computes the distortion −log P(x|z) in nats, [B], of pixels x [B,X]
// that are multiples of 1/255, where params [B,2X] are the means and then the
// log-scales l of logistic distributions: s = least + eˡ, least > 0.
func logistic256Node(params, x *G.Node, least float64) (*G.Node, error) {
	return likelihoodNode(fmt.Sprintf("logistic256(%v)", least), 2, graph.Both(logistic256[float32](least), logistic256[float64](least)), params, x)
}

func logistic256[T graph.Float](least float64) func(d []T, in [][]T) {
	return func(d []T, in [][]T) { simd.Logistic256(d, in[2], in[0], in[1], least) }
}
