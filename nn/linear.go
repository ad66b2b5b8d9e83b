package nn

import (
	G "gorgonia.org/gorgonia"

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
