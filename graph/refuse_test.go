package graph

import (
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// What cannot be built is an error, and neither a panic nor a program that is silently
// another one.
func TestCompileRefuses(t *testing.T) {
	id := Each(func(v []float64) float64 { return v[0] })
	diff := func(op Op, cost func(y *G.Node) (*G.Node, error)) func(b *Builder) error {
		return func(b *Builder) error {
			x := G.Must(Combine([]float64{1}, b.Input("x", 2, 2)))
			y, err := op.Apply(x)
			if err != nil {
				return err
			}
			c, err := cost(y)
			if err != nil {
				return err
			}
			_, err = b.Gradients(c, x)
			return err
		}
	}
	sum := func(y *G.Node) (*G.Node, error) { return G.Sum(y) }
	returns := func(grads func(dout *G.Node) G.Nodes) Op {
		return Op{Name: "mine", Run: id, Wrt: []bool{true}, Diff: func(_, dout *G.Node) (G.Nodes, error) { return grads(dout), nil }}
	}
	for want, build := range map[string]func(b *Builder) error{
		"build: panic: mine, at graph/refuse_test.go:":             func(*Builder) error { panic("mine") },
		"compile: no function that builds the graph":               nil,
		"compile a graph without nodes":                            func(*Builder) error { return nil },
		`input "x": no sizes, want at least one`:                   func(b *Builder) error { b.Input("x"); return nil },
		`input "e": no sizes, want at least one`:                   func(b *Builder) error { b.Random("e", "e", Normal); return nil },
		"called at graph/refuse_test.go:":                          func(b *Builder) error { _, err := RowSums(nil); return err },
		`input "x": a shape of (-2, 2), want sizes`:                func(b *Builder) error { b.Input("x", -2, 2); return nil },
		`input "x": a shape of (2, 4611686018427387904), want siz`: func(b *Builder) error { b.Input("x", 2, 1<<62); return nil },
		`input "e": a shape of (65536, 65536), want sizes`: func(b *Builder) error {
			b.Random("e", "e", Normal, 1<<16, 1<<16)
			return nil
		},
		"rowSums: input 0 of shape (0, 2), which has no numbers": func(b *Builder) error { _, err := RowSums(b.Input("x", 0, 2)); return err },
		"mine: output: a shape of (-1)":                          func(b *Builder) error { _, err := Compute("mine", tensor.Shape{-1}, id, b.Input("x", 2)); return err },
		`input named "dcost/dcost", which is the name`:           func(b *Builder) error { b.Input("dcost/dcost"); return nil },
		"a graph is compiled while another": func(b *Builder) error {
			_, err := Compile(tensor.Float32, func(*Builder) error { return nil })
			return err
		},
		"a cost of shape (2, 2), want a scalar":                    diff(Op{Name: "mine", Run: id, Grads: []Kernel{id}}, func(y *G.Node) (*G.Node, error) { return y, nil }),
		"mine: gradients of 2 inputs, and there are 1":             diff(Op{Name: "mine", Run: id, Grads: []Kernel{id, id}}, sum),
		"mine: gradients of 3 inputs, and there are 1":             diff(Op{Name: "mine", Run: id, Wrt: make([]bool, 3)}, sum),
		"mine: Diff goes with Wrt":                                 diff(Op{Name: "mine", Run: id, Diff: returns(nil).Diff}, sum),
		"mine: 0 gradients of 1 inputs":                            diff(returns(func(*G.Node) G.Nodes { return nil }), sum),
		"mine: no gradient of input 0":                             diff(returns(func(*G.Node) G.Nodes { return G.Nodes{nil} }), sum),
		"mine: the gradient of input 0 has the shape (2), want th": diff(returns(func(dout *G.Node) G.Nodes { return G.Nodes{G.Must(RowSums(dout))} }), sum),
		"with respect to no node":                                  func(b *Builder) error { _, err := b.Gradients(b.Scalar("s", 1)); return err },
		"the cost: it does not depend on a, b: freeze": func(b *Builder) error {
			_, err := b.Gradients(G.Must(Mean(G.Must(Combine([]float64{1}, b.Input("c", 2))))), b.Input("b", 2), b.Input("a", 2))
			return err
		},
	} {
		if _, err := Compile(tensor.Float32, build); err == nil || !strings.HasPrefix(err.Error(), "graph: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, err := Compile(tensor.Int, func(*Builder) error { return nil }); err == nil || !strings.Contains(err.Error(), "a graph of int, want float32 or float64") {
		t.Errorf("integers: %v", err)
	}
}

// Rows without a function that builds the graph are an error of Get and of Run.
func TestRowsWithoutBuild(t *testing.T) {
	r := NewRows(tensor.Float32, nil)
	_, got := r.Get(1)
	for _, err := range []error{got, r.Run(1, map[string][]float32{"x": {1}})} {
		if err == nil || !strings.Contains(err.Error(), "graph: compile: no function that builds the graph") {
			t.Errorf("error %v", err)
		}
	}
}

// Inputs and scalars may have the name that the derivative of the cost along itself once had:
// the gradient is right.
func TestGradientBesideDcost(t *testing.T) {
	p, err := Compile(tensor.Float32, func(b *Builder) error {
		x, s := G.Must(Combine([]float64{1}, b.Input("x", 2))), b.Scalar("dcost", 7)
		grads, err := b.Gradients(G.Must(Scale(G.Must(Mean(x)), s)), x)
		if err != nil {
			return err
		}
		b.Output("dx", grads[0])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	if dx, err := p.Output("dx"); err != nil || !slices.Equal(dx, []float32{3.5, 3.5}) {
		t.Errorf("gradient %v, %v, want 7/2", dx, err)
	}
}

// A kernel that panics after the program was compiled is named, with the place, and nothing
// of what Gorgonia says about itself.
func TestKernelPanics(t *testing.T) {
	broken := false
	p, err := Compile(tensor.Float32, func(b *Builder) error {
		y, err := Op{Name: "mine", Run: Each(func(v []float64) float64 {
			if broken {
				return v[len(v)]
			}
			return v[0]
		})}.Apply(b.Input("x", 2))
		b.Output("y", y)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	broken = true
	const want = "graph: mine: panic: runtime error: index out of range [1] with length 1, at graph/refuse_test.go:"
	if err := p.Run(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Copy and Collect refuse a destination that the output does not fill; a function of Run that
// is nil, a negative number of rows and programs that cannot be kept do no harm.
func TestCopyRefuses(t *testing.T) {
	rows := NewRows(tensor.Float32, func(b *Builder, batch int) error {
		y, err := Combine([]float64{1}, b.Input("x", batch, 3))
		b.Output("y", y)
		return err
	})
	in := map[string][]float32{"x": make([]float32, 30)}
	n := 10
	for _, tt := range []struct {
		want string
		n    int
		each func(lo, hi int, p *Program) error
	}{
		{"", n, Collect("y", n, make([]float64, 3*n))},
		{"does not fill 20 numbers with 10 rows", n, Collect("y", n, make([]float64, 2*n))},
		{"does not fill 40 numbers with 10 rows", n, Collect("y", n, make([]float32, 4*n))},
		{"does not fill 31 numbers with 10 rows", n, Collect("y", n, make([]float32, 3*n+1))},
		{"does not fill 15 numbers with 5 rows", n, Collect("y", 5, make([]float32, 15))},
		{`no output named "z"`, n, Collect("z", n, make([]float32, 3*n))},
		{"function 0 of a run of rows is nil", n, nil},
		{"-1 rows, want at least 0", -1, Collect("y", n, make([]float64, 3*n))},
	} {
		err := rows.Run(tt.n, in, tt.each)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "graph: ") || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		p := scaled(t, dt, 2)
		if p.Dtype() != dt {
			t.Errorf("a program of %v, want %v", p.Dtype(), dt)
		}
		for n, ok := range map[int]bool{0: true, 2: true, 4: true, 5: false} {
			f64, f32 := make([]float64, n), make([]float32, n)
			for _, err := range []error{Copy(p, "y", f64), Copy(p, "y", f32)} {
				if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "output y has the shape (2, 2), want at least 5 numbers") {
					t.Errorf("%v: copy %d numbers of 4: %v", dt, n, err)
				}
			}
		}
	}
	bare, err := Compile(tensor.Float32, func(b *Builder) error { _, err := Stop(b.Scalar("s", 1)); return err })
	if err != nil {
		t.Fatal(err)
	}
	rows.Put(nil)
	rows.Put(bare)
	if err := checkSize(tensor.Shape{math.MaxInt, 0, math.MaxInt}); err == nil {
		t.Error("a size that overflows passes")
	}
}
