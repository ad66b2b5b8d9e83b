package klreg

import (
	"fmt"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var capacity = Weight{Beta: 1, Capacity: 25, Gamma: 30}

// newCapacityGraph is γ·|rate − C| as a training step has it, and its gradient.
// The targets are set by let.
func newCapacityGraph(t *testing.T, dt tensor.Dtype, gamma float64) (gr *testGraph, let func(c float64)) {
	t.Helper()
	value := func(v float64) any {
		if dt == tensor.Float32 {
			return float32(v)
		}
		return v
	}
	var target *G.Node
	gr = newGraph(t, dt, func(h *G.Node) (*G.Node, error) {
		dims, err := GaussianDimsNode(h)
		if err != nil {
			return nil, err
		}
		target = G.NewScalar(h.Graph(), dt, G.WithName("capacity"), G.WithValue(value(0)))
		factor := G.NewScalar(h.Graph(), dt, G.WithName("gamma"), G.WithValue(value(gamma)))
		penalty, err := capacity.Penalty(dims, nil, target)
		if err != nil {
			return nil, err
		}
		return G.Mul(factor, penalty)
	})
	return gr, func(c float64) {
		t.Helper()
		if err := G.Let(target, value(c)); err != nil {
			t.Fatal(err)
		}
	}
}

// One graph follows its target from run to run, below the rate and above it, in
// value and in gradient.
func TestCapacityPenalty(t *testing.T) {
	const gamma = 30
	for _, p := range []struct {
		dt  tensor.Dtype
		rel float64
	}{{tensor.Float64, 1e-12}, {tensor.Float32, 1e-5}} {
		t.Run(p.dt.String(), func(t *testing.T) {
			gr, let := newCapacityGraph(t, p.dt, gamma)
			for run := range 5 {
				mu, lv := inputs(run)
				rate, _ := penalty(mu, lv, 0)
				for _, part := range []float64{0.5, 2, 0, 0.75} {
					c := float64(float32(part * rate))
					let(c)
					out := gr.run(t, mu, lv, nil)
					near(t, fmt.Sprintf("run %d, target %v: value", run, c), out[0][0], gamma*math.Abs(rate-c), p.rel*4)
					sign := 1.0
					if c > rate {
						sign = -1
					}
					for k := range mu {
						near(t, fmt.Sprintf("run %d, target %v: dmu %d", run, c, k), out[1][k], gamma*sign*mu[k]/testB, p.rel)
						near(t, fmt.Sprintf("run %d, target %v: dlogvar %d", run, c, k), out[2][k], gamma*sign*math.Expm1(lv[k])/2/testB, p.rel)
					}
				}
			}
		})
	}
}

// At the target the value is 0, and so is the gradient.
func TestCapacityAtTarget(t *testing.T) {
	gr, let := newCapacityGraph(t, tensor.Float64, 30)
	mu, lv := make([]float64, testB*testZ), make([]float64, testB*testZ)
	for i := range mu {
		mu[i] = float64(i % 3) // squares, halves and sums of these are exact
	}
	rate, _ := penalty(mu, lv, 0)
	for _, tt := range []struct{ c, want float64 }{{rate, 0}, {rate - 0.5, 1}, {rate + 0.5, -1}, {rate, 0}} {
		let(tt.c)
		out := gr.run(t, mu, lv, nil)
		if out[0][0] != 30*math.Abs(rate-tt.c) {
			t.Errorf("rate %v, target %v: value %v", rate, tt.c, out[0][0])
		}
		for k := range mu {
			if out[1][k] != tt.want*30*mu[k]/testB || out[2][k] != 0 {
				t.Errorf("rate %v, target %v: gradient %v and %v at %d", rate, tt.c, out[1][k], out[2][k], k)
			}
		}
	}
}

// The gradient is that of central differences of the graph's own value.
func TestCapacityPenaltyDifferences(t *testing.T) {
	const h = 1e-5
	gr, let := newCapacityGraph(t, tensor.Float64, 3)
	mu, lv := inputs(1)
	rate, _ := penalty(mu, lv, 0)
	for _, c := range []float64{rate / 2, 2 * rate} {
		let(c)
		grads := gr.run(t, mu, lv, nil)
		for i, x := range [][]float64{mu, lv} {
			for k, v := range x {
				x[k] = v + h
				above := gr.run(t, mu, lv, nil)[0][0]
				x[k] = v - h
				below := gr.run(t, mu, lv, nil)[0][0]
				x[k] = v
				if got, want := grads[1+i][k], (above-below)/(2*h); math.Abs(got-want) > 1e-7*math.Max(1, math.Abs(want)) {
					t.Errorf("target %v, input %d[%d]: gradient %v, differences give %v", c, i, k, got, want)
				}
			}
		}
	}
}

// Without a capacity there is no need for a target.
func TestPenaltyWithoutCapacity(t *testing.T) {
	for _, floor := range []float64{0, 0.3} {
		gr := newGraph(t, tensor.Float64, func(h *G.Node) (*G.Node, error) {
			dims, err := GaussianDimsNode(h)
			if err != nil {
				return nil, err
			}
			return Weight{Beta: 1, FreeBits: floor}.Penalty(dims, nil, nil)
		})
		mu, lv := inputs(0)
		want, _ := penalty(mu, lv, floor)
		near(t, fmt.Sprint("free bits ", floor), gr.run(t, mu, lv, nil)[0][0], want, 1e-12)
	}
}

func TestCapacityPenaltyErrors(t *testing.T) {
	g := G.NewGraph()
	dims := G.NewMatrix(g, tensor.Float64, G.WithName("dims"), G.WithShape(2, 3))
	row := G.NewVector(g, tensor.Float64, G.WithName("row"), G.WithShape(3))
	c := G.NewScalar(g, tensor.Float64, G.WithName("c"))
	for name, f := range map[string]func() (*G.Node, error){
		"no target":             func() (*G.Node, error) { return capacity.Penalty(dims, nil, nil) },
		"a vector as target":    func() (*G.Node, error) { return capacity.Penalty(dims, nil, row) },
		"dims of another shape": func() (*G.Node, error) { return capacity.Penalty(row, nil, c) },
		"a target in float32": func() (*G.Node, error) {
			return capacity.Penalty(dims, nil, G.NewScalar(g, tensor.Float32, G.WithName("c32")))
		},
	} {
		if _, err := f(); err == nil || err.Error()[:7] != "klreg: " {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Why distance is not Gorgonia's Abs: its gradient at 0 is 1. When this fails,
// Abs will do.
func TestGorgoniaAbsAtZero(t *testing.T) {
	g := G.NewGraph()
	x := G.NewScalar(g, tensor.Float64, G.WithName("x"), G.WithValue(0.0))
	grads, err := G.Grad(G.Must(G.Abs(x)), x)
	if err != nil {
		t.Fatal(err)
	}
	var v G.Value
	G.Read(grads[0], &v)
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatal(err)
	}
	if got := v.Data().(float64); got != 1 {
		t.Errorf("the gradient of Abs at 0 is %v: Gorgonia's Abs serves now, and distance can go", got)
	}
}
