package optest

import (
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
	"govae/klreg"
)

func reparameterizeCase() opCase {
	s := []int{testB, testN}
	c := opCase{name: "reparameterize", shapes: [][]int{s, s, s}, wrt: []int{0, 1}}
	c.value, c.grad = elementwise(func(v []float64) (float64, float64) {
		noise := math.Exp(v[1]/2) * v[2]
		return v[0] + noise, math.Abs(v[0]) + math.Abs(noise)
	}, func(v []float64) (d, scale []float64) {
		d = []float64{1, math.Exp(v[1]/2) * v[2] / 2}
		return d, d
	})
	c.points = normals(c.shapes)
	c.edge = func(r *rand.Rand) [][]float64 {
		n := size(s)
		return [][]float64{pick(r, n, extremeMu...), pick(r, n, extremeLogvar...), normal(r, n, 1)}
	}
	return overParams(c, 0, func(in []*G.Node) (*G.Node, error) { return dist.Reparameterize(in[0], in[1]) })
}

func gaussianKLCase() opCase {
	s := []int{testB, testN}
	c := opCase{name: "gaussianKL", shapes: [][]int{s, s}, wrt: []int{0, 1}}
	c.value, c.grad = elementwise(func(v []float64) (float64, float64) {
		kl := (v[0]*v[0] + math.Expm1(v[1]) - v[1]) / 2
		if math.Abs(v[1]) < 1e-5 { // there the line above cancels
			kl = (v[0]*v[0] + v[1]*v[1]/2*(1+v[1]/3+v[1]*v[1]/12)) / 2
		}
		return kl, kl
	}, func(v []float64) (d, scale []float64) {
		d = []float64{v[0], math.Expm1(v[1]) / 2}
		return d, d
	})
	c.points = normals(c.shapes)
	c.edge = func(r *rand.Rand) [][]float64 {
		return [][]float64{pick(r, size(s), extremeMu...), pick(r, size(s), extremeLogvar...)}
	}
	return overParams(c, 0, func(in []*G.Node) (*G.Node, error) { return klreg.GaussianDimsNode(in[0]) })
}

// likelihoodCase sums a distortion over rows; the second input, the pixels, has
// no gradient.
func likelihoodCase(name string, build func(in []*G.Node) (*G.Node, error), d func(p, x float64) (d, scale, grad, gradScale float64)) opCase {
	s := []int{testB, testN}
	return opCase{name: name, shapes: [][]int{s, s}, wrt: []int{0}, build: build,
		value: func(in [][]float64) (out, scale []float64) {
			out, scale = make([]float64, testB), make([]float64, testB)
			for i := range in[0] {
				v, s, _, _ := d(in[0][i], in[1][i])
				out[i/testN] += v
				scale[i/testN] += s
			}
			return out, scale
		},
		grad: func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			grads, scale = make([][]float64, 1), make([][]float64, 1)
			for i := range in[0] {
				_, _, g, s := d(in[0][i], in[1][i])
				grads[0], scale[0] = append(grads[0], cot[i/testN]*g), append(scale[0], cot[i/testN]*s)
			}
			return grads, scale
		},
		points: normals([][]int{s, s}),
		edge: func(r *rand.Rand) [][]float64 {
			return [][]float64{pick(r, size(s), extremeLogit...), pick(r, size(s), 0, 1, 0.25)}
		}}
}

func bernoulliCase() opCase {
	return likelihoodCase("bernoulli", func(in []*G.Node) (*G.Node, error) { return negLogProb(dist.Bernoulli{}, in[0], in[1]) },
		func(l, x float64) (d, scale, grad, gradScale float64) {
			softplus := max(l, 0) + math.Log1p(math.Exp(-math.Abs(l)))
			p := 1 / (1 + math.Exp(-l))
			return softplus - x*l, softplus + math.Abs(x*l), p - x, p + math.Abs(x)
		})
}

const testVariance = 0.09

func gaussianCase() opCase {
	return likelihoodCase("gaussian", func(in []*G.Node) (*G.Node, error) {
		return negLogProb(dist.Gaussian{Sigma: math.Sqrt(testVariance)}, in[0], in[1])
	},
		func(m, x float64) (d, scale, grad, gradScale float64) {
			e, c := x-m, math.Log(2*math.Pi*testVariance)
			return (e*e/testVariance + c) / 2, (e*e/testVariance + math.Abs(c)) / 2, -e / testVariance, e / testVariance
		})
}

func rowSumsCase() opCase {
	s := []int{testB, testN}
	return opCase{name: "rowSums", shapes: [][]int{s}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) { return graph.RowSums(in[0]) },
		value: func(in [][]float64) (out, scale []float64) {
			out, scale = make([]float64, testB), make([]float64, testB)
			for i, v := range in[0] {
				out[i/testN] += v
				scale[i/testN] += math.Abs(v)
			}
			return out, scale
		},
		grad: func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			g := make([]float64, len(in[0]))
			for i := range g {
				g[i] = cot[i/testN]
			}
			return [][]float64{g}, [][]float64{g}
		},
		points: normals([][]int{s}),
		edge:   func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, size(s), 1e8, -1e8, 1e-8, 1e20)} }}
}

func meanCase() opCase {
	return opCase{name: "mean", shapes: [][]int{{7}}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) { return graph.Mean(in[0]) },
		value: func(in [][]float64) (out, scale []float64) {
			var sum, abs float64
			for _, v := range in[0] {
				sum += v / 7
				abs += math.Abs(v) / 7
			}
			return []float64{sum}, []float64{abs}
		},
		grad: func([][]float64, []float64) (grads, scale [][]float64) {
			g := make([]float64, 7)
			for i := range g {
				g[i] = 1.0 / 7
			}
			return [][]float64{g}, [][]float64{g}
		},
		points: normals([][]int{{7}}),
		edge:   func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, 7, 1e8, -1e8, 1e-8, 1e20)} }}
}

const testFloor = 0.4

func freeBitsCase() opCase {
	s := []int{testB, testN}
	means := func(kl []float64) []float64 {
		m := make([]float64, testN)
		for i, v := range kl {
			m[i%testN] += v / testB
		}
		return m
	}
	return opCase{name: "freeBits", shapes: [][]int{s}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) { return freeBits(in[0], testFloor) },
		value: func(in [][]float64) (out, scale []float64) {
			sum := 0.0
			for _, m := range means(in[0]) {
				sum += math.Max(testFloor, m)
			}
			return []float64{sum}, []float64{sum}
		},
		grad: func(in [][]float64, _ []float64) (grads, scale [][]float64) {
			g, m := make([]float64, len(in[0])), means(in[0])
			for i := range g {
				if m[i%testN] > testFloor {
					g[i] = 1.0 / testB
				}
			}
			return [][]float64{g}, [][]float64{g}
		},
		points: func(r *rand.Rand) [][]float64 { // the last dimension lies below the floor, the others above
			kl := normal(r, size(s), 1)
			for i := range kl {
				kl[i] = math.Abs(kl[i]) + 0.5
				if i%testN == testN-1 {
					kl[i] = float64(float32(kl[i] / 100))
				}
			}
			return [][]float64{kl}
		},
		edge: func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, size(s), 0, 1e8, 1e-8, 3)} }}
}
