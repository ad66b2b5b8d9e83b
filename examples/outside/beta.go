package outside

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
	"govae/nn"
	"govae/vae"
)

func init() {
	vae.RegisterLikelihood("beta", vae.Part[dist.Family]{New: func(vae.Spec) (dist.Family, error) { return Beta{}, nil }})
}

// Beta is the likelihood of grey pixels from 0 to 1. Each pixel has two parameters, and
// from them two shapes:
//
//	a = softplus(h_a) + 0.01     b = softplus(h_b) + 0.01
//	log p(x) = Σ_j lnΓ(a+b) − lnΓ(a) − lnΓ(b) + (a−1)·log x + (b−1)·log(1−x)
//
// The parameters of a row are all h_a, then all h_b: [2X].
//
// The density may be infinite at 0 and at 1, and most pixels of MNIST are 0 or 1. So a
// pixel is cut off at half a grey level, at 1/512 and at 1 − 1/512. Graph and value do the
// same. Pixels stay grey: train and evaluate with binarize none.
type Beta struct{}

const pixelEdge, leastShape = 1. / 512, 0.01

// Name implements dist.Family.
func (Beta) Name() string { return "beta" }

// Domain implements dist.Family.
func (Beta) Domain() dist.Domain { return dist.Unit }

// Outputs implements dist.Family.
func (Beta) Outputs(dim int) int { return 2 * dim }

// Params implements dist.Family: none.
func (Beta) Params() []*nn.Param { return nil }

// On implements dist.Family.
func (Beta) On(h *G.Node) (dist.Dist, error) { return betaBatch{h}, nil }

// At implements dist.Family.
func (Beta) At(h []float64) dist.Value { return betaValue(h) }

// betaBatch is a batch of parameters h [R,2X].
type betaBatch struct{ h *G.Node }

// LogProb implements dist.Dist: [R]. It has a gradient to h, and none to x, which is data.
func (d betaBatch) LogProb(x *G.Node) (*G.Node, error) {
	var s graph.Steps
	n := x.Shape()[1]
	ha, hb := s.Do(graph.Columns(d.h, 0, n)), s.Do(graph.Columns(d.h, n, 2*n)) // [R,X]
	l := s.Do(graph.RowSums(s.Do(betaLog.Apply(ha, hb, x))))                   // [R]
	return l, s.Err()
}

// betaLog is log p(x) of each pixel, from h_a, h_b and x. Its gradient reads dout and the
// output, then the inputs. With the digamma function ψ, the derivative of lnΓ, it is
//
//	∂log p/∂a = ψ(a+b) − ψ(a) + log x         ∂a/∂h_a = sigmoid(h_a)
//	∂log p/∂b = ψ(a+b) − ψ(b) + log(1−x)      ∂b/∂h_b = sigmoid(h_b)
var betaLog = graph.Op{Name: "beta",
	Run: graph.Each(func(v []float64) float64 { return of(v[0], v[1], nil).LogProb(inside(v[2])) }),
	Grads: []graph.Kernel{
		graph.Each(func(v []float64) float64 { return v[0] * slope(v[2], v[3], inside(v[4])) }),
		graph.Each(func(v []float64) float64 { return v[0] * slope(v[3], v[2], 1-inside(v[4])) })}}

// slope is ∂log p/∂h_a. Since Beta(a,b) of x is Beta(b,a) of 1−x, it serves for h_b as well.
func slope(ha, hb, x float64) float64 {
	p := of(ha, hb, nil)
	return (mathext.Digamma(p.Alpha+p.Beta) - mathext.Digamma(p.Alpha) + math.Log(x)) * sigmoid(ha)
}

// of is the distribution of one pixel.
func of(ha, hb float64, src rand.Source) distuv.Beta {
	return distuv.Beta{Alpha: softplus(ha) + leastShape, Beta: softplus(hb) + leastShape, Src: src}
}

func inside(x float64) float64 { return min(max(x, pixelEdge), 1-pixelEdge) }

// betaValue is one row of parameters [2X] as plain numbers.
type betaValue []float64

// LogProb implements dist.Value.
func (v betaValue) LogProb(x []float64) (sum float64) {
	for j := range x {
		sum += of(v[j], v[len(x)+j], nil).LogProb(inside(x[j]))
	}
	return sum
}

// Mean implements dist.Value: a/(a+b).
func (v betaValue) Mean() []float64 { return v.each(distuv.Beta.Mean, nil) }

// Sample implements dist.Value.
func (v betaValue) Sample(src rand.Source) []float64 { return v.each(draw, src) }

// draw repeats what is 0/0: two gamma variables of small shapes, both rounded to 0.
func draw(b distuv.Beta) (x float64) {
	for x = b.Rand(); math.IsNaN(x); {
		x = b.Rand()
	}
	return x
}

func (v betaValue) each(get func(distuv.Beta) float64, src rand.Source) []float64 {
	x := make([]float64, len(v)/2)
	for j := range x {
		x[j] = get(of(v[j], v[len(x)+j], src))
	}
	return x
}
