package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// Activation is the nonlinearity of a layer, of each output a by itself.
type Activation uint8

const (
	Identity Activation = iota // a
	ReLU                       // max(0, a)
	Tanh                       // tanh a
	Softplus                   // log(1 + exp a)
)

// The kernels count them in the same order.
var _ = [1]struct{}{}[Softplus-Activation(simd.Softplus)]

// Linear is the layer y = act(x·Wᵀ + b), in one operation.
type Linear struct {
	W, B *Param // weight [O,I], whose orientation is PyTorch's, and bias [O]
	Act  Activation
	// Gated makes it a gated linear unit of half the outputs: O = 2N, the result
	// [B,N] is a·sigmoid(g) of the outputs a, g side by side.
	// Source: Dauphin et al. 2017, eq. 1, arXiv:1612.08083.
	Gated bool
	// Fixed keeps Apply from passing W and B a gradient, as if they were frozen.
	Fixed bool

	more *activation // that is applied to the result; nil for none
}

// NewLinear makes a layer of i inputs and o outputs, float32 or float64, whose initial
// weights come from src as init says (Inits lists the names).
//
// With several names the layer is several heads of o/len(names) outputs each, which init
// counts one by one. W and B are named NAME.weight and NAME.bias. It is an error if there
// is no such init, no input, no name, or no whole number of outputs for each name.
func NewLinear(dt tensor.Dtype, o, i int, act Activation, init string, src rand.Source, names ...string) (Linear, error) {
	bounds, err := initOf(init)
	if err != nil {
		return Linear{}, err
	}
	if o < 1 || i < 1 || len(names) == 0 || o%len(names) != 0 {
		return Linear{}, fmt.Errorf("nn: a layer of %d inputs and %d outputs named %q, want at least 1 of each, and a whole number of outputs for each name", i, o, names)
	}
	var weights, biases []string
	for _, n := range names {
		weights, biases = append(weights, n+".weight"), append(biases, n+".bias")
	}
	l := Linear{W: NewParam(dt, "", o, i), B: NewParam(dt, "", o), Act: act}
	l.W.Names, l.B.Names = weights, biases
	r := rand.New(src)
	bound, biasBound := bounds(i, o/len(names))
	if !(bound >= 0 && biasBound >= 0) || math.IsInf(bound+biasBound, 0) {
		return Linear{}, fmt.Errorf("nn: initialisation %s of %d inputs and %d outputs: bounds %v and %v, want finite numbers of at least 0", init, i, o/len(names), bound, biasBound)
	}
	l.W.Fill(uniform(r, bound))
	l.B.Fill(uniform(r, biasBound))
	return l, nil
}

// uniform draws from U(−bound, bound).
func uniform(r *rand.Rand, bound float64) func() float64 {
	return func() float64 { return bound * (2*r.Float64() - 1) }
}

// Apply adds the layer to the graph of x [B,I]; the result is [B,O], or half of that
// if it is gated. An x that is data (graph.IsData) has no gradient. It is an error if x has
// rows of another length.
func (l Linear) Apply(x *G.Node) (*G.Node, error) {
	fixed := l.Fixed || l.W.Frozen && l.B.Frozen
	y, err := dense(x, l.W.Node(x.Graph()), l.B.Node(x.Graph()), simd.Activation(l.Act), fixed)
	switch {
	case err != nil:
		return nil, err
	case l.Gated:
		return GLU(y)
	case l.more != nil:
		return l.more.on(y)
	}
	return y, nil
}

// Params lists W and B.
func (l Linear) Params() []*Param { return []*Param{l.W, l.B} }

// Value is what Apply computes, of one row as plain numbers: x [I] to [O], or half of that
// if the layer is gated. It panics if x has another length.
func (l Linear) Value(x []float64) []float64 {
	w, y := l.W.Numbers(), l.B.Numbers()
	if len(w) != len(x)*len(y) {
		panic(fmt.Sprintf("nn: linear: %d inputs for %v", len(x), l.W.Value.Shape()))
	}
	for i := range y {
		for j, v := range x {
			y[i] += w[i*len(x)+j] * v
		}
		y[i] = l.Act.value(y[i])
	}
	switch {
	case l.Gated:
		n := len(y) / 2
		for i := range n {
			y[i] /= 1 + math.Exp(-y[n+i])
		}
		return y[:n]
	case l.more != nil && l.more.value == nil:
		panic(fmt.Sprintf("nn: activation %s is registered without a function of plain numbers", l.more.name))
	case l.more != nil:
		return l.more.value(y)
	}
	return y
}

// value is the activation of one number.
func (act Activation) value(a float64) float64 {
	switch act {
	case ReLU:
		return max(a, 0)
	case Tanh:
		return math.Tanh(a)
	case Softplus:
		return max(a, 0) + math.Log1p(math.Exp(-math.Abs(a)))
	}
	return a
}
