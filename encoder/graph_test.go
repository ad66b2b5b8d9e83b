package encoder

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/nn"
)

func seeded(seed uint64) *rand.PCG { return rand.NewPCG(seed, 4) }

// normal is n draws from N(0,1), rounded to float32.
func normal(seed uint64, n int) []float64 {
	r := rand.New(seeded(seed))
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(r.NormFloat64()))
	}
	return x
}

func set(dst *tensor.Dense, src []float64) {
	switch d := dst.Data().(type) {
	case []float64:
		copy(d, src)
	case []float32:
		for i := range d {
			d[i] = float32(src[i])
		}
	}
}

func numbers(t testing.TB, v G.Value) (x []float64) {
	t.Helper()
	if d, err := graph.Slice64(v); err == nil {
		return append(x, d...)
	}
	d, err := graph.Slice32(v)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range d {
		x = append(x, float64(e))
	}
	return x
}

// testGraph is the encoder's graph of one batch size, with the gradients of
// Σ wMu·mu + Σ wLogvar·logvar with respect to its parameters.
type testGraph struct {
	x, wMu, wLogvar *tensor.Dense
	out             []G.Value // mu, logvar, gradients
	vm              G.VM
}

func newGraph(t testing.TB, e Encoder, dt tensor.Dtype, batch int) *testGraph {
	t.Helper()
	pixels, _, outputs := e.Dims()
	latent := outputs / 2
	g, gr := G.NewGraph(), &testGraph{}
	input := func(name string, width int) (*G.Node, *tensor.Dense) {
		v := tensor.New(tensor.Of(dt), tensor.WithShape(batch, width))
		return G.NewMatrix(g, dt, G.WithName(name), G.WithShape(batch, width), G.WithValue(v)), v
	}
	x, xv := input("x", pixels)
	wMu, muV := input("weights of mu", latent)
	wLogvar, lvV := input("weights of logvar", latent)
	gr.x, gr.wMu, gr.wLogvar = xv, muV, lvV
	h, err := e.Apply(x, nil)
	if err != nil {
		t.Fatal(err)
	}
	mu, logvar := G.Must(graph.Columns(h, 0, latent)), G.Must(graph.Columns(h, latent, outputs))
	for name, n := range map[string]*G.Node{"mu": mu, "logvar": logvar} {
		if want := (tensor.Shape{batch, latent}); !n.Shape().Eq(want) {
			t.Errorf("%s has shape %v, want %v", name, n.Shape(), want)
		}
	}
	cost := G.Must(G.Add(G.Must(G.Sum(G.Must(G.HadamardProd(wMu, mu)))), G.Must(G.Sum(G.Must(G.HadamardProd(wLogvar, logvar))))))
	var wrt G.Nodes
	for _, p := range e.Params() {
		wrt = append(wrt, p.Node(g))
	}
	grads, err := G.Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	nodes := append(G.Nodes{mu, logvar}, grads...)
	gr.out = make([]G.Value, len(nodes))
	for i, n := range nodes {
		G.Read(n, &gr.out[i])
	}
	gr.vm = G.NewTapeMachine(g)
	return gr
}

func (gr *testGraph) run(t testing.TB, x, wMu, wLogvar []float64) (out [][]float64) {
	t.Helper()
	set(gr.x, x)
	set(gr.wMu, wMu)
	set(gr.wLogvar, wLogvar)
	gr.vm.Reset()
	if err := gr.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	for _, v := range gr.out {
		out = append(out, numbers(t, v))
	}
	return out
}

// forward is the MLP of one image in plain float64: mu and logvar from the
// parameters in the order of Params.
func forward(t testing.TB, params []*nn.Param, activation string, x []float64, latent int) (mu, logvar []float64) {
	t.Helper()
	h := x
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
	return h[:latent], h[latent:]
}

// within reports numbers that differ by more than rel of the largest of want, or
// of least where that is more.
func within(t testing.TB, what string, got, want []float64, rel, least float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	scale := least
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	for i := range want {
		if d := math.Abs(got[i] - want[i]); !(d <= rel*scale) {
			t.Errorf("%s: element %d is %v, want %v (off by %.2g of %.2g)", what, i, got[i], want[i], d, scale)
			return
		}
	}
}

// model is a configuration to be tested.
func configs() (cs []Config) {
	for _, act := range []string{"relu", "tanh", "softplus", "gated"} {
		for _, hidden := range [][]int{nil, {6}, {7, 4}} {
			cs = append(cs, Config{In: 5, Latent: 3, Hidden: hidden, Activation: act, Init: "pytorch"})
		}
	}
	// Sizes of one, where a matrix may be taken for a vector or a scalar.
	return append(cs, Config{In: 1, Latent: 1, Activation: "relu", Init: "glorot"}, Config{In: 1, Latent: 1, Hidden: []int{1}, Activation: "tanh", Init: "pytorch"})
}

func newMLP(t testing.TB, cfg Config, dt tensor.Dtype, seed uint64) *MLP {
	t.Helper()
	m, err := NewMLP(cfg, dt, seeded(seed))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (c Config) name() string {
	return fmt.Sprintf("%d-%v-%d %s", c.In, c.Hidden, c.Latent, c.Activation)
}
