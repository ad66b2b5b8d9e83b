package nn

import (
	"fmt"
	"math"
)

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

// Value is what Apply computes, of one row as plain numbers: x [I] to [O] of the last layer.
// It panics if x has another length.
func (m MLP) Value(x []float64) []float64 {
	for _, layer := range m {
		x = layer.Value(x)
	}
	return x
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
