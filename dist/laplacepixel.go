package dist

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/nn"
)

// LaplacePixel is the family of real-valued pixels with a location m and a log-scale s of
// each as parameters, all m first: Laplace with a least scale.
//
//	−log p(x) = Σ_j (|x_j − m_j|/b_j + log b_j + log 2)    b_j = MinScale + exp(s_j)
//
// The gradient is sign(m − x)/b, 0 at m = x, and (1 − |x − m|/b)·exp(s)/b. Without MinScale the
// density has no bound, as that of GaussianPixel without MinSigma.
//
// Source: Kotz, Kozubowski & Podgórski 2001, The Laplace Distribution and Generalizations,
// section 2.1.
type LaplacePixel struct {
	MinScale float64 // what b never goes below, in units of x; 0 for no bound
}

func (l LaplacePixel) leastScale() float64 { return max(l.MinScale, math.Sqrt(least)) }

// Name implements Family: that of Laplace.
func (LaplacePixel) Name() string { return "laplace" }

// Domain implements Family.
func (LaplacePixel) Domain() Domain { return Real }

// Outputs implements Family: 2·dim.
func (LaplacePixel) Outputs(dim int) int { return 2 * dim }

// Params implements Family: none.
func (LaplacePixel) Params() []*nn.Param { return nil }

// Validate returns an error if MinScale is not a finite number of at least 0.
func (l LaplacePixel) Validate() error {
	if !(l.MinScale >= 0) || !finite(l.MinScale) {
		return fmt.Errorf("dist: laplace likelihood with a least scale of %v, want a finite number of at least 0", l.MinScale)
	}
	return nil
}

// On implements Family.
func (l LaplacePixel) On(params *G.Node) (Dist, error) {
	b := l.leastScale()
	return likelihood{params, func(params, x *G.Node) (*G.Node, error) {
		return likelihoodNode(fmt.Sprintf("laplacePixel(%v)", b), 2, graph.Both(laplacePixel[float32](b), laplacePixel[float64](b)), params, x)
	}}, l.Validate()
}

// At implements Family; it is a LaplaceValue.
func (l LaplacePixel) At(params []float64) Value {
	d := half(params)
	v := LaplaceValue{params[:d:d], make([]float64, d)}
	for j, s := range params[d:] {
		v.Logscale[j] = math.Log(l.leastScale() + math.Exp(s))
	}
	return v
}

// laplacePixel is −log p(x), from the parameters and x. It leaves its gradient where there is
// room.
func laplacePixel[T graph.Float](least float64) func(d []T, in [][]T) {
	return func(d []T, in [][]T) {
		h, x, grad := in[0], in[1], in[2]
		n := len(x) / len(d)
		for i := range d {
			m, s := halves(h, i, n)
			sum := 0.0
			for j := range m {
				raised := math.Exp(float64(s[j]))
				b, e := least+raised, float64(m[j])-float64(x[i*n+j])
				sum += math.Abs(e)/b + math.Log(b)
				if grad != nil {
					dm, ds := halves(grad, i, n)
					dm[j] = T(sign(e) / b)
					ds[j] = T((1 - math.Abs(e)/b) * raised / b)
				}
			}
			d[i] = T(sum + float64(n)*math.Ln2)
		}
	}
}
