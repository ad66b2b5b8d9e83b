package nn

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// normEpsilon is added to the variance of a row, so that a row of equal numbers has a
// norm. It is the default of PyTorch's nn.LayerNorm.
const normEpsilon = 1e-5

// LayerNorm gives each row of [B,N] mean 0 and variance 1, and then a gain and a bias for
// each of its N numbers, in one operation:
//
//	y = gain·(x − mean)/√(var + 1e-5) + bias
//
// mean and var are those of the row, var = Σ (x − mean)²/N.
//
// Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450.
type LayerNorm struct {
	Gain, Bias *Param // [N]
	// Fixed keeps Apply from passing Gain and Bias a gradient, as if they were frozen.
	Fixed bool
}

// NewLayerNorm makes a layer for rows of n numbers, float32 or float64. Gain is named
// NAME.weight and is one at first. Bias is named NAME.bias and is zero at first. It is an
// error if n is below 1.
func NewLayerNorm(dt tensor.Dtype, n int, name string) (LayerNorm, error) {
	if n < 1 {
		return LayerNorm{}, fmt.Errorf("nn: layer norm %q of %d numbers a row, want at least 1", name, n)
	}
	l := LayerNorm{Gain: NewParam(dt, name+".weight", n), Bias: NewParam(dt, name+".bias", n)}
	l.Gain.Fill(func() float64 { return 1 })
	return l, nil
}

// Apply adds the layer to the graph of x [B,N]; the result is [B,N]. An x that is data
// (graph.IsData) has no gradient, and neither has a parameter that is frozen. It is an error
// if x has rows of another length.
func (l LayerNorm) Apply(x *G.Node) (*G.Node, error) {
	gain, bias := l.Gain.Node(x.Graph()), l.Bias.Node(x.Graph())
	xs, gs, bs := x.Shape(), gain.Shape(), bias.Shape()
	if xs.Dims() != 2 || gs.Dims() != 1 || xs[1] != gs[0] || !bs.Eq(gs) {
		return nil, fmt.Errorf("nn: layer norm: input %v, weight %v, bias %v, want [B,N], [N], [N]", xs, gs, bs)
	}
	var dx, dgain, dbias graph.Kernel
	if !graph.IsData(x) {
		dx = graph.Both(layerNormDX[float32], layerNormDX[float64])
	}
	if !l.Fixed && !l.Gain.Frozen {
		dgain = graph.Both(layerNormDGain[float32], layerNormDGain[float64])
	}
	if !l.Fixed && !l.Bias.Frozen {
		dbias = graph.Both(columnSums[float32], columnSums[float64])
	}
	return graph.Op{
		Name:  "layerNorm",
		Run:   graph.Both(layerNorm[float32], layerNorm[float64]),
		Grads: []graph.Kernel{dx, dgain, dbias},
		Saved: xs[0]*xs[1] + xs[0], // (x − mean)/std [B,N], then 1/std [B]
	}.Apply(x, gain, bias)
}

// Value is what Apply computes, of one row as plain numbers: x [N] to [N]. It panics if x
// has another length.
func (l LayerNorm) Value(x []float64) []float64 {
	gain, y := l.Gain.Numbers(), l.Bias.Numbers()
	if len(x) != len(y) {
		panic(fmt.Sprintf("nn: layer norm: %d inputs for %v", len(x), l.Bias.Value.Shape()))
	}
	mean, inverse := moments(x)
	for i, v := range x {
		y[i] += gain[i] * (v - mean) * inverse
	}
	return y
}

// Params lists Gain and Bias.
func (l LayerNorm) Params() []*Param { return []*Param{l.Gain, l.Bias} }

// layerNorm sums in float64 in either precision.
func layerNorm[T graph.Float](y []T, in [][]T) {
	x, gain, bias, saved := in[0], in[1], in[2], in[3]
	n := len(gain)
	for i := range len(y) / n {
		x, y := x[i*n:(i+1)*n], y[i*n:(i+1)*n]
		mean, inverse := moments(x)
		for j, v := range x {
			h := (float64(v) - mean) * inverse
			y[j] = T(float64(gain[j])*h + float64(bias[j]))
			if saved != nil {
				saved[i*n+j] = T(h)
			}
		}
		if saved != nil {
			saved[len(in[0])+i] = T(inverse)
		}
	}
}

// moments returns the mean of a row and 1/√(var + 1e-5).
func moments[T graph.Float](x []T) (mean, inverse float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	var squares float64
	for _, v := range x {
		d := float64(v) - mean
		squares += d * d
	}
	return mean, 1 / math.Sqrt(squares/float64(len(x))+normEpsilon)
}

// layerNormDX is, with h = (x − mean)/std and dh = gain·dy,
//
//	dx = (dh − mean(dh) − h·mean(h·dh))/std
func layerNormDX[T graph.Float](dx []T, in [][]T) { // dy, y, x, gain, bias, saved
	gain, saved := in[3], in[5]
	n := len(gain)
	for i := range len(dx) / n {
		dx, dy, h := dx[i*n:(i+1)*n], in[0][i*n:(i+1)*n], saved[i*n:(i+1)*n]
		var sum, along float64
		for j, v := range dy {
			dh := float64(gain[j]) * float64(v)
			sum += dh
			along += dh * float64(h[j])
		}
		sum, along = sum/float64(n), along/float64(n)
		inverse := float64(saved[len(in[0])+i])
		for j, v := range dy {
			dx[j] = T((float64(gain[j])*float64(v) - sum - float64(h[j])*along) * inverse)
		}
	}
}

// layerNormDGain is the sum over rows of dy·(x − mean)/std.
func layerNormDGain[T graph.Float](dgain []T, in [][]T) { // dy, y, x, gain, bias, saved
	saved, n := in[5], len(dgain)
	for j := range dgain {
		var sum float64
		for k := j; k < len(in[0]); k += n {
			sum += float64(in[0][k]) * float64(saved[k])
		}
		dgain[j] = T(sum)
	}
}
