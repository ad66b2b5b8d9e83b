package encoder

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// mu and logvar are those of a forward pass in plain float64, in both precisions,
// run after run, for a batch and for a single image.
func TestEncodeAgainstPlainForward(t *testing.T) {
	for _, cfg := range configs() {
		for dt, rel := range map[tensor.Dtype]float64{tensor.Float64: 1e-12, tensor.Float32: 1e-5} {
			for _, batch := range []int{1, 4} {
				t.Run(fmt.Sprintf("%s/%v/batch %d", cfg.name(), dt, batch), func(t *testing.T) {
					m := newMLP(t, cfg, dt, 1)
					gr := newGraph(t, m, dt, batch)
					w := make([]float64, batch*cfg.Latent)
					for run := range 3 {
						x := normal(uint64(run), batch*cfg.In)
						out := gr.run(t, x, w, w)
						for i := range batch {
							mu, logvar := forward(t, m.Params(), cfg.Activation, x[i*cfg.In:(i+1)*cfg.In], cfg.Latent)
							within(t, "mu", out[0][i*cfg.Latent:(i+1)*cfg.Latent], mu, rel, 1)
							within(t, "logvar", out[1][i*cfg.Latent:(i+1)*cfg.Latent], logvar, rel, 1)
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
func TestEncodeGradient(t *testing.T) {
	const h, batch = 1e-5, 2
	for _, cfg := range configs() {
		t.Run(cfg.name(), func(t *testing.T) {
			m := newMLP(t, cfg, tensor.Float64, 2)
			x, wMu, wLogvar := normal(1, batch*cfg.In), normal(2, batch*cfg.Latent), normal(3, batch*cfg.Latent)
			out := newGraph(t, m, tensor.Float64, batch).run(t, x, wMu, wLogvar)
			cost := func() (c float64) {
				for i := range batch {
					mu, logvar := forward(t, m.Params(), cfg.Activation, x[i*cfg.In:(i+1)*cfg.In], cfg.Latent)
					for j := range mu {
						c += wMu[i*cfg.Latent+j]*mu[j] + wLogvar[i*cfg.Latent+j]*logvar[j]
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
				within(t, p.Names[0], out[2+k], want, 1e-7, 1)
			}

			// The same in float32, against float64.
			m32 := newMLP(t, cfg, tensor.Float32, 2)
			out32 := newGraph(t, m32, tensor.Float32, batch).run(t, x, wMu, wLogvar)
			for k, p := range m.Params() {
				within(t, "float32 "+p.Names[0], out32[2+k], out[2+k], 1e-5, 1)
			}
		})
	}
}

// Graphs of several batch sizes are bound to the same weights.
func TestGraphsShareWeights(t *testing.T) {
	cfg := Config{In: 5, Latent: 3, Hidden: []int{6}, Activation: "tanh", Init: "pytorch"}
	m := newMLP(t, cfg, tensor.Float32, 1)
	one, four := newGraph(t, m, tensor.Float32, 1), newGraph(t, m, tensor.Float32, 4)
	x := normal(1, cfg.In)
	x4, w := slices.Concat(x, x, x, x), make([]float64, 4*cfg.Latent)
	var before []float64
	for change := range 2 {
		a, b := one.run(t, x, w, w), four.run(t, x4, w, w)
		for i := range b[0] {
			if k := i % cfg.Latent; a[0][k] != b[0][i] || a[1][k] != b[1][i] {
				t.Fatalf("change %d: batch of one and of four differ: %v and %v", change, a[:2], b[:2])
			}
		}
		if change == 1 {
			mu, _ := forward(t, m.Params(), cfg.Activation, x, cfg.Latent)
			within(t, "mu after the change", a[0], mu, 1e-5, 1)
			if slices.Equal(a[0], before) {
				t.Error("the weights have changed, mu has not")
			}
		}
		before = a[0]
		for _, p := range m.Params() {
			for i, d := 0, p.Value.Data().([]float32); i < len(d); i++ {
				d[i] *= 1.5
			}
		}
	}
}

// Names and shapes of the parameters are those of the files that are saved.
func TestParams(t *testing.T) {
	m := newMLP(t, Config{In: 5, Latent: 3, Hidden: []int{7, 4}, Activation: "relu", Init: "pytorch"}, tensor.Float32, 1)
	want := []struct {
		names string
		shape tensor.Shape
	}{
		{"encoder.hidden.0.weight", tensor.Shape{7, 5}}, {"encoder.hidden.0.bias", tensor.Shape{7}},
		{"encoder.hidden.1.weight", tensor.Shape{4, 7}}, {"encoder.hidden.1.bias", tensor.Shape{4}},
		{"encoder.mu.weight encoder.logvar.weight", tensor.Shape{6, 4}}, {"encoder.mu.bias encoder.logvar.bias", tensor.Shape{6}},
	}
	params := m.Params()
	if len(params) != len(want) {
		t.Fatalf("%d parameters, want %d", len(params), len(want))
	}
	for i, p := range params {
		if names := strings.Join(p.Names, " "); names != want[i].names || !p.Value.Shape().Eq(want[i].shape) {
			t.Errorf("parameter %d: %s %v, want %s %v", i, names, p.Value.Shape(), want[i].names, want[i].shape)
		}
	}
	if x, y, out := m.Dims(); x != 5 || y != 0 || out != 6 {
		t.Errorf("Dims() = %d, %d, %d, want 5, 0, 6", x, y, out)
	}
}

// The first half of the heads' parameters is mu's, the second logvar's.
func TestHeadsAreSplitInOrder(t *testing.T) {
	m := newMLP(t, Config{In: 2, Latent: 2, Activation: "relu", Init: "pytorch"}, tensor.Float64, 1)
	set(m.Params()[0].Value, []float64{1, 0, 0, 1, 10, 0, 0, 10})
	set(m.Params()[1].Value, []float64{0, 0, 5, 5})
	w := make([]float64, 2)
	out := newGraph(t, m, tensor.Float64, 1).run(t, []float64{2, 3}, w, w)
	within(t, "mu", out[0], []float64{2, 3}, 0, 0)
	within(t, "logvar", out[1], []float64{25, 35}, 0, 0)
}

func TestEncodeErrors(t *testing.T) {
	for _, hidden := range [][]int{nil, {4}} {
		m := newMLP(t, Config{In: 5, Latent: 3, Hidden: hidden, Activation: "relu", Init: "pytorch"}, tensor.Float32, 1)
		for name, x := range map[string]*G.Node{
			"width":     G.NewMatrix(G.NewGraph(), tensor.Float32, G.WithName("x"), G.WithShape(2, 6)),
			"vector":    G.NewVector(G.NewGraph(), tensor.Float32, G.WithName("x"), G.WithShape(5)),
			"precision": G.NewMatrix(G.NewGraph(), tensor.Float64, G.WithName("x"), G.WithShape(2, 5)),
		} {
			if _, err := m.Apply(x, nil); err == nil || !strings.HasPrefix(err.Error(), "encoder: ") {
				t.Errorf("%s, hidden %v: error %v", name, hidden, err)
			}
		}
	}
}

// NaN in a pixel shows in its image's mu and logvar, through every activation, and
// in no other image's.
func TestEncodeShowsNaN(t *testing.T) {
	for _, cfg := range configs()[:12] {
		m := newMLP(t, cfg, tensor.Float32, 1)
		x, w := normal(1, 2*cfg.In), make([]float64, 2*cfg.Latent)
		x[0] = math.NaN()
		out := newGraph(t, m, tensor.Float32, 2).run(t, x, w, w)
		for i := range 2 * cfg.Latent {
			if want := i < cfg.Latent; math.IsNaN(out[0][i]) != want || math.IsNaN(out[1][i]) != want {
				t.Errorf("%s: element %d: mu %v, logvar %v", cfg.name(), i, out[0][i], out[1][i])
			}
		}
	}
}

// For another posterior than a normal one there is one head, of as many outputs as that wants.
func TestOutputs(t *testing.T) {
	m, err := NewMLP(Config{In: 4, Labels: 1, Latent: 2, Outputs: 5, Hidden: []int{3}, Activation: "tanh", Init: "glorot"}, tensor.Float32, rand.NewPCG(1, 2))
	if err != nil {
		t.Fatal(err)
	}
	ps := m.Params()
	if w := ps[2]; len(ps) != 4 || len(w.Names) != 1 || w.Names[0] != "encoder.output.weight" || !w.Value.Shape().Eq(tensor.Shape{5, 3}) {
		t.Errorf("the third of %d parameters is %v of shape %v", len(ps), ps[2].Names, ps[2].Value.Shape())
	}
	if in, labels, out := m.Dims(); in != 4 || labels != 1 || out != 5 {
		t.Errorf("sizes %d, %d and %d, want 4, 1 and 5", in, labels, out)
	}
	if _, err := NewMLP(Config{In: 4, Latent: 2, Outputs: -1, Activation: "tanh", Init: "glorot"}, tensor.Float32, rand.NewPCG(1, 2)); err == nil {
		t.Error("-1 outputs: no error")
	}
}
