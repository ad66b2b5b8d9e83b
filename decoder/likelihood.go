package decoder

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/internal/simd"
	"govae/nn"
)

// Likelihood is the distribution p(x|z) whose parameters a Decoder gives. All
// methods are safe for concurrent use, as long as nobody trains its Params.
//
// Where a pixel has two parameters, those of an image are 2X numbers: the means of
// its X pixels, then their log-variances or log-scales.
type Likelihood interface {
	// Name is the short name that a model is saved with.
	Name() string
	// Outputs is the number of parameters of an image of X pixels, the width of the
	// decoder's output: X, or 2X where a pixel has two.
	Outputs(pixels int) int
	// Params lists what training changes in the likelihood itself, always in the same
	// order, under names that start with "likelihood.". Most have none.
	Params() []*nn.Param
	// Check returns an error that names the first pixel outside the distribution's
	// domain, for any number of images x.
	Check(x []float32) error
	// DistortionNode adds −log p(x|z) to the graph, in nats: params [B,Outputs(X)],
	// x [B,X], the result [B]. The graph can be differentiated through it, with
	// respect to params and to Params.
	DistortionNode(params, x *G.Node) (*G.Node, error)
	// Distortion is the same of one image as a value, the definition: params
	// [Outputs(X)], x [X].
	Distortion(params, x []float64) float64
	// Mean turns the parameters of one image into E[x|z], in place, and returns it:
	// the first X of them. Where Outputs(X) = X, several images may be done at once.
	Mean(params []float32) []float32
	// Sample turns parameters into a draw from p(x|z), otherwise as Mean does.
	Sample(params []float32, src rand.Source) []float32
}

// BitsPerDim is nats/(X·log 2): bits per pixel of an image of X pixels, for
// −log p(x) or a bound on it in nats. For the probability of 256 levels it is
// comparable between models, and 8 for the uniform distribution. That of a density
// on [0,1] can be negative.
func BitsPerDim(nats float64, pixels int) float64 { return nats / (float64(pixels) * math.Ln2) }

// Bernoulli is the likelihood of binary pixels, with the logits l = log(p/(1−p))
// as parameters:
//
//	−log p(x|z) = Σ_j (softplus(l_j) − x_j·l_j)
//
// which is the cross-entropy −Σ (x log p + (1−x) log(1−p)), exact at any logit.
// Its gradient is sigmoid(l) − x. With grey pixels in between 0 and 1 the number
// is still defined, but it is not a likelihood of the data.
//
// Source: Kingma & Welling 2014, Appendix C.1, arXiv:1312.6114.
type Bernoulli struct{}

// Name implements Likelihood.
func (Bernoulli) Name() string { return "bernoulli" }

// Outputs implements Likelihood: X.
func (Bernoulli) Outputs(pixels int) int { return pixels }

// Params implements Likelihood: none.
func (Bernoulli) Params() []*nn.Param { return nil }

// Check implements Likelihood: all that lies in [0,1] is accepted.
func (Bernoulli) Check(x []float32) error { return check("bernoulli", x, unit, "0 to 1") }

// DistortionNode implements Likelihood.
func (Bernoulli) DistortionNode(logits, x *G.Node) (*G.Node, error) {
	d, err := dist.Bernoulli(logits, x) // [B]
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return d, nil
}

// Distortion implements Likelihood. It panics if the lengths differ.
func (Bernoulli) Distortion(logits, x []float64) float64 {
	perPixel(1, logits, x)
	d := 0.0
	for j, l := range logits {
		// softplus(l) = log(1 + exp l), written so that nothing overflows
		d += max(l, 0) + math.Log1p(math.Exp(-math.Abs(l))) - x[j]*l
	}
	return d
}

// Mean implements Likelihood: p = 1/(1 + exp(−l)).
func (Bernoulli) Mean(logits []float32) []float32 {
	simd.Sigmoid(logits, logits)
	return logits
}

// Sample implements Likelihood: 1 with probability p, else 0.
func (b Bernoulli) Sample(logits []float32, src rand.Source) []float32 {
	b.Mean(logits)
	r := rand.New(src)
	for j, p := range logits {
		logits[j] = 0
		if r.Float32() < p {
			logits[j] = 1
		}
	}
	return logits
}

// Gaussian is the likelihood of real-valued pixels with one fixed standard
// deviation, and the means m as parameters:
//
//	−log p(x|z) = Σ_j ½((x_j − m_j)²/σ² + log(2πσ²))
//
// Its gradient is (m − x)/σ². With a linear decoder it makes the model that is
// exactly solvable, probabilistic principal component analysis.
//
// Source: Tipping & Bishop 1999, section 3.1, J. R. Statist. Soc. B 61.
type Gaussian struct {
	Sigma float64 // σ, in units of x, above 0
}

// Name implements Likelihood.
func (Gaussian) Name() string { return "gaussian" }

// Outputs implements Likelihood: X.
func (Gaussian) Outputs(pixels int) int { return pixels }

// Params implements Likelihood: none.
func (Gaussian) Params() []*nn.Param { return nil }

// Check implements Likelihood: finite numbers.
func (Gaussian) Check(x []float32) error { return check("gaussian", x, finite, "a finite number") }

func (g Gaussian) validate() error {
	if !(g.Sigma > 0) || !finite(g.Sigma) {
		return fmt.Errorf("decoder: gaussian likelihood with sigma %v, want a finite number above 0", g.Sigma)
	}
	return nil
}

// DistortionNode implements Likelihood.
func (g Gaussian) DistortionNode(mean, x *G.Node) (*G.Node, error) {
	if err := g.validate(); err != nil {
		return nil, err
	}
	d, err := dist.Gaussian(mean, x, g.Sigma*g.Sigma) // [B]
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return d, nil
}

// Distortion implements Likelihood. It panics if the lengths differ.
func (g Gaussian) Distortion(mean, x []float64) float64 {
	perPixel(1, mean, x)
	d := 0.0
	for j, m := range mean {
		r := (x[j] - m) / g.Sigma
		d += (r*r + math.Log(2*math.Pi*g.Sigma*g.Sigma)) / 2
	}
	return d
}

// Mean implements Likelihood: the parameters are the mean.
func (Gaussian) Mean(mean []float32) []float32 { return mean }

// Sample implements Likelihood: m + σ·N(0,1).
func (g Gaussian) Sample(mean []float32, src rand.Source) []float32 {
	r := rand.New(src)
	for j := range mean {
		mean[j] += float32(g.Sigma * r.NormFloat64())
	}
	return mean
}

// perPixel panics unless there are n parameters for each pixel.
func perPixel(n int, params, x []float64) {
	if len(params) != n*len(x) {
		panic(fmt.Sprintf("decoder: %d parameters for %d pixels, want %d each", len(params), len(x), n))
	}
}

// check returns an error for the first pixel that is not ok.
func check(name string, x []float32, ok func(v float64) bool, want string) error {
	for j, v := range x {
		if !ok(float64(v)) {
			return fmt.Errorf("decoder: %s likelihood: pixel %d is %v, want %s", name, j, v, want)
		}
	}
	return nil
}

func unit(v float64) bool   { return v >= 0 && v <= 1 }
func finite(v float64) bool { return v-v == 0 }
