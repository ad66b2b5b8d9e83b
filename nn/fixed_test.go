package nn

import (
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/stream"
)

// operations counts the nodes of a graph by the names of their operations.
func operations(g *G.ExprGraph) map[string]int {
	count := map[string]int{}
	for _, n := range g.AllNodes() {
		if n.Op() != nil {
			count[n.Op().String()]++
		}
	}
	return count
}

func newLinear(t *testing.T, dt tensor.Dtype, o, i int, name string) Linear {
	t.Helper()
	l, err := NewLinear(dt, o, i, Tanh, "glorot", stream.New(1, stream.Weights, 0), name)
	if err != nil {
		t.Fatal(err)
	}
	l.B.Fill(func() float64 { return 0.25 })
	return l
}

// The graph of two layers has no operation for the gradients of W and B of the one that is
// frozen. Steps along the gradients change the other one alone. If the first layer is
// frozen, no gradient of its output is computed either: its input is data.
func TestFrozenLinear(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for frozen, want := range map[int]map[string]int{
			-1: {"linear": 2, "linear.da": 2, "linear.dw": 2, "linear.db": 2, "linear.dx": 1},
			0:  {"linear": 2, "linear.da": 1, "linear.dw": 1, "linear.db": 1, "linear.dx": 0},
			1:  {"linear": 2, "linear.da": 2, "linear.dw": 1, "linear.db": 1, "linear.dx": 1},
		} {
			layers := MLP{newLinear(t, dt, 4, 3, "a"), newLinear(t, dt, 2, 4, "b")}
			if frozen >= 0 {
				Freeze(layers[frozen].Params()...)
			}
			trained := Trained(layers.Params())
			p, err := graph.Compile(dt, func(b *graph.Builder) error {
				y, err := layers.Apply(b.Input("x", 5, 3))
				if err != nil {
					return err
				}
				var wrt G.Nodes
				for _, p := range trained {
					wrt = append(wrt, p.Node(b.Graph()))
				}
				grads, err := b.Gradients(G.Must(G.Sum(y)), wrt...)
				if err != nil {
					return err
				}
				for i, p := range trained {
					b.Output(p.Names[0], grads[i])
				}
				got := operations(b.Graph())
				for name, n := range want {
					if got[name] != n {
						t.Errorf("%v, layer %d frozen: %d operations %s, want %d", dt, frozen, got[name], name, n)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var before [][]float64
			for _, p := range layers.Params() {
				before = append(before, p.Numbers())
			}
			if err := p.Load("x", 0, []float32{1, 2, 3, -1, 0, 1, 2, -2, 1, 0.5, 1, 1, 0, 0, 1}); err != nil {
				t.Fatal(err)
			}
			if err := p.Take(); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := p.Run(); err != nil {
					t.Fatal(err)
				}
				for _, param := range trained {
					v := param.Numbers()
					step := make([]float64, len(v))
					if err := graph.Copy(p, param.Names[0], step); err != nil {
						t.Fatal(err)
					}
					i := -1
					param.Fill(func() float64 { i++; return v[i] + 0.1*step[i] })
				}
			}
			for i, p := range layers.Params() {
				if same := slices.Equal(p.Numbers(), before[i]); same != p.Frozen || p.Frozen != (i/2 == frozen) {
					t.Errorf("%v, layer %d frozen: %s is the same %v", dt, frozen, p.Names[0], same)
				}
			}
		}
	}
}

// plain is a network that is not Fixable.
type plain struct{ Linear }

func (n plain) Apply(x, _ *G.Node) (*G.Node, error) { return n.Linear.Apply(x) }
func (n plain) Dims() (in, labels, out int)         { return 3, 0, 3 }

// fixable is a network that is.
type fixable struct{ plain }

func (n fixable) Fixed() Network {
	n.Linear.Fixed = true
	return n
}

// A network held fixed has the value and the gradient for x that it has otherwise, and no
// gradient for its parameters, whether it is Fixable or not. The same network beside it in
// the same graph has its gradients.
func TestFixed(t *testing.T) {
	x := []float32{1, 2, 3, -1, 0, 1}
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for _, net := range []Network{plain{newLinear(t, dt, 3, 3, "a")}, fixable{plain{newLinear(t, dt, 3, 3, "a")}}} {
			_, can := net.(Fixable)
			if _, copies := Fixed(net).(held); copies == can {
				t.Errorf("%T: fixed by %T", net, Fixed(net))
			}
			if got := Fixed(net).Params(); !slices.Equal(got, net.Params()) {
				t.Errorf("%T: params %v", net, got)
			}
			// run returns the values of y and of the gradients for x and W; with wrt false,
			// that of W is not asked for.
			run := func(wrt bool, apply func(x *G.Node) (*G.Node, error)) (out [3][]float64, err error) {
				p, err := graph.Compile(dt, func(b *graph.Builder) error {
					x, err := graph.Combine([]float64{1}, b.Input("x", 2, 3))
					if err != nil {
						return err
					}
					y, err := apply(x)
					if err != nil {
						return err
					}
					b.Output("y", y)
					nodes := G.Nodes{x}
					if wrt {
						nodes = append(nodes, net.Params()[0].Node(b.Graph()))
					}
					grads, err := b.Gradients(G.Must(G.Sum(y)), nodes...)
					for i, g := range grads {
						b.Output([]string{"dx", "dw"}[i], g)
					}
					return err
				})
				if err != nil {
					return out, err
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
				for i, name := range p.Outputs() {
					out[i] = make([]float64, []int{6, 6, 9}[i])
					if err := graph.Copy(p, name, out[i]); err != nil {
						t.Fatal(err)
					}
				}
				return out, nil
			}
			free := func(x *G.Node) (*G.Node, error) { return net.Apply(x, nil) }
			fixed := func(x *G.Node) (*G.Node, error) { return Fixed(net).Apply(x, nil) }
			both := func(x *G.Node) (*G.Node, error) { // fixed of x, and free of a constant
				var s graph.Steps
				a := s.Do(fixed(x))
				c := s.Do(graph.Stop(x))
				if s.Err() != nil {
					return nil, s.Err()
				}
				return graph.Combine([]float64{1, 1}, a, s.Do(free(c)))
			}
			want, err := run(true, free)
			if err != nil {
				t.Fatal(err)
			}
			got, err := run(false, fixed)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1]) {
				t.Errorf("%v, %T: y %v, dx %v, want %v and %v", dt, net, got[0], got[1], want[0], want[1])
			}
			if _, err := run(true, fixed); err == nil || !strings.Contains(err.Error(), "differentiate the cost") {
				t.Errorf("%v, %T: a gradient for W: %v", dt, net, err)
			}
			got, err = run(true, both)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[1], want[1]) || !slices.Equal(got[2], want[2]) {
				t.Errorf("%v, %T twice: dx %v, dw %v, want %v and %v", dt, net, got[1], got[2], want[1], want[2])
			}
		}
	}
}
