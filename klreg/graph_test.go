package klreg

import (
	"fmt"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

const (
	testB = 4
	testZ = 3
)

// testGraph is a graph of mu and logvar [B,Z], with the gradient of Σ weight·output.
type testGraph struct {
	mu, logvar, weight *tensor.Dense
	out                [3]G.Value // output, dmu, dlogvar
	vm                 G.VM
}

func newGraph(t testing.TB, dt tensor.Dtype, build func(h *G.Node) (*G.Node, error)) *testGraph {
	t.Helper()
	g, gr := G.NewGraph(), &testGraph{}
	input := func(name string, shape ...int) (*G.Node, *tensor.Dense) {
		v := tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
		return G.NewTensor(g, dt, len(shape), G.WithName(name), G.WithShape(shape...), G.WithValue(v)), v
	}
	mu, muV := input("mu", testB, testZ)
	logvar, logvarV := input("logvar", testB, testZ)
	gr.mu, gr.logvar = muV, logvarV
	out, err := build(G.Must(graph.Join(mu, logvar)))
	if err != nil {
		t.Fatal(err)
	}
	cost := out
	if !out.IsScalar() {
		var w *G.Node
		w, gr.weight = input("weight", out.Shape()...)
		cost = G.Must(G.Sum(G.Must(G.HadamardProd(w, out))))
	}
	grads, err := G.Grad(cost, mu, logvar)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range append(G.Nodes{out}, grads...) {
		G.Read(n, &gr.out[i])
	}
	gr.vm = G.NewTapeMachine(g)
	return gr
}

func (gr *testGraph) run(t testing.TB, mu, logvar, weight []float64) (out [3][]float64) {
	t.Helper()
	for _, in := range []struct {
		dst *tensor.Dense
		src []float64
	}{{gr.mu, mu}, {gr.logvar, logvar}, {gr.weight, weight}} {
		if in.dst == nil {
			continue
		}
		switch d := in.dst.Data().(type) {
		case []float64:
			copy(d, in.src)
		case []float32:
			for i := range d {
				d[i] = float32(in.src[i])
			}
		}
	}
	gr.vm.Reset()
	if err := gr.vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	for i, v := range gr.out {
		if d, err := graph.Slice64(v); err == nil {
			out[i] = append([]float64{}, d...)
			continue
		}
		d, err := graph.Slice32(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range d {
			out[i] = append(out[i], float64(x))
		}
	}
	return out
}

// inputs are ordinary, then such as hold the extremes.
func inputs(run int) (mu, logvar []float64) {
	r := seeded(uint64(run))
	mu, logvar = normal(r, testB*testZ), normal(r, testB*testZ)
	if run >= 5 {
		for i := range mu {
			mu[i] = []float64{0, 1e4, -1e4, 0.5, float64(float32(1e-8))}[r.IntN(5)]
			logvar[i] = []float64{-80, 80, 0, float64(float32(1e-8)), float64(float32(-1e-8)), 1}[r.IntN(6)]
		}
	}
	return mu, logvar
}

// The nodes have the values of the plain functions and the gradients that those
// state, in both precisions, run after run.
func TestNodesAgainstPlainFunctions(t *testing.T) {
	for _, p := range []struct {
		dt  tensor.Dtype
		rel float64
	}{{tensor.Float64, 1e-12}, {tensor.Float32, 1e-5}} {
		for _, dims := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v/dims %v", p.dt, dims), func(t *testing.T) {
				build := GaussianNode
				if dims {
					build = GaussianDimsNode
				}
				gr := newGraph(t, p.dt, build)
				for run := range 20 {
					mu, lv := inputs(run)
					w := normal(seeded(uint64(100+run)), testB*testZ)
					out := gr.run(t, mu, lv, w)
					for i := range testB {
						row, lvRow := mu[i*testZ:(i+1)*testZ], lv[i*testZ:(i+1)*testZ]
						want := make([]float64, testZ)
						GaussianDims(want, row, lvRow)
						if !dims {
							near(t, fmt.Sprintf("run %d: rate of image %d", run, i), out[0][i], Gaussian(row, lvRow), p.rel)
						}
						for j := range want {
							k, g := i*testZ+j, w[i]
							if dims {
								g = w[k]
								near(t, fmt.Sprintf("run %d: KL of dimension %d", run, k), out[0][k], want[j], p.rel)
							}
							near(t, fmt.Sprintf("run %d: dmu %d", run, k), out[1][k], g*row[j], p.rel)
							near(t, fmt.Sprintf("run %d: dlogvar %d", run, k), out[2][k], g*math.Expm1(lvRow[j])/2, p.rel)
						}
					}
				}
			})
		}
	}
}

func TestNodeErrors(t *testing.T) {
	g := G.NewGraph()
	a := G.NewMatrix(g, tensor.Float64, G.WithName("a"), G.WithShape(2, 3))
	v := G.NewVector(g, tensor.Float64, G.WithName("v"), G.WithShape(3))
	for name, f := range map[string]func() (*G.Node, error){
		"GaussianDimsNode":       func() (*G.Node, error) { return GaussianDimsNode(a) },
		"GaussianNode":           func() (*G.Node, error) { return GaussianNode(a) },
		"Sum":                    func() (*G.Node, error) { return Sum(v) },
		"Penalty":                func() (*G.Node, error) { return DefaultWeight().Penalty(v, nil, nil) },
		"Penalty with free bits": func() (*G.Node, error) { return Weight{Beta: 1, FreeBits: 1}.Penalty(v, nil, nil) },
	} {
		if _, err := f(); err == nil || err.Error()[:7] != "klreg: " {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
