package decoder

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/nn"
)

func configs() (cs []Config) {
	for _, act := range []string{"relu", "tanh", "softplus", "gated"} {
		for _, hidden := range [][]int{nil, {6}, {4, 7}} {
			cs = append(cs, Config{Latent: 3, Outputs: 5, Hidden: hidden, Activation: act, Init: "pytorch"})
		}
	}
	// Sizes of one, where a matrix may be taken for a vector or a scalar.
	return append(cs, Config{Latent: 1, Outputs: 1, Activation: "relu", Init: "glorot"}, Config{Latent: 1, Outputs: 1, Hidden: []int{1}, Activation: "tanh", Init: "pytorch"})
}

func (c Config) name() string {
	return fmt.Sprintf("%d-%v-%d %s", c.Latent, c.Hidden, c.Outputs, c.Activation)
}

func newMLP(t testing.TB, cfg Config, dt tensor.Dtype, seed uint64) *MLP {
	t.Helper()
	m, err := NewMLP(cfg, dt, seeded(seed))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// mlpGraph is a decoder's graph with the gradients of its parameters.
func mlpGraph(t testing.TB, m *MLP, dt tensor.Dtype, batch int) *testGraph {
	t.Helper()
	z, _, x := m.Dims()
	return newGraph(t, dt, batch, []int{z}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
		logits, err := m.Apply(in[0], nil)
		if err != nil {
			return nil, nil, err
		}
		if want := (tensor.Shape{batch, x}); !logits.Shape().Eq(want) {
			t.Errorf("logits have shape %v, want %v", logits.Shape(), want)
		}
		var wrt G.Nodes
		for _, p := range m.Params() {
			wrt = append(wrt, p.Node(in[0].Graph()))
		}
		return logits, wrt, nil
	})
}

// forward is the MLP of one code in plain float64.
func forward(t testing.TB, params []*nn.Param, activation string, z []float64) []float64 {
	t.Helper()
	h := z
	for l := 0; l < len(params); l += 2 {
		w, b := numbers(t, params[l].Value), numbers(t, params[l+1].Value)
		next := make([]float64, len(b))
		for o := range b {
			a := b[o]
			for i, v := range h {
				a += w[o*len(h)+i] * v
			}
			if next[o] = a; l < len(params)-2 && activation != "gated" {
				next[o] = map[string]func(float64) float64{
					"relu":     func(a float64) float64 { return math.Max(a, 0) },
					"tanh":     math.Tanh,
					"softplus": func(a float64) float64 { return math.Log(1 + math.Exp(a)) },
				}[activation](a)
			}
		}
		if h = next; l < len(params)-2 && activation == "gated" { // units, then their gates
			h = next[:len(next)/2]
			for o := range h {
				h[o] /= 1 + math.Exp(-next[len(h)+o])
			}
		}
	}
	return h
}

// The logits are those of a forward pass in plain float64, in both precisions, run
// after run, for a batch and for a single code.
func TestDecodeAgainstPlainForward(t *testing.T) {
	for _, cfg := range configs() {
		for dt, rel := range precisions {
			for _, batch := range []int{1, 4} {
				t.Run(fmt.Sprintf("%s/%v/batch %d", cfg.name(), dt, batch), func(t *testing.T) {
					m := newMLP(t, cfg, dt, 1)
					gr := mlpGraph(t, m, dt, batch)
					for run := range 3 {
						z := normal(uint64(run), batch*cfg.Latent)
						logits := gr.run(t, z)[0]
						for i := range batch {
							want := forward(t, m.Params(), cfg.Activation, z[i*cfg.Latent:(i+1)*cfg.Latent])
							within(t, "logits", logits[i*cfg.Outputs:(i+1)*cfg.Outputs], want, rel, 1)
						}
					}
				})
			}
		}
	}
}

