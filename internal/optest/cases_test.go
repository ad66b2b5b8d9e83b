package optest

import (
	"math/rand/v2"

	"govae/dist"
	"govae/graph"
	"govae/klreg"
	"govae/nn"

	G "gorgonia.org/gorgonia"
)

// opCase is an operation with its definition in plain float64: the oracle of the
// tests of values and gradients.
type opCase struct {
	name   string
	shapes [][]int
	wrt    []int // inputs with a gradient
	build  func(in []*G.Node) (*G.Node, error)
	value  func(in [][]float64) (out, scale []float64)                    // scale: sums of absolute values
	grad   func(in [][]float64, cot []float64) (grads, scale [][]float64) // closed form, one per wrt
	points func(r *rand.Rand) [][]float64                                 // ordinary inputs
	edge   func(r *rand.Rand) [][]float64                                 // extreme ones, nil for none
}

const (
	testB = 5
	testN = 3
)

// pick returns n elements of choices.
func pick(r *rand.Rand, n int, choices ...float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(choices[r.IntN(len(choices))]))
	}
	return x
}

var (
	extremeLogvar = []float64{-80, -1e-8, 0, 1e-8, 80, 1, -2}
	extremeMu     = []float64{-1e4, 1e4, 0, 1e-8, -0.5}
	extremeLogit  = []float64{-800, 800, 0, 1, -30, 30}
)

func normals(shapes [][]int) func(r *rand.Rand) [][]float64 {
	return func(r *rand.Rand) (in [][]float64) {
		for _, s := range shapes {
			in = append(in, normal(r, size(s), 1))
		}
		return in
	}
}

// elementwise makes value and grad of a case from functions of one element.
func elementwise(value func(v []float64) (out, scale float64), grad func(v []float64) (d, scale []float64)) (
	func(in [][]float64) (out, scale []float64), func(in [][]float64, cot []float64) (grads, scale [][]float64)) {
	at := func(in [][]float64, i int) (v []float64) {
		for _, x := range in {
			v = append(v, x[i])
		}
		return v
	}
	return func(in [][]float64) (out, scale []float64) {
			for i := range in[0] {
				o, s := value(at(in, i))
				out, scale = append(out, o), append(scale, s)
			}
			return out, scale
		}, func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			for i := range in[0] {
				d, s := grad(at(in, i))
				if grads == nil {
					grads, scale = make([][]float64, len(d)), make([][]float64, len(d))
				}
				for k := range d {
					grads[k], scale[k] = append(grads[k], cot[i]*d[k]), append(scale[k], cot[i]*s[k])
				}
			}
			return grads, scale
		}
}

func allCases() []opCase {
	var cs []opCase
	for act := nn.Identity; act <= nn.Softplus; act++ {
		cs = append(cs, linearCase(act, true), linearCase(act, false))
	}
	cs = append(cs, columnsCase(0, 2), columnsCase(2, 3), columnsCase(0, 3), gluCase(), reparameterizeCase(), gaussianKLCase(),
		rowSumsCase(), bernoulliCase(), gaussianCase(), continuousBernoulliCase(), gaussianPixelCase(),
		logistic256Case(), meanCase(), freeBitsCase())
	return append(append(append(cs, densityCases()...), drawsCases()...), append(flowCases(), resampleCases()...)...)
}

// freeBits is the penalty of free bits.
func freeBits(kl *G.Node, floor float64) (*G.Node, error) {
	return klreg.Weight{Beta: 1, FreeBits: floor}.Penalty(kl, nil, nil)
}

// reparameterize, gaussianKL and normalDensity take means and log-variances as nodes of
// their own, and put them side by side as the operations want them.
func reparameterize(mu, logvar, eps *G.Node) (*G.Node, error) {
	h, err := graph.Join(mu, logvar)
	if err != nil {
		return nil, err
	}
	return dist.Reparameterize(h, eps)
}

