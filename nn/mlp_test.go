package nn

import (
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/stream"
)

// The initial weights are uniform within their bound: all of them within it (up to
// the rounding to float32), mean and variance within 4 standard errors of 0 and
// bound²/3. The seed is fixed; of all seeds 1 in 16000 fails one such comparison,
// and there are 12 (both precisions have the same draws).
func TestInitialWeights(t *testing.T) {
	for _, tt := range []struct {
		name         string
		o, i         int
		init         string
		names        []string
		bound, biasB float64
	}{
		{"pytorch", 500, 400, "pytorch", []string{"a"}, 1.0 / 20, 1.0 / 20},
		{"pytorch, two heads", 400, 100, "pytorch", []string{"a", "b"}, 1.0 / 10, 1.0 / 10},
		{"glorot", 500, 100, "glorot", []string{"a"}, 1.0 / 10, 0}, // √(6/600)
		{"glorot, two heads", 400, 400, "glorot", []string{"a", "b"}, 1.0 / 10, 0},
	} {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			l, err := NewLinear(dt, tt.o, tt.i, Identity, tt.init, stream.New(1, stream.Weights, 0), tt.names...)
			if err != nil {
				t.Fatal(err)
			}
			uniformly(t, tt.name+" weight", l.W.Numbers(), tt.bound)
			uniformly(t, tt.name+" bias", l.B.Numbers(), tt.biasB)
			if !l.W.Value.Shape().Eq(tensor.Shape{tt.o, tt.i}) || !l.B.Value.Shape().Eq(tensor.Shape{tt.o}) {
				t.Errorf("%s: shapes %v and %v", tt.name, l.W.Value.Shape(), l.B.Value.Shape())
			}
			for k, n := range tt.names {
				if l.W.Names[k] != n+".weight" || l.B.Names[k] != n+".bias" {
					t.Errorf("%s: names %v and %v", tt.name, l.W.Names, l.B.Names)
				}
			}
		}
	}
}

func uniformly(t *testing.T, what string, x []float64, bound float64) {
	t.Helper()
	var sum, sq float64
	for _, v := range x {
		if math.Abs(v) > float64(float32(bound)) {
			t.Fatalf("%s: %v outside ±%v", what, v, bound)
		}
		sum += v
		sq += v * v
	}
	n := float64(len(x))
	if math.Abs(sum/n) > 4*bound/math.Sqrt(3*n) { // standard error of the mean: bound/√(3n)
		t.Errorf("%s: mean %v", what, sum/n)
	}
	// Var x² = bound⁴·(1/5 − 1/9)
	if want := bound * bound / 3; math.Abs(sq/n-want) > 4*bound*bound*math.Sqrt(4.0/45/n) {
		t.Errorf("%s: mean square %v, want %v", what, sq/n, want)
	}
}

func TestMLPErrors(t *testing.T) {
	for _, tt := range []struct {
		hidden    []int
		act, init string
		want      string
	}{
		{[]int{3, 0}, "relu", "pytorch", "hidden layer 1 has 0 units"},
		{[]int{-1}, "relu", "pytorch", "hidden layer 0 has -1 units"},
		{nil, "gelu", "pytorch", `unknown activation "gelu"`},
		{[]int{3}, "tanh", "he", `unknown initialisation "he"`},
	} {
		_, err := NewMLP(MLPConfig{Name: "net", In: 2, Hidden: tt.hidden, Activation: tt.act, Init: tt.init}, tensor.Float32, stream.New(1, stream.Weights, 0))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("hidden %v, %s, %s: error %v, want %s", tt.hidden, tt.act, tt.init, err, tt.want)
		}
	}
}

// An error in the graph names the layer.
func TestMLPApplyError(t *testing.T) {
	s, err := NewMLP(MLPConfig{Name: "net", In: 3, Hidden: []int{4, 5}, Activation: "relu", Init: "pytorch"}, tensor.Float64, stream.New(1, stream.Weights, 0))
	if err != nil {
		t.Fatal(err)
	}
	x := G.NewMatrix(G.NewGraph(), tensor.Float64, G.WithName("x"), G.WithShape(2, 7))
	if _, err := s.Apply(x); err == nil || !strings.Contains(err.Error(), "layer 0") {
		t.Errorf("error %v", err)
	}
	if _, err := s[1:].Apply(x); err == nil {
		t.Error("wrong width: no error")
	}
}

// A parameter has one node in a graph, bound to the tensor's numbers; two parameters
// have two, in two graphs there are two.
func TestParamNode(t *testing.T) {
	v := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(4, 3))
	p := &Param{Names: []string{"a"}, Value: v}
	heads := &Param{Names: []string{"a", "b"}, Value: tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(4, 3))}
	g := G.NewGraph()
	n := p.Node(g)
	if p.Node(g) != n {
		t.Error("a second node in one graph")
	}
	bound := func(n *G.Node, v *tensor.Dense) bool {
		return &n.Value().Data().([]float32)[0] == &v.Data().([]float32)[0]
	}
	if !bound(n, v) {
		t.Error("the node is not bound to the tensor's numbers")
	}
	if m := heads.Node(g); m == n || heads.Node(g) != m || !bound(m, heads.Value) {
		t.Error("the node of two names is that of its first")
	}
	if p.Node(G.NewGraph()) == n {
		t.Error("one node in two graphs")
	}
}

// Params are listed as the layers lie, weight before bias.
func TestMLPParams(t *testing.T) {
	s, err := NewMLP(MLPConfig{Name: "net", In: 3, Hidden: []int{4, 5}, Activation: "relu", Init: "pytorch"}, tensor.Float64, stream.New(1, stream.Weights, 0))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range s.Params() {
		names = append(names, p.Names...)
	}
	if want := []string{"net.hidden.0.weight", "net.hidden.0.bias", "net.hidden.1.weight", "net.hidden.1.bias"}; !slices.Equal(names, want) {
		t.Errorf("names %v, want %v", names, want)
	}
}
