package op

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// Layer is act(x·Wᵀ + b) with its parameters W [O,I] and b [O].
type Layer struct {
	W, B  Param
	Act   simd.Activation
	Gated bool // a GLU follows, of half the outputs
	Fixed bool // Apply passes W and b no gradient
}

// NewLayer makes a layer with o outputs and i inputs, initialised as init says:
//
//	pytorch  W, b ~ U(−1/√I, 1/√I): the default of PyTorch's nn.Linear
//	glorot   W ~ U(−√(6/(I+O)), √(6/(I+O))), b = 0: Glorot & Bengio 2010, eq. 16
//
// With several names the layer is several heads of o/len(names) outputs each,
// which glorot counts one by one. W and b are named NAME.weight and NAME.bias.
func NewLayer(dt tensor.Dtype, o, i int, act simd.Activation, init string, src rand.Source, names ...string) (Layer, error) {
	var bound, biasBound float64
	switch init {
	case "pytorch":
		bound = 1 / math.Sqrt(float64(i))
		biasBound = bound
	case "glorot":
		bound = math.Sqrt(6 / float64(i+o/len(names)))
	default:
		return Layer{}, checkInit(init)
	}
	var w, b Param
	for _, n := range names {
		w.Names = append(w.Names, n+".weight")
		b.Names = append(b.Names, n+".bias")
	}
	r := rand.New(src)
	w.Value = uniform(dt, r, bound, o, i)
	b.Value = uniform(dt, r, biasBound, o)
	return Layer{W: w, B: b, Act: act}, nil
}

func checkInit(init string) error {
	if init != "pytorch" && init != "glorot" {
		return fmt.Errorf("unknown initialisation %q: choose pytorch or glorot", init)
	}
	return nil
}

// CheckNames returns an error if there is no such activation of hidden layers, or no
// such initialisation.
func CheckNames(activation, init string) error {
	if _, ok := activations[activation]; !ok {
		return fmt.Errorf("unknown activation %q: choose relu, tanh, softplus or gated", activation)
	}
	return checkInit(init)
}

// uniform makes a tensor of draws from U(−bound, bound), rounded to float32 in
// either precision so that both start from the same weights.
func uniform(dt tensor.Dtype, r *rand.Rand, bound float64, shape ...int) *tensor.Dense {
	t := tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
	switch data := t.Data().(type) {
	case []float32:
		for i := range data {
			data[i] = float32(bound * (2*r.Float64() - 1))
		}
	case []float64:
		for i := range data {
			data[i] = float64(float32(bound * (2*r.Float64() - 1)))
		}
	}
	return t
}

// Apply adds the layer to the graph of x [B,I]; the result is [B,O], or half of that
// if it is gated.
func (l Layer) Apply(x *G.Node) (*G.Node, error) {
	y, err := dense(x, l.W.Node(x.Graph()), l.B.Node(x.Graph()), l.Act, l.Fixed)
	if err != nil || !l.Gated {
		return y, err
	}
	return GLU(y)
}

// gated is the activation of layers that are (W·h + b)·sigmoid(V·h + c).
const gated = "gated"

var activations = map[string]simd.Activation{"relu": simd.ReLU, "tanh": simd.Tanh, "softplus": simd.Softplus, gated: simd.Identity}

// Stack is a sequence of layers.
type Stack []Layer

// NewStack makes hidden layers of the given sizes, from in inputs on, named
// NAME.hidden.0, NAME.hidden.1, …, and with gates NAME.hidden.0.gate, …; the error names
// the wrong field.
func NewStack(dt tensor.Dtype, in int, hidden []int, activation, init string, src rand.Source, name string) (Stack, error) {
	if err := CheckNames(activation, init); err != nil {
		return nil, err
	}
	act := activations[activation]
	var s Stack
	for i, h := range hidden {
		if h < 1 {
			return nil, fmt.Errorf("hidden layer %d has %d units, want at least 1", i, h)
		}
		o, names := h, []string{fmt.Sprintf("%s.hidden.%d", name, i)}
		if activation == gated {
			o, names = 2*h, append(names, names[0]+".gate")
		}
		layer, err := NewLayer(dt, o, in, act, init, src, names...)
		if err != nil {
			return nil, err
		}
		layer.Gated = activation == gated
		s = append(s, layer)
		in = h
	}
	return s, nil
}

// Apply adds all layers to the graph of x [B,I].
func (s Stack) Apply(x *G.Node) (h *G.Node, err error) {
	h = x
	for i, layer := range s {
		if h, err = layer.Apply(h); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
	}
	return h, nil
}

// Params lists the layers' parameters in order.
func (s Stack) Params() []Param {
	var ps []Param
	for _, l := range s {
		ps = append(ps, l.W, l.B)
	}
	return ps
}