func gaussianKL(mu, logvar *G.Node) (*G.Node, error) {
	h, err := graph.Join(mu, logvar)
	if err != nil {
		return nil, err
	}
	return klreg.GaussianDimsNode(h)
}

func normalDensity(z, mu, logvar *G.Node) (*G.Node, error) {
	h, err := graph.Join(mu, logvar)
	if err != nil {
		return nil, err
	}
	return dist.NormalNode(z, h)
}

// drawOf is a draw from the Gaussian of mu and logvar.
func drawOf(mu, logvar, eps *G.Node) (*dist.Draw, error) {
	h, err := graph.Join(mu, logvar)
	if err != nil {
		return nil, err
	}
	return (&dist.NormalBatch{Params: h}).Draw(eps)
}

func drawDensity(mu, logvar, eps *G.Node) (*G.Node, error) {
	d, err := drawOf(mu, logvar, eps)
	if err != nil {
		return nil, err
	}
	return d.LogProb()
}

func pathDensity(z, mu, logvar, eps *G.Node) (*G.Node, error) {
	d, err := drawOf(mu, logvar, eps)
	if err != nil {
		return nil, err
	}
	return d.PathLogProb(z)
}

func negLogProb(f dist.Family, params, x *G.Node) (*G.Node, error) {
	d, err := f.On(params)
	if err != nil {
		return nil, err
	}
	return dist.NegLogProb(d, x)
}

// overParams is a case whose inputs at and at+1, means and log-variances [B,N], are one
// input [B,2N], of build's.
func overParams(c opCase, at int, build func(in []*G.Node) (*G.Node, error)) opCase {
	n := c.shapes[at][1]
	join := func(in [][]float64) (out [][]float64) {
		for i, v := range in {
			switch i {
			case at:
				h := []float64{}
				for r := 0; r < len(v); r += n {
					h = append(append(h, v[r:r+n]...), in[at+1][r:r+n]...)
				}
				out = append(out, h)
			case at + 1:
			default:
				out = append(out, v)
			}
		}
		return out
	}
	split := func(in [][]float64) (out [][]float64) {
		for i, v := range in {
			if i != at {
				out = append(out, v)
				continue
			}
			var mu, logvar []float64
			for r := 0; r < len(v); r += 2 * n {
				mu, logvar = append(mu, v[r:r+n]...), append(logvar, v[r+n:r+2*n]...)
			}
			out = append(out, mu, logvar)
		}
		return out
	}
	joined := c
	joined.build = build
	joined.shapes = nil
	for i, s := range c.shapes {
		if i == at {
			s = []int{s[0], 2 * n}
		}
		if i != at+1 {
			joined.shapes = append(joined.shapes, s)
		}
	}
	joined.wrt = nil
	place := map[int]int{} // of an input among those with a gradient
	for k, i := range c.wrt {
		place[i] = k
		if i <= at {
			joined.wrt = append(joined.wrt, i)
		} else if i > at+1 {
			joined.wrt = append(joined.wrt, i-1)
		}
	}
	joined.value = func(in [][]float64) (out, scale []float64) { return c.value(split(in)) }
	merge := func(grads [][]float64) (out [][]float64) {
		for _, i := range c.wrt {
			switch i {
			case at:
				pair := make([][]float64, at+2)
				pair[at], pair[at+1] = grads[place[at]], grads[place[at+1]]
				out = append(out, join(pair)[at])
			case at + 1:
			default:
				out = append(out, grads[place[i]])
			}
		}
		return out
	}
	joined.grad = func(in [][]float64, cot []float64) (grads, scale [][]float64) {
		grads, scale = c.grad(split(in), cot)
		return merge(grads), merge(scale)
	}
	joined.points = func(r *rand.Rand) [][]float64 { return join(c.points(r)) }
	if c.edge != nil {
		joined.edge = func(r *rand.Rand) [][]float64 { return join(c.edge(r)) }
	}
	return joined
}