// The gradient with respect to every weight is the central difference of the plain
// forward pass, h = 1e-5: its error, h²/6·f‴ and ε·|f|/h, is below 1e-9 for weights
// and inputs of the size of 1, and 1 is the natural size of the gradient. A ReLU
// whose input lies within h of 0 would spoil it; of some 100 inputs of the size of
// 1 none does under this seed (1 seed in 1000 would).
func TestDecodeGradient(t *testing.T) {
	const h, batch = 1e-5, 2
	for _, cfg := range configs() {
		t.Run(cfg.name(), func(t *testing.T) {
			m := newMLP(t, cfg, tensor.Float64, 2)
			z, weights := normal(1, batch*cfg.Latent), normal(2, batch*cfg.Outputs)
			out := mlpGraph(t, m, tensor.Float64, batch).run(t, z, weights)
			cost := func() (c float64) {
				for i := range batch {
					for j, l := range forward(t, m.Params(), cfg.Activation, z[i*cfg.Latent:(i+1)*cfg.Latent]) {
						c += weights[i*cfg.Outputs+j] * l
					}
				}
				return c
			}
			for k, p := range m.Params() {
				data := p.Value.Data().([]float64)
				want := make([]float64, len(data))
				for i, v := range data {
					data[i] = v + h
					up := cost()
					data[i] = v - h
					want[i] = (up - cost()) / (2 * h)
					data[i] = v
				}
				within(t, p.Names[0], out[1+k], want, 1e-7, 1)
			}

			// The same in float32, against float64.
			out32 := mlpGraph(t, newMLP(t, cfg, tensor.Float32, 2), tensor.Float32, batch).run(t, z, weights)
			for k, p := range m.Params() {
				within(t, "float32 "+p.Names[0], out32[1+k], out[1+k], 1e-5, 1)
			}
		})
	}
}

// Graphs of several batch sizes are bound to the same weights.
func TestGraphsShareWeights(t *testing.T) {
	cfg := Config{Latent: 3, Outputs: 5, Hidden: []int{6}, Activation: "tanh", Init: "pytorch"}
	m := newMLP(t, cfg, tensor.Float32, 1)
	one, four := mlpGraph(t, m, tensor.Float32, 1), mlpGraph(t, m, tensor.Float32, 4)
	z := normal(1, cfg.Latent)
	var before []float64
	for change := range 2 {
		a, b := one.run(t, z)[0], four.run(t, slices.Concat(z, z, z, z))[0]
		for i := range b {
			if a[i%cfg.Outputs] != b[i] {
				t.Fatalf("change %d: batch of one and of four differ: %v and %v", change, a, b)
			}
		}
		if change == 1 {
			within(t, "logits after the change", a, forward(t, m.Params(), cfg.Activation, z), 1e-5, 1)
			if slices.Equal(a, before) {
				t.Error("the weights have changed, the logits have not")
			}
		}
		before = a
		for _, p := range m.Params() {
			for i, d := 0, p.Value.Data().([]float32); i < len(d); i++ {
				d[i] *= 1.5
			}
		}
	}
}

// Names and shapes of the parameters are those of the files that are saved.
func TestParams(t *testing.T) {
	m := newMLP(t, Config{Latent: 3, Outputs: 5, Hidden: []int{4, 7}, Activation: "relu", Init: "pytorch"}, tensor.Float32, 1)
	want := []struct {
		name  string
		shape tensor.Shape
	}{
		{"decoder.hidden.0.weight", tensor.Shape{4, 3}}, {"decoder.hidden.0.bias", tensor.Shape{4}},
		{"decoder.hidden.1.weight", tensor.Shape{7, 4}}, {"decoder.hidden.1.bias", tensor.Shape{7}},
		{"decoder.output.weight", tensor.Shape{5, 7}}, {"decoder.output.bias", tensor.Shape{5}},
	}
	params := m.Params()
	if len(params) != len(want) {
		t.Fatalf("%d parameters, want %d", len(params), len(want))
	}
	for i, p := range params {
		if names := strings.Join(p.Names, " "); names != want[i].name || !p.Value.Shape().Eq(want[i].shape) {
			t.Errorf("parameter %d: %s %v, want %s %v", i, names, p.Value.Shape(), want[i].name, want[i].shape)
		}
	}
	if z, _, x := m.Dims(); z != 3 || x != 5 {
		t.Errorf("Dims() = %d, %d, want 3, 5", z, x)
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, hidden := range [][]int{nil, {4}} {
		m := newMLP(t, Config{Latent: 3, Outputs: 5, Hidden: hidden, Activation: "relu", Init: "pytorch"}, tensor.Float32, 1)
		for name, z := range map[string]*G.Node{
			"width":     G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithName("z"), G.WithShape(2, 4)),
			"vector":    G.NewVector(G.NewGraph(), tensor.Float32, G.WithName("z"), G.WithShape(3)),
			"precision": G.NewMatrix(G.NewGraph(), tensor.Float64, G.WithName("z"), G.WithShape(2, 3)),
		} {
			if _, err := m.Apply(z, nil); err == nil || !strings.HasPrefix(err.Error(), "decoder: ") {
				t.Errorf("%s, hidden %v: error %v", name, hidden, err)
			}
		}
	}
}
