package dist

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/simd"
	"govae/nn"
)

// least is added to every learned variance and scale, so that the distortion stays
// finite however low a log-variance or log-scale is. It changes nothing else, and the
// formulas below leave it out.
const least = 1e-26

// Gaussian is the family of real-valued pixels with one fixed standard deviation, and the
// means m as parameters:
//
//	−log p(x) = Σ_j ½((x_j − m_j)²/σ² + log(2πσ²))
//
// Its gradient is (m − x)/σ². With a linear decoder it makes the model that is
// exactly solvable, probabilistic principal component analysis.
//
// Source: Tipping & Bishop 1999, section 3.1, J. R. Statist. Soc. B 61.
type Gaussian struct {
	Sigma float64 // σ, in units of x, above 0
}

// Name implements Family.
func (Gaussian) Name() string { return "gaussian" }

// Domain implements Family.
func (Gaussian) Domain() Domain { return Real }

// Outputs implements Family: dim.
func (Gaussian) Outputs(dim int) int { return dim }

// Params implements Family: none.
func (Gaussian) Params() []*nn.Param { return nil }

// Validate returns an error if Sigma is not a finite number above 0.
func (g Gaussian) Validate() error {
	if !(g.Sigma > 0) || !finite(g.Sigma) {
		return fmt.Errorf("dist: gaussian likelihood with sigma %v, want a finite number above 0", g.Sigma)
	}
	return nil
}

// On implements Family.
func (g Gaussian) On(mean *G.Node) (Dist, error) {
	return likelihood{mean, func(mean, x *G.Node) (*G.Node, error) { return gaussianNode(mean, x, g.Sigma*g.Sigma) }}, g.Validate()
}

// At implements Family; it is a NormalValue.
func (g Gaussian) At(mean []float64) Value { return isotropic(mean, 2*math.Log(g.Sigma)) }

// Means are the parameters themselves.
func (Gaussian) Means(mean []float32, _ int) []float32 { return mean }

// isotropic is a NormalValue of one variance.
func isotropic(mean []float64, logvar float64) NormalValue {
	v := NormalValue{mean, make([]float64, len(mean))}
	for j := range v.Logvar {
		v.Logvar[j] = logvar
	}
	return v
}

// GaussianLearned is Gaussian with one variance for all pixels that is learned with
// the weights, σ² = exp(logvar):
//
//	−log p(x) = Σ_j ½((x_j − m_j)²/σ² + log(2πσ²))
//
// The gradient is (m − x)/σ², and for logvar Σ_j ½(1 − (x_j − m_j)²/σ²): at its
// best, σ² is the mean squared error of a pixel.
//
// Source: Rybkin, Daniilidis & Levine 2021, Simple and Effective VAE Training with
// Calibrated Decoders, arXiv:2006.13202.
type GaussianLearned struct {
	logvar *nn.Param // [1]
}

// NewGaussianLearned makes the family with its own parameter of float32 or
// float64, "likelihood.logvar" [1]. σ starts at sigma, in units of x, above 0.
func NewGaussianLearned(sigma float64, dt tensor.Dtype) (GaussianLearned, error) {
	if !(sigma > 0) || !finite(sigma) {
		return GaussianLearned{}, fmt.Errorf("dist: gaussian-learned likelihood that starts at sigma %v, want a finite number above 0", sigma)
	}
	if dt != tensor.Float32 && dt != tensor.Float64 {
		return GaussianLearned{}, fmt.Errorf("dist: gaussian-learned likelihood of %v, want float32 or float64", dt)
	}
	g, logvar := GaussianLearned{nn.NewParam(dt, "likelihood.logvar", 1)}, 2*math.Log(sigma)
	if v, ok := g.logvar.Value.Data().([]float64); ok {
		v[0] = logvar // Fill rounds
	} else {
		g.logvar.Fill(func() float64 { return logvar })
	}
	return g, nil
}

// Sigma is σ as it is now, in units of x.
func (g GaussianLearned) Sigma() float64 { return math.Sqrt(least + math.Exp(g.logvar.Numbers()[0])) }

// Name implements Family.
func (GaussianLearned) Name() string { return "gaussian-learned" }

// Domain implements Family.
func (GaussianLearned) Domain() Domain { return Real }

// Outputs implements Family: dim.
func (GaussianLearned) Outputs(dim int) int { return dim }

// Params implements Family: "likelihood.logvar".
func (g GaussianLearned) Params() []*nn.Param { return []*nn.Param{g.logvar} }

// On implements Family.
func (g GaussianLearned) On(mean *G.Node) (Dist, error) {
	return likelihood{mean, func(mean, x *G.Node) (*G.Node, error) {
		return gaussianLearnedNode(mean, x, g.logvar.Node(mean.Graph()), least)
	}}, nil
}

// At implements Family; it is a NormalValue.
func (g GaussianLearned) At(mean []float64) Value { return isotropic(mean, 2*math.Log(g.Sigma())) }

// Means are the parameters themselves.
func (GaussianLearned) Means(mean []float32, _ int) []float32 { return mean }

