package decoder

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/nn"
)

// least is added to every learned variance and scale, so that the distortion stays
// finite however low a log-variance or log-scale is. It changes nothing else, and the
// formulas below leave it out.
const least = 1e-26

// GaussianLearned is Gaussian with one variance for all pixels that is learned with
// the weights, σ² = exp(logvar):
//
//	−log p(x|z) = Σ_j ½((x_j − m_j)²/σ² + log(2πσ²))
//
// The gradient is (m − x)/σ², and for logvar Σ_j ½(1 − (x_j − m_j)²/σ²): at its
// best, σ² is the mean squared error of a pixel.
//
// Source: Rybkin, Daniilidis & Levine 2021, Simple and Effective VAE Training with
// Calibrated Decoders, arXiv:2006.13202.
type GaussianLearned struct {
	logvar *nn.Param // [1]
}

// NewGaussianLearned makes the likelihood with its own parameter of float32 or
// float64, "likelihood.logvar" [1]. σ starts at sigma, in units of x, above 0.
func NewGaussianLearned(sigma float64, dt tensor.Dtype) (GaussianLearned, error) {
	if !(sigma > 0) || !finite(sigma) {
		return GaussianLearned{}, fmt.Errorf("decoder: gaussian-learned likelihood that starts at sigma %v, want a finite number above 0", sigma)
	}
	logvar := 2 * math.Log(sigma)
	if dt != tensor.Float32 && dt != tensor.Float64 {
		return GaussianLearned{}, fmt.Errorf("decoder: gaussian-learned likelihood of %v, want float32 or float64", dt)
	}
	g := GaussianLearned{nn.NewParam(dt, "likelihood.logvar", 1)}
	if v, ok := g.logvar.Value.Data().([]float64); ok {
		v[0] = logvar // Fill rounds
	} else {
		g.logvar.Fill(func() float64 { return logvar })
	}
	return g, nil
}

// Sigma is σ as it is now, in units of x.
func (g GaussianLearned) Sigma() float64 {
	return math.Sqrt(least + math.Exp(g.logvar.Numbers()[0]))
}

// Name implements Likelihood.
func (GaussianLearned) Name() string { return "gaussian-learned" }

// Outputs implements Likelihood: X.
func (GaussianLearned) Outputs(pixels int) int { return pixels }

// Params implements Likelihood: "likelihood.logvar".
func (g GaussianLearned) Params() []*nn.Param { return []*nn.Param{g.logvar} }

// Check implements Likelihood: finite numbers.
func (GaussianLearned) Check(x []float32) error {
	return check("gaussian-learned", x, finite, "a finite number")
}

// DistortionNode implements Likelihood.
func (g GaussianLearned) DistortionNode(mean, x *G.Node) (*G.Node, error) {
	d, err := dist.GaussianLearned(mean, x, g.logvar.Node(mean.Graph()), least) // [B]
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return d, nil
}

// Distortion implements Likelihood. It panics if the lengths differ.
func (g GaussianLearned) Distortion(mean, x []float64) float64 {
	return Gaussian{g.Sigma()}.Distortion(mean, x)
}

// Mean implements Likelihood: the parameters are the mean.
func (GaussianLearned) Mean(mean []float32) []float32 { return mean }

// Sample implements Likelihood: m + σ·N(0,1).
func (g GaussianLearned) Sample(mean []float32, src rand.Source) []float32 {
	return Gaussian{g.Sigma()}.Sample(mean, src)
}

// GaussianPixel is the likelihood of real-valued pixels with a mean m and a
// log-variance l of each as parameters:
//
//	−log p(x|z) = Σ_j ½((x_j − m_j)²/σ_j² + log(2πσ_j²))    σ_j² = MinSigma² + exp(l_j)
//
// The gradient is (m − x)/σ² and ½(1 − (x − m)²/σ²)·exp(l)/σ². Without MinSigma the
// density has no bound: where a pixel never varies, as at the edge of MNIST's
// images, training lowers its l for ever (Mattei & Frellsen 2018, arXiv:1802.04826).
//
// Source: Kingma & Welling 2014, Appendix C.2, arXiv:1312.6114.
type GaussianPixel struct {
	MinSigma float64 // what σ never goes below, in units of x; 0 for no bound
}

// variance is σ² of a log-variance.
func (g GaussianPixel) variance(l float64) float64 { return g.leastVariance() + math.Exp(l) }

func (g GaussianPixel) leastVariance() float64 { return max(g.MinSigma*g.MinSigma, least) }

// Name implements Likelihood.
func (GaussianPixel) Name() string { return "gaussian-pixel" }

// Outputs implements Likelihood: 2X.
func (GaussianPixel) Outputs(pixels int) int { return 2 * pixels }

// Params implements Likelihood: none.
func (GaussianPixel) Params() []*nn.Param { return nil }

// Check implements Likelihood: finite numbers.
func (GaussianPixel) Check(x []float32) error {
	return check("gaussian-pixel", x, finite, "a finite number")
}

func (g GaussianPixel) validate() error {
	if !(g.MinSigma >= 0) || !finite(g.MinSigma) {
		return fmt.Errorf("decoder: gaussian-pixel likelihood with a least sigma of %v, want a finite number of at least 0", g.MinSigma)
	}
	return nil
}

// DistortionNode implements Likelihood.
func (g GaussianPixel) DistortionNode(params, x *G.Node) (*G.Node, error) {
	if err := g.validate(); err != nil {
		return nil, err
	}
	d, err := dist.GaussianPixel(params, x, g.leastVariance()) // [B]
	if err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	return d, nil
}

// Distortion implements Likelihood. It panics unless there are two parameters a pixel.
func (g GaussianPixel) Distortion(params, x []float64) float64 {
	perPixel(2, params, x)
	mean, logvar := params[:len(x)], params[len(x):]
	d := 0.0
	for j := range x {
		variance, r := g.variance(logvar[j]), x[j]-mean[j]
		d += (r*r/variance + math.Log(2*math.Pi*variance)) / 2
	}
	return d
}

// Mean implements Likelihood: the means are the first half of the parameters.
func (GaussianPixel) Mean(params []float32) []float32 { return params[:len(params)/2] }

// Sample implements Likelihood: m + σ·N(0,1).
func (g GaussianPixel) Sample(params []float32, src rand.Source) []float32 {
	r := rand.New(src)
	mean, logvar := params[:len(params)/2], params[len(params)/2:]
	for j, l := range logvar {
		mean[j] += float32(math.Sqrt(g.variance(float64(l))) * r.NormFloat64())
	}
	return mean
}
