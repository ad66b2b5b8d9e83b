package nn

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/stream"
)

var errMine = errors.New("an error of mine")

func init() {
	rectify := graph.Op{Name: "rectify", Run: graph.Each(func(v []float64) float64 { return max(0, v[0]) }),
		Grads: []graph.Kernel{graph.Each(func(v []float64) float64 { // dout, out, h
			if v[2] > 0 {
				return v[0]
			}
			return 0
		})}}
	RegisterActivation("rectify", func(h *G.Node) (*G.Node, error) { return rectify.Apply(h) }, func(h []float64) []float64 {
		for i, v := range h {
			h[i] = max(0, v)
		}
		return h
	})
	RegisterActivation("broken", func(*G.Node) (*G.Node, error) { return nil, errMine }, nil)
	RegisterActivation("absent", func(*G.Node) (*G.Node, error) { return nil, nil }, nil)
	RegisterActivation("narrow", func(h *G.Node) (*G.Node, error) { return graph.Columns(h, 0, 1) }, nil)
	for range 2 {
		RegisterActivation("double", func(h *G.Node) (*G.Node, error) { return h, nil }, nil)
		RegisterInit("pair", func(int, int) (weight, bias float64) { return 1, 1 })
	}
	RegisterActivation("nothing", nil, nil)
	RegisterInit("nothing", nil)
	RegisterInit("counts", func(in, out int) (weight, bias float64) { return float64(in), float64(out) / 1024 })
	RegisterInit("negative", func(int, int) (weight, bias float64) { return 1, -1 })
	RegisterInit("endless", func(int, int) (weight, bias float64) { return math.Inf(1), 0 })
	RegisterInit("undefined", func(int, int) (weight, bias float64) { return math.NaN(), 0 })
}

func hiddenMLP(dt tensor.Dtype, activation, init string) (MLP, error) {
	return NewMLP(MLPConfig{Name: "net", In: 3, Hidden: []int{4}, Activation: activation, Init: init}, dt, stream.New(1, stream.Weights, 0))
}

