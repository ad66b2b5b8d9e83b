package optest

import (
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/dist"
)

// testLeast is added to learned variances and scales.
const testLeast = 0.01

func continuousBernoulliCase() opCase {
	return likelihoodCase("continuousBernoulli", func(in []*G.Node) (*G.Node, error) { return negLogProb(dist.ContinuousBernoulli{}, in[0], in[1]) },
		func(l, x float64) (d, scale, grad, gradScale float64) {
			softplus := max(l, 0) + math.Log1p(math.Exp(-math.Abs(l)))
			if l == 0 {
				return 0, 1, 0.5 - x, 0.5 + math.Abs(x)
			}
			c := l / math.Tanh(l/2)
			a, b := 1/-math.Expm1(-l), 1/l
			return softplus - x*l - math.Log(c), softplus + math.Abs(x*l) + 1, a - b - x, math.Abs(a) + math.Abs(b) + math.Abs(x)
		})
}

// twoPerPixelCase is likelihoodCase for a mean and a second parameter a pixel. It
// sums d(m, l, x), with its two derivatives, over rows.
func twoPerPixelCase(name string, build func(in []*G.Node) (*G.Node, error),
	d func(m, l, x float64) (d, scale float64, grad, gradScale [2]float64)) opCase {
	each := func(in [][]float64, f func(row, m, l int, d, scale float64, grad, gradScale [2]float64)) {
		for i := range testB {
			for j := range testN {
				m, l := 2*testN*i+j, 2*testN*i+testN+j
				v, s, g, gs := d(in[0][m], in[0][l], in[1][testN*i+j])
				f(i, m, l, v, s, g, gs)
			}
		}
	}
	return opCase{name: name, shapes: [][]int{{testB, 2 * testN}, {testB, testN}}, wrt: []int{0}, build: build,
		value: func(in [][]float64) (out, scale []float64) {
			out, scale = make([]float64, testB), make([]float64, testB)
			each(in, func(row, _, _ int, d, s float64, _, _ [2]float64) {
				out[row] += d
				scale[row] += s
			})
			return out, scale
		},
		grad: func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			g, gs := make([]float64, len(in[0])), make([]float64, len(in[0]))
			each(in, func(row, m, l int, _, _ float64, grad, s [2]float64) {
				g[m], g[l] = cot[row]*grad[0], cot[row]*grad[1]
				gs[m], gs[l] = cot[row]*s[0], cot[row]*s[1]
			})
			return [][]float64{g}, [][]float64{gs}
		}}
}

func gaussianPixelCase() opCase {
	c := twoPerPixelCase("gaussianPixel", func(in []*G.Node) (*G.Node, error) {
		return negLogProb(dist.GaussianPixel{MinSigma: math.Sqrt(testLeast)}, in[0], in[1])
	},
		func(m, l, x float64) (d, scale float64, grad, gradScale [2]float64) {
			v, r := testLeast+math.Exp(l), m-x
			q, log, part := r*r/v, math.Log(2*math.Pi*v), math.Exp(l)/v
			return (q + log) / 2, (q + math.Abs(log)) / 2, [2]float64{r / v, (1 - q) / 2 * part}, [2]float64{r / v, (1 + q) / 2 * part}
		})
	c.points = func(r *rand.Rand) [][]float64 { // within a few standard deviations, where differences have digits
		return [][]float64{normal(r, 2*testN*testB, 0.5), normal(r, testN*testB, 0.5)}
	}
	c.edge = func(r *rand.Rand) [][]float64 {
		return [][]float64{pick(r, 2*testN*testB, -80, -1e-8, 0, 1e-8, 40, 1, -2), pick(r, testN*testB, -100, 0, 1, 0.25)}
	}
	return c
}

func logistic256Case() opCase {
	sigmoid := func(a float64) float64 { return 1 / (1 + math.Exp(-a)) }
	softplus := func(a float64) float64 { return max(a, 0) + math.Log1p(math.Exp(-math.Abs(a))) }
	c := twoPerPixelCase("logistic256", func(in []*G.Node) (*G.Node, error) { return negLogProb(dist.Logistic256{}, in[0], in[1]) },
		func(m, l, x float64) (d, scale float64, grad, gradScale [2]float64) {
			s, level := 1e-26+math.Exp(l), math.Round(x*255)
			p, q := ((level+0.5)/255-m)/s, ((level-0.5)/255-m)/s
			t := 1 / (255 * s)
			part := math.Exp(l) / s
			if level < 255 {
				d += softplus(-p)
				grad[0] += sigmoid(-p) / s
				grad[1] += sigmoid(-p) * p * part
				gradScale[1] += math.Abs(sigmoid(-p) * p * part)
			}
			if level > 0 {
				d += softplus(q)
				grad[0] -= sigmoid(q) / s
				grad[1] -= sigmoid(q) * q * part
				gradScale[1] += math.Abs(sigmoid(q) * q * part)
			}
			if level > 0 && level < 255 {
				d -= math.Log(-math.Expm1(-t))
				grad[1] += t / math.Expm1(t) * part
				gradScale[1] += t / math.Expm1(t) * part
			}
			// p and q themselves are rounded, by 1e-16/s.
			gradScale[0], gradScale[1] = 1/s+1/(s*s), gradScale[1]+1/s
			return d, d + 1/s, grad, gradScale
		})
	levels := func(r *rand.Rand) []float64 {
		x := make([]float64, testN*testB)
		for i := range x {
			x[i] = float64(float32([]int{0, 1, 100, 200, 254, 255}[r.IntN(6)]) / 255)
		}
		return x
	}
	c.points = func(r *rand.Rand) [][]float64 { return [][]float64{normal(r, 2*testN*testB, 0.5), levels(r)} }
	c.edge = func(r *rand.Rand) [][]float64 {
		return [][]float64{pick(r, 2*testN*testB, -80, 60, -1e4, 0, 0.2, -30, 1e-8), levels(r)}
	}
	return c
}
