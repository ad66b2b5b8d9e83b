package decoder

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/nn"
)

// Logistic256 is the likelihood of pixels of 256 levels, the multiples of 1/255
// from 0 to 1. A mean m and a log-scale of each, s = exp(log-scale), both in units
// of x, are its parameters: a logistic distribution, of which a level gets what
// lies within half a level of it, and the levels 0 and 1 all that is beyond them.
//
//	P(x|z) = Π_j (σ(p_j) − σ(q_j))    p = (x + 1/510 − m)/s    q = (x − 1/510 − m)/s
//
// with σ(p) = 1 at x = 1 and σ(q) = 0 at x = 0. The difference is computed as
// σ(p)·σ(−q)·(1 − exp(q − p)), in which nothing cancels, so that the distortion
// −log P is exact far from the mean too.
//
// Source: Kingma et al. 2016, arXiv:1606.04934; Salimans et al. 2017, section 2.1,
// arXiv:1701.05517.
type Logistic256 struct{}

// Name implements Likelihood.
func (Logistic256) Name() string { return "logistic256" }

// Outputs implements Likelihood: 2X.
func (Logistic256) Outputs(pixels int) int { return 2 * pixels }

// Params implements Likelihood: none.
func (Logistic256) Params() []*nn.Param { return nil }

// Check implements Likelihood: multiples of 1/255 from 0 to 1, up to the rounding
// of float32.
func (Logistic256) Check(x []float32) error {
	isLevel := func(v float64) bool {
		return v >= 0 && v <= 1 && math.Abs(255*v-math.Round(255*v)) < 1e-4
	}
	return check("logistic256", x, isLevel, "a multiple of 1/255 from 0 to 1")
}

// DistortionNode implements Likelihood.
func (Logistic256) DistortionNode(params, x *G.Node) (*G.Node, error) {
	d, err := dist.Logistic256(params, x, least) // [B]
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return d, nil
}

// Distortion implements Likelihood. It takes a pixel as the nearest level, and
// panics unless there are two parameters a pixel.
func (Logistic256) Distortion(params, x []float64) float64 {
	perPixel(2, params, x)
	mean, logscale := params[:len(x)], params[len(x):]
	d := 0.0
	for j := range x {
		level, s := math.Round(255*x[j]), logisticScale(logscale[j])
		if level < 255 { // −log σ(p)
			d += softplus(-((level+0.5)/255 - mean[j]) / s)
		}
		if level > 0 { // −log σ(−q)
			d += softplus(((level-0.5)/255 - mean[j]) / s)
		}
		if 0 < level && level < 255 {
			d -= math.Log(-math.Expm1(-1 / (255 * s)))
		}
	}
	return d
}

// Mean implements Likelihood: the expectation of the levels, Σ_{i≥1} P(x ≥ i/255)/255.
// It differs from m where the tails are cut off.
func (Logistic256) Mean(params []float32) []float32 {
	mean, logscale := params[:len(params)/2], params[len(params)/2:]
	for j, l := range logscale {
		m, s, sum := float64(mean[j]), logisticScale(float64(l)), 0.0
		for i := range 255 {
			sum += 1 / (1 + math.Exp(((float64(i)+0.5)/255-m)/s))
		}
		mean[j] = float32(sum / 255)
	}
	return mean
}

// Sample implements Likelihood: the level nearest to m + s·log(u/(1−u)) at a
// uniform u.
func (Logistic256) Sample(params []float32, src rand.Source) []float32 {
	r := rand.New(src)
	mean, logscale := params[:len(params)/2], params[len(params)/2:]
	for j, l := range logscale {
		u := r.Float64()
		x := float64(mean[j]) + logisticScale(float64(l))*math.Log(u/(1-u))
		mean[j] = float32(min(max(math.Round(255*x), 0), 255) / 255)
	}
	return mean
}

// logisticScale is s, at most e⁷⁰⁰: finite.
func logisticScale(l float64) float64 { return least + math.Exp(min(l, 700)) }

// softplus is log(1 + exp a), written so that nothing overflows.
func softplus(a float64) float64 { return max(a, 0) + math.Log1p(math.Exp(-math.Abs(a))) }
