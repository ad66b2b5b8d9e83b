package nn

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// normed is a program of a LayerNorm of x, which is a parameter too so that it can be
// changed in float64. The cost is Σ weights·y. Gradients are those for x, gain and bias.
type normed struct {
	layer      LayerNorm
	x, weights *Param
	p          *graph.Program
}

func newNormed(t *testing.T, dt tensor.Dtype, b, n int, r *rand.Rand) normed {
	t.Helper()
	l, err := NewLayerNorm(dt, n, "norm")
	if err != nil {
		t.Fatal(err)
	}
	m := normed{layer: l, x: NewParam(dt, "x", b, n), weights: NewParam(dt, "weights", b, n)}
	m.x.Fill(func() float64 { return 2*r.NormFloat64() + 1 })
	m.weights.Fill(r.NormFloat64)
	l.Gain.Fill(r.NormFloat64)
	l.Bias.Fill(r.NormFloat64)
	m.p, err = graph.Compile(dt, func(b *graph.Builder) error {
		g := b.Graph()
		x, err := graph.Combine([]float64{1}, m.x.Node(g)) // no longer an input, which has no gradient
		if err != nil {
			return err
		}
		y, err := l.Apply(x)
		if err != nil {
			return err
		}
		b.Output("y", y)
		cost := G.Must(G.Sum(G.Must(G.HadamardProd(m.weights.Node(g), y))))
		grads, err := b.Gradients(cost, x, l.Gain.Node(g), l.Bias.Node(g))
		if err != nil {
			return err
		}
		for i, name := range []string{"dx", "dgain", "dbias"} {
			b.Output(name, grads[i])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m normed) run(t *testing.T, output string, n int) []float64 {
	t.Helper()
	if err := m.p.Run(); err != nil {
		t.Fatal(err)
	}
	v := make([]float64, n)
	if err := graph.Copy(m.p, output, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// norm is the layer as its equation reads.
func norm(x, gain, bias []float64) []float64 {
	n := len(gain)
	y := make([]float64, len(x))
	for i := 0; i < len(x); i += n {
		var mean, variance float64
		for j := range n {
			mean += x[i+j] / float64(n)
		}
		for j := range n {
			variance += (x[i+j] - mean) * (x[i+j] - mean) / float64(n)
		}
		for j := range n {
			y[i+j] = gain[j]*(x[i+j]-mean)/math.Sqrt(variance+1e-5) + bias[j]
		}
	}
	return y
}

// The layer is its equation, in both precisions, also of rows of one number and of a row
// of equal numbers. Both sum in float64, and the layer rounds each result once: 1e-6 is 16
// roundings of float32. In float64, the mean of equal numbers is off by some 4e-16, which
// 1/√1e-5 makes 316 times as much: 1e-12 is asked for.
func TestLayerNorm(t *testing.T) {
	for dt, tolerance := range map[tensor.Dtype]float64{tensor.Float32: 1e-6, tensor.Float64: 1e-12} {
		for _, shape := range [][2]int{{1, 1}, {1, 5}, {4, 1}, {3, 7}, {5, 64}} {
			m := newNormed(t, dt, shape[0], shape[1], rand.New(rand.NewPCG(1, 2)))
			row := m.x.Numbers()[:shape[1]]
			for _, equal := range []bool{false, true} {
				if equal {
					i := 0
					x := m.x.Numbers()
					m.x.Fill(func() float64 {
						i++
						if i <= len(row) {
							return 3
						}
						return x[i-1]
					})
				}
				want := norm(m.x.Numbers(), m.layer.Gain.Numbers(), m.layer.Bias.Numbers())
				got := m.run(t, "y", len(want))
				for i, v := range got {
					if !(math.Abs(v-want[i]) <= tolerance*max(1, math.Abs(want[i]))) {
						t.Errorf("%v, %v, equal %v: number %d is %v, want %v", dt, shape, equal, i, v, want[i])
					}
				}
				if again := m.run(t, "y", len(want)); !slices.Equal(again, got) {
					t.Errorf("%v, %v: a run again differs", dt, shape)
				}
			}
		}
	}
}

// The gradients for x, gain and bias are central differences of the cost, in float64 with
// h = 1e-5·max(1, |x|). The differences are off by h²/6·f‴ and by a rounding of 1e-16·f/h,
// some 1e-10 for f of the size of 1: 1e-7 of the gradient or of 1 is asked for. In float32
// the gradients are those of float64 to 1e-5.
func TestLayerNormGradients(t *testing.T) {
	for _, shape := range [][2]int{{1, 1}, {4, 1}, {3, 7}} {
		m := newNormed(t, tensor.Float64, shape[0], shape[1], rand.New(rand.NewPCG(3, 4)))
		single := newNormed(t, tensor.Float32, shape[0], shape[1], rand.New(rand.NewPCG(3, 4)))
		for i, p := range []*Param{m.x, m.layer.Gain, m.layer.Bias} {
			name := []string{"dx", "dgain", "dbias"}[i]
			v := p.Value.Data().([]float64)
			got := m.run(t, name, len(v))
			got32 := single.run(t, name, len(v))
			for k, at := range v {
				h := 1e-5 * max(1, math.Abs(at))
				v[k] = at + h
				up := m.run(t, "y", shape[0]*shape[1])
				v[k] = at - h
				down := m.run(t, "y", shape[0]*shape[1])
				v[k] = at
				var want float64
				for j, w := range m.weights.Numbers() {
					want += w * (up[j] - down[j]) / (2 * h)
				}
				size := max(1, math.Abs(want))
				if !(math.Abs(got[k]-want) <= 1e-7*size) || !(math.Abs(got32[k]-got[k]) <= 1e-5*size) {
					t.Errorf("%v: %s of number %d is %v, in float32 %v, want %v", shape, name, k, got[k], got32[k], want)
				}
			}
		}
	}
}

// A new layer has gain 1 and bias 0 under its names.
func TestNewLayerNorm(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		l, err := NewLayerNorm(dt, 3, "a")
		if err != nil {
			t.Fatal(err)
		}
		ps := l.Params()
		if len(ps) != 2 || ps[0].Names[0] != "a.weight" || ps[1].Names[0] != "a.bias" || ps[0].Value.Dtype() != dt {
			t.Errorf("%v: params %v", dt, ps)
		}
		if !slices.Equal(ps[0].Numbers(), []float64{1, 1, 1}) || !slices.Equal(ps[1].Numbers(), []float64{0, 0, 0}) {
			t.Errorf("%v: gain %v, bias %v", dt, ps[0].Numbers(), ps[1].Numbers())
		}
		x := G.NewMatrix(G.NewGraph(), dt, G.WithName("x"), G.WithShape(2, 4))
		if _, err := l.Apply(x); err == nil || !strings.Contains(err.Error(), "layer norm: input (2, 4), weight (3), bias (3)") {
			t.Errorf("rows of another length: %v", err)
		}
	}
	if _, err := NewLayerNorm(tensor.Float32, 0, "a"); err == nil || !strings.Contains(err.Error(), `"a" of 0 numbers`) {
		t.Errorf("no numbers: %v", err)
	}
}

// What is frozen, fixed or data has no gradient.
func TestLayerNormPassesNoGradient(t *testing.T) {
	for _, tt := range []struct {
		data, gain, bias, fixed bool
		want                    []bool // x, gain, bias
	}{
		{want: []bool{true, true, true}},
		{data: true, want: []bool{false, true, true}},
		{gain: true, want: []bool{true, false, true}},
		{bias: true, want: []bool{true, true, false}},
		{fixed: true, want: []bool{true, false, false}},
		{data: true, gain: true, bias: true, want: []bool{false, false, false}},
	} {
		l, err := NewLayerNorm(tensor.Float64, 3, "a")
		if err != nil {
			t.Fatal(err)
		}
		l.Gain.Frozen, l.Bias.Frozen, l.Fixed = tt.gain, tt.bias, tt.fixed
		x := G.NewMatrix(G.NewGraph(), tensor.Float64, G.WithName("x"), G.WithShape(2, 3))
		if !tt.data {
			x = G.Must(graph.Combine([]float64{1}, x))
		}
		y, err := l.Apply(x)
		if err != nil {
			t.Fatal(err)
		}
		if got := y.Op().(G.SDOp).DiffWRT(3); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: gradients %v", tt, got)
		}
	}
}