// GaussianPixel is the family of real-valued pixels with a mean m and a
// log-variance l of each as parameters:
//
//	−log p(x) = Σ_j ½((x_j − m_j)²/σ_j² + log(2πσ_j²))    σ_j² = MinSigma² + exp(l_j)
//
// The gradient is (m − x)/σ² and ½(1 − (x − m)²/σ²)·exp(l)/σ². Without MinSigma the
// density has no bound: where a pixel never varies, as at the edge of MNIST's
// images, training lowers its l for ever (Mattei & Frellsen 2018, arXiv:1802.04826).
//
// Source: Kingma & Welling 2014, Appendix C.2, arXiv:1312.6114.
type GaussianPixel struct {
	MinSigma float64 // what σ never goes below, in units of x; 0 for no bound
}

func (g GaussianPixel) leastVariance() float64 { return max(g.MinSigma*g.MinSigma, least) }

// Name implements Family.
func (GaussianPixel) Name() string { return "gaussian-pixel" }

// Domain implements Family.
func (GaussianPixel) Domain() Domain { return Real }

// Outputs implements Family: 2·dim.
func (GaussianPixel) Outputs(dim int) int { return 2 * dim }

// Params implements Family: none.
func (GaussianPixel) Params() []*nn.Param { return nil }

// Validate returns an error if MinSigma is not a finite number of at least 0.
func (g GaussianPixel) Validate() error {
	if !(g.MinSigma >= 0) || !finite(g.MinSigma) {
		return fmt.Errorf("dist: gaussian-pixel likelihood with a least sigma of %v, want a finite number of at least 0", g.MinSigma)
	}
	return nil
}

// On implements Family.
func (g GaussianPixel) On(params *G.Node) (Dist, error) {
	return likelihood{params, func(params, x *G.Node) (*G.Node, error) { return gaussianPixelNode(params, x, g.leastVariance()) }}, g.Validate()
}

// At implements Family; it is a NormalValue.
func (g GaussianPixel) At(params []float64) Value {
	d := half(params)
	v := NormalValue{params[:d:d], make([]float64, d)}
	for j, l := range params[d:] {
		v.Logvar[j] = math.Log(g.leastVariance() + math.Exp(l))
	}
	return v
}

// gaussianNode computes the distortion −log p(x|z) = Σ ½((x−m)²/var + log 2π·var) in
// nats, [B], of pixels x under means m, both [B,X], and one fixed variance.
func gaussianNode(mean, x *G.Node, variance float64) (*G.Node, error) {
	return likelihoodNode(fmt.Sprintf("gaussian(%v)", variance), 1, graph.Both(gaussian[float32](variance), gaussian[float64](variance)), mean, x)
}

func gaussian[T graph.Float](variance float64) func(d []T, in [][]T) {
	return func(d []T, in [][]T) { simd.Gaussian(d, in[2], in[0], in[1], variance) }
}

// gaussianPixelNode computes the distortion −log p(x|z) = Σ ½((x−m)²/var + log(2π·var))
// in nats, [B], of pixels x [B,X], where params [B,2X] are the means and then the
// log-variances l of the pixels: var = least + eˡ, least > 0.
func gaussianPixelNode(params, x *G.Node, least float64) (*G.Node, error) {
	return likelihoodNode(fmt.Sprintf("gaussianPixel(%v)", least), 2, graph.Both(gaussianPixel[float32](least), gaussianPixel[float64](least)), params, x)
}

func gaussianPixel[T graph.Float](least float64) func(d []T, in [][]T) {
	return func(d []T, in [][]T) { simd.GaussianPixel(d, in[2], in[0], in[1], least) }
}

// gaussianLearnedNode is gaussianNode with one variance least + exp(logvar) for all pixels,
// least > 0; logvar is [1], and has a gradient.
func gaussianLearnedNode(mean, x, logvar *G.Node, least float64) (*G.Node, error) {
	name := fmt.Sprintf("gaussianLearned(%v)", least)
	if s := logvar.Shape(); s.Dims() != 1 || s[0] != 1 {
		return nil, fmt.Errorf("dist: %s: log-variance of shape %v, want [1]", name, s)
	}
	if err := checkParams(name, 1, mean, x); err != nil {
		return nil, err
	}
	return graph.Op{Name: name, Shape: tensor.Shape{x.Shape()[0]}, InPlace: true,
		Run: graph.Both(gaussianLearned[float32](least), gaussianLearned[float64](least)),
		Grads: []graph.Kernel{graph.Both(scaleSaved[float32], scaleSaved[float64]), {},
			graph.Both(gaussianLearnedGrad[float32](least), gaussianLearnedGrad[float64](least))},
	}.Apply(mean, x, logvar)
}

func gaussianLearned[T graph.Float](least float64) func(d []T, in [][]T) {
	return func(d []T, in [][]T) { simd.GaussianLearned(d, in[3], in[0], in[1], float64(in[2][0]), least) }
}

// gaussianLearnedGrad is dlogvar, from dd, d, the means, the pixels and logvar.
func gaussianLearnedGrad[T graph.Float](least float64) func(dlogvar []T, in [][]T) {
	return func(dlogvar []T, in [][]T) {
		dd, d, width := in[0], in[1], len(in[3])/len(in[1])
		dlogvar[0] = T(simd.GaussianLearnedGrad(dd, d, width, float64(in[4][0]), least))
	}
}
