package nn

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/stream"
)

// Value is what the graph computes, of each row, with each activation. Both sum 4 products at
// most in a row: in float64, 1e-14 is some 50 roundings of numbers of the size of 1.
func TestValues(t *testing.T) {
	const rows, tolerance = 5, 1e-14
	x := make([]float32, rows*3)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = float32(4 * r.NormFloat64())
	}
	check := func(name string, apply func(x *G.Node) (*G.Node, error), value func(x []float64) []float64) {
		t.Helper()
		p, err := graph.Compile(tensor.Float64, func(b *graph.Builder) error {
			y, err := apply(b.Input("x", rows, 3))
			b.Output("y", y)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Load("x", 0, x); err != nil {
			t.Fatal(err)
		}
		if err := p.Take(); err != nil {
			t.Fatal(err)
		}
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		var want []float64
		for i := range rows {
			row := make([]float64, 3)
			for j := range row {
				row[j] = float64(x[3*i+j])
			}
			want = append(want, value(row)...)
		}
		got := make([]float64, len(want))
		if err := graph.Copy(p, "y", got); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if !(math.Abs(v-want[i]) <= tolerance*max(1, math.Abs(want[i]))) {
				t.Errorf("%s: number %d is %v on the graph, and as a value %v", name, i, v, want[i])
			}
		}
	}
	for _, activation := range []string{"relu", "tanh", "softplus", "gated", "rectify"} {
		m, err := NewMLP(MLPConfig{Name: "net", In: 3, Hidden: []int{4, 2}, Activation: activation, Init: "pytorch"}, tensor.Float64, stream.New(1, stream.Weights, 0))
		if err != nil {
			t.Fatal(err)
		}
		last, err := NewLinear(tensor.Float64, 3, 2, Identity, "pytorch", stream.New(2, stream.Weights, 0), "last")
		if err != nil {
			t.Fatal(err)
		}
		m = append(m, last)
		check(activation, m.Apply, m.Value)
		check("one layer of "+activation, m[0].Apply, m[0].Value)
	}
	norm, err := NewLayerNorm(tensor.Float64, 3, "norm")
	if err != nil {
		t.Fatal(err)
	}
	norm.Gain.Fill(r.NormFloat64)
	norm.Bias.Fill(r.NormFloat64)
	check("layer norm", norm.Apply, norm.Value)
}

// A row of another length is a mistake of the program, and so is an activation without a value.
func TestValuePanics(t *testing.T) {
	layer, err := NewLinear(tensor.Float32, 2, 3, ReLU, "glorot", stream.New(1, stream.Weights, 0), "layer")
	if err != nil {
		t.Fatal(err)
	}
	norm, err := NewLayerNorm(tensor.Float32, 3, "norm")
	if err != nil {
		t.Fatal(err)
	}
	narrow, err := hiddenMLP(tensor.Float32, "narrow", "glorot")
	if err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]func(){
		"nn: linear: 2 inputs for (2, 3)":                                         func() { layer.Value(make([]float64, 2)) },
		"nn: layer norm: 4 inputs for (3)":                                        func() { norm.Value(make([]float64, 4)) },
		"nn: activation narrow is registered without a function of plain numbers": func() { narrow.Value(make([]float64, 3)) },
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, want) {
					t.Errorf("panic %q, want %q", got, want)
				}
			}()
			f()
		}()
	}
}

// Gradients gives those of the parameters that are not frozen their names.
func TestGradients(t *testing.T) {
	m, err := NewMLP(MLPConfig{Name: "net", In: 3, Hidden: []int{2, 2}, Activation: "tanh", Init: "pytorch"}, tensor.Float32, stream.New(1, stream.Weights, 0))
	if err != nil {
		t.Fatal(err)
	}
	Freeze(m[0].Params()...)
	p, err := graph.Compile(tensor.Float32, func(b *graph.Builder) error {
		y, err := m.Apply(b.Input("x", 1, 3))
		if err != nil {
			return err
		}
		return Gradients(b, G.Must(G.Sum(y)), m.Params())
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Outputs(), ", "); got != "grad net.hidden.1.weight, grad net.hidden.1.bias" {
		t.Errorf("outputs %s", got)
	}
	if _, err := p.Output(m[1].B.GradientName()); err != nil {
		t.Error(err)
	}
}