// Names that are registered stand beside those of the package, in the lists and in errors.
func TestChoices(t *testing.T) {
	if got, want := Activations(), []string{"absent", "broken", "double", "gated", "narrow", "nothing", "rectify", "relu", "softplus", "square", "tanh"}; !slices.Equal(got, want) {
		t.Errorf("activations %v, want %v", got, want)
	}
	if got, want := Inits(), []string{"counts", "endless", "glorot", "negative", "nothing", "pair", "pytorch", "undefined"}; !slices.Equal(got, want) {
		t.Errorf("initialisations %v, want %v", got, want)
	}
	for want, err := range map[string]error{
		`unknown activation "sine": choose absent, broken, double, gated, narrow, nothing, rectify, relu, softplus, square or tanh`:                          CheckNames("sine", "glorot"),
		`unknown activation "rectfy", did you mean rectify?: choose absent, broken, double, gated, narrow, nothing, rectify, relu, softplus, square or tanh`: CheckNames("rectfy", "glorot"),
		`unknown initialisation "zero": choose counts, endless, glorot, negative, nothing, pair, pytorch or undefined`:                                       CheckNames("relu", "zero"),
		`activation "double" is registered twice: give each a name of its own`:                                                                               CheckNames("double", "glorot"),
		`initialisation "pair" is registered twice: give each a name of its own`:                                                                             CheckNames("relu", "pair"),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// An activation of the package is part of the layer's operation. One that is registered
// takes x·Wᵀ + b: what computes relu anew has the bits of relu, in value and gradients.
func TestRegisteredActivation(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"relu": {"linear": 1}, "tanh": {"linear": 1}, "softplus": {"linear": 1}, "gated": {"linear": 1, "glu": 1}, "rectify": {"linear": 1, "rectify": 1},
	} {
		m, err := hiddenMLP(tensor.Float32, name, "glorot")
		if err != nil {
			t.Fatal(err)
		}
		g := G.NewGraph()
		y, err := m.Apply(G.NewMatrix(g, tensor.Float32, G.WithName("x"), G.WithShape(2, 3)))
		if err != nil {
			t.Fatal(err)
		}
		if !y.Shape().Eq(tensor.Shape{2, 4}) || (len(m[0].W.Names) == 2) != (name == "gated") {
			t.Errorf("%s: shape %v, weights %v", name, y.Shape(), m[0].W.Names)
		}
		got := operations(g)
		if len(got) != len(want) || got["linear"] != 1 || got["glu"] != want["glu"] || got["rectify"] != want["rectify"] {
			t.Errorf("%s: operations %v, want %v", name, got, want)
		}
	}
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		var numbers [2][3][]float64
		for i, name := range []string{"relu", "rectify"} {
			m, err := hiddenMLP(dt, name, "glorot")
			if err != nil {
				t.Fatal(err)
			}
			p, err := graph.Compile(dt, func(b *graph.Builder) error {
				y, err := m.Apply(b.Input("x", 2, 3))
				if err != nil {
					return err
				}
				grads, err := b.Gradients(G.Must(G.Sum(y)), m[0].W.Node(b.Graph()), m[0].B.Node(b.Graph()))
				if err != nil {
					return err
				}
				b.Output("y", y)
				b.Output("dw", grads[0])
				b.Output("db", grads[1])
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Load("x", 0, []float32{1, -2, 0.3, -1, 4, 0.7}); err != nil {
				t.Fatal(err)
			}
			if err := p.Take(); err != nil {
				t.Fatal(err)
			}
			if err := p.Run(); err != nil {
				t.Fatal(err)
			}
			for k, name := range p.Outputs() {
				numbers[i][k] = make([]float64, []int{8, 12, 4}[k])
				if err := graph.Copy(p, name, numbers[i][k]); err != nil {
					t.Fatal(err)
				}
			}
			if y := numbers[i][0]; !slices.Contains(y, 0) || slices.Max(y) == 0 {
				t.Fatalf("%v: y %v, want some numbers of 0 and some above", dt, y)
			}
		}
		for k, relu := range numbers[0] {
			if !slices.Equal(numbers[1][k], relu) {
				t.Errorf("%v: output %d is %v, and %v of relu", dt, k, numbers[1][k], relu)
			}
		}
	}
	m, err := hiddenMLP(tensor.Float32, "rectify", "glorot")
	if err != nil {
		t.Fatal(err)
	}
	if fixed := m.Fixed(); fixed[0].more != m[0].more || !fixed[0].Fixed {
		t.Error("the activation of a fixed MLP is another one")
	}
}

// An activation that fails, gives no node or changes the shape is named in the error.
func TestActivationErrors(t *testing.T) {
	for name, want := range map[string]string{
		"broken": "layer 0: nn: activation broken: an error of mine",
		"absent": "layer 0: nn: activation absent: no node",
		"narrow": "layer 0: nn: activation narrow: shape (2, 1), want that of its input, (2, 4)",
	} {
		m, err := hiddenMLP(tensor.Float32, name, "glorot")
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Apply(G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithName("x"), G.WithShape(2, 3)))
		if err == nil || err.Error() != want || errors.Is(err, errMine) != (name == "broken") {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
	if _, err := hiddenMLP(tensor.Float32, "double", "glorot"); err == nil || !strings.Contains(err.Error(), "registered twice") {
		t.Errorf("registered twice: %v", err)
	}
}

// An initialisation is asked for the bounds of one head, and its bounds are those of the
// draws. Bounds that are none are an error.
func TestRegisteredInit(t *testing.T) {
	l, err := NewLinear(tensor.Float64, 400, 100, Identity, "counts", stream.New(1, stream.Weights, 0), "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	uniformly(t, "weight", l.W.Numbers(), 100)
	uniformly(t, "bias", l.B.Numbers(), 200.0/1024)
	for _, name := range []string{"negative", "endless", "undefined", "pair"} {
		want := "initialisation " + name + " of 3 inputs and 4 outputs: bounds"
		if name == "pair" {
			want = "registered twice"
		}
		if _, err := hiddenMLP(tensor.Float32, "relu", name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
}

// A nil function in the place of an activation or an initialisation is an error where it is chosen.
func TestChoicesOfNothing(t *testing.T) {
	for _, tt := range [][3]string{
		{"nothing", "glorot", `activation "nothing" is registered without a function`},
		{"tanh", "nothing", `initialisation "nothing" is registered without a function`},
	} {
		_, err := hiddenMLP(tensor.Float32, tt[0], tt[1])
		for _, err := range []error{err, CheckNames(tt[0], tt[1])} {
			if err == nil || err.Error() != tt[2] {
				t.Errorf("error %v, want %q", err, tt[2])
			}
		}
	}
}
