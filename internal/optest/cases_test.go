package optest

import (
	"govae/klreg"
	"govae/nn"
	"math/rand/v2"

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
		rowSumsCase(), bernoulliCase(), gaussianCase(), continuousBernoulliCase(), gaussianLearnedCase(), gaussianPixelCase(),
		logistic256Case(), meanCase(), freeBitsCase())
	return append(append(append(cs, densityCases()...), drawsCases()...), append(flowCases(), resampleCases()...)...)
}

// freeBits is the penalty of free bits.
func freeBits(kl *G.Node, floor float64) (*G.Node, error) {
	return klreg.Weight{Beta: 1, FreeBits: floor}.Penalty(kl)
}
