package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// cube is x³ of each number, whose kernel counts how often it was given room for what it
// saves: 3x², the derivative.
func cube(saved *int, inPlace bool) Op {
	o := Op{Name: "cube", InPlace: inPlace, Run: Both(cubeOf[float32](saved), cubeOf[float64](saved))}
	if inPlace {
		o.Grads = []Kernel{Both(inRoom[float32], inRoom[float64])}
	} else {
		o.Saved = 6
		o.Grads = []Kernel{Both(fromRoom[float32], fromRoom[float64])}
	}
	return o
}

func cubeOf[T Float](saved *int) func(out []T, in [][]T) {
	return func(out []T, in [][]T) {
		for i, x := range in[0] {
			out[i] = x * x * x
		}
		if room := in[1]; room != nil {
			*saved++
			for i, x := range in[0] {
				room[i] = 3 * x * x
			}
		}
	}
}

func fromRoom[T Float](dx []T, in [][]T) { // dout, out, x, room
	for i, d := range in[3] {
		dx[i] = in[0][i] * d
	}
}

func inRoom[T Float](dx []T, in [][]T) {
	for i := range dx {
		dx[i] *= in[0][i]
	}
}

// What an operation saves reaches its gradient, in either precision, run after run; without
// a gradient it is not asked for.
func TestOpSaves(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for _, inPlace := range []bool{false, true} {
			for _, differentiated := range []bool{false, true} {
				saved := 0
				p, err := Compile(dt, func(b *Builder) error {
					x, err := Combine([]float64{1}, b.Input("x", 2, 3))
					if err != nil {
						return err
					}
					y, err := cube(&saved, inPlace).Apply(x)
					if err != nil {
						return err
					}
					b.Output("y", y)
					if !differentiated {
						return nil
					}
					grads, err := b.Gradients(G.Must(G.Sum(y)), x)
					b.Output("dx", grads[0])
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				for run := range 3 {
					x := []float32{1, -2, 3, 0.5, 0, float32(run)}
					if err := p.Load("x", 0, x); err != nil {
						t.Fatal(err)
					}
					if err := p.Take(); err != nil {
						t.Fatal(err)
					}
					if err := p.Run(); err != nil {
						t.Fatal(err)
					}
					y, dx := make([]float64, 6), make([]float64, 6)
					if err := Copy(p, "y", y); err != nil {
						t.Fatal(err)
					}
					if differentiated {
						if err := Copy(p, "dx", dx); err != nil {
							t.Fatal(err)
						}
					}
					for i, v := range x {
						if y[i] != float64(v*v*v) || differentiated && dx[i] != float64(3*v*v) {
							t.Errorf("%v, in place %v, run %d: %v³ is %v with derivative %v", dt, inPlace, run, v, y[i], dx[i])
						}
					}
				}
				if (saved > 0) != differentiated {
					t.Errorf("%v, in place %v, differentiated %v: saved %d times", dt, inPlace, differentiated, saved)
				}
			}
		}
	}
}

// swish is a·sigmoid(a), from the kernels that anyone may use.
var swish = Op{Name: "swish",
	Run: Each(func(v []float64) float64 { return v[0] / (1 + math.Exp(-v[0])) }),
	Grads: []Kernel{Each(func(v []float64) float64 { // dout, out, a
		s := 1 / (1 + math.Exp(-v[2]))
		return v[0] * (s + v[2]*s*(1-s))
	})}}

// The gradient of an operation of a few lines is its central difference.
func TestGradsAreDifferences(t *testing.T) {
	const h = 1e-5
	x := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float64{0.3, -1.2, 2, -4}))
	g := G.NewGraph()
	n := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(2, 2), G.WithValue(x))
	y := G.Must(swish.Apply(n))
	grads, err := G.Grad(G.Must(G.Sum(y)), n)
	if err != nil {
		t.Fatal(err)
	}
	var got G.Value
	G.Read(grads[0], &got)
	if err := G.NewTapeMachine(g).RunAll(); err != nil {
		t.Fatal(err)
	}
	f := func(a float64) float64 { return a / (1 + math.Exp(-a)) }
	for i, a := range x.Data().([]float64) {
		want := (f(a+h) - f(a-h)) / (2 * h)
		if d := got.Data().([]float64)[i]; math.Abs(d-want) > 1e-9 {
			t.Errorf("derivative at %v is %v, differences give %v", a, d, want)
		}
	}
}

func TestOpErrors(t *testing.T) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(2, 3))
	if _, err := (Op{Name: "none", Run: Each(func([]float64) float64 { return 0 })}).Apply(); err == nil || !strings.Contains(err.Error(), "none: no inputs") {
		t.Errorf("no inputs: %v", err)
	}
	only32 := Op{Name: "half", Run: Kernel{F32: func(out []float32, _ [][]float32) { clear(out) }}}
	if _, err := only32.Apply(x); err == nil || !strings.Contains(err.Error(), "half: no kernel for float64") {
		t.Errorf("no kernel: %v", err)
	}
	single := G.NewMatrix(g, tensor.Float32, G.WithName("single"), G.WithShape(2, 3))
	if _, err := swish.Apply(x, single); err == nil || !strings.Contains(err.Error(), "swish: inputs of float64 and of float32") {
		t.Errorf("two precisions: %v", err)
	}
	ints := G.NewMatrix(g, tensor.Int, G.WithName("ints"), G.WithShape(2, 3))
	if _, err := swish.Apply(ints); err == nil || !strings.Contains(err.Error(), "swish: inputs of int, want float32 or float64") {
		t.Errorf("integers: %v", err)
	}
	for _, inPlace := range []bool{false, true} {
		saved := 0
		y := G.Must(cube(&saved, inPlace).Apply(x))
		sd := y.Op().(G.SDOp)
		if _, err := sd.SymDiff(G.Nodes{x}, y, y); err != nil {
			t.Fatal(err)
		}
		if _, err := sd.SymDiff(G.Nodes{x}, y, y); err == nil || !strings.Contains(err.Error(), "a second time") {
			t.Errorf("a second gradient, in place %v: %v", inPlace, err)
		}
	}
	_, err := Compile(tensor.Float32, func(b *Builder) error {
		_, err := Op{Name: "broken", Run: Each(func([]float64) float64 { panic("a panic of mine") })}.Apply(b.Input("x", 1))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "graph: broken: panic: a panic of mine, at graph/op_test.go:") {
		t.Errorf("a panic: %v", err)
	}
}

// An empty Kernel, and a place past the end of Grads, are inputs without a gradient. The
// other kernels see dout, the output, then all inputs.
func TestOpGrads(t *testing.T) {
	run := Each(func(v []float64) float64 { return v[0]*v[1] + v[2] })
	da := Each(func(v []float64) float64 { return v[0]*v[3] + 0*v[1] }) // dout, out, a, b, c
	db := Each(func(v []float64) float64 { return v[0]*v[2] + v[1] - v[2]*v[3] - v[4] })
	dc := Each(func(v []float64) float64 { return v[0] })
	for _, tt := range []struct {
		grads []Kernel
		wrt   []bool
	}{
		{[]Kernel{da, db, dc}, []bool{true, true, true}},
		{[]Kernel{da}, []bool{true, false, false}},
		{[]Kernel{{}, db}, []bool{false, true, false}},
		{[]Kernel{{}, {}, dc}, []bool{false, false, true}},
		{nil, []bool{false, false, false}},
	} {
		for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			p, err := Compile(dt, func(b *Builder) error {
				var in, wrt G.Nodes
				for i, name := range []string{"a", "b", "c"} {
					in = append(in, G.Must(Combine([]float64{1}, b.Input(name, 2))))
					if tt.wrt[i] {
						wrt = append(wrt, in[i])
					}
				}
				y, err := Op{Name: "muladd", Run: run, Grads: tt.grads}.Apply(in...)
				if err != nil {
					return err
				}
				if got := y.Op().(G.SDOp).DiffWRT(3); !slices.Equal(got, tt.wrt) {
					t.Errorf("gradients %v, want %v", got, tt.wrt)
				}
				if IsData(y) != (len(wrt) == 0) {
					t.Errorf("gradients %v: IsData %v", tt.wrt, IsData(y))
				}
				b.Output("y", y)
				if len(wrt) == 0 {
					return nil
				}
				grads, err := b.Gradients(G.Must(G.Sum(y)), wrt...)
				for _, g := range grads {
					b.Output(fmt.Sprint("d", len(b.outputs)-1), g)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			for name, v := range map[string][]float32{"a": {2, 3}, "b": {5, 7}, "c": {11, 13}} {
				if err := p.Load(name, 0, v); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Take(); err != nil {
				t.Fatal(err)
			}
			if err := p.Run(); err != nil {
				t.Fatal(err)
			}
			want := [][]float64{{21, 34}}
			for i, d := range [][]float64{{5, 7}, {2, 3}, {1, 1}} {
				if tt.wrt[i] {
					want = append(want, d)
				}
			}
			for i, name := range p.Outputs() {
				got := make([]float64, 2)
				if err := Copy(p, name, got); err != nil || !slices.Equal(got, want[i]) {
					t.Errorf("%v, gradients %v: %s is %v, want %v (%v)", dt, tt.wrt, name, got, want[i], err)
				}
			}
		}
	}
}

func TestIsData(t *testing.T) {
	g := G.NewGraph()
	a := G.NewMatrix(g, tensor.Float32, G.WithName("a"), G.WithShape(2, 2))
	for name, tt := range map[string]struct {
		n    *G.Node
		want bool
	}{
		"an input": {a, true}, "data side by side": {G.Must(JoinData(a, a)), true}, "side by side": {G.Must(Join(a, a)), false},
		"stopped": {G.Must(Stop(a)), true}, "sums": {G.Must(RowSums(a)), false}, "of Gorgonia": {G.Must(G.Add(a, a)), false},
	} {
		if got := IsData(tt.n); got != tt.want {
			t.Errorf("%s: IsData %v", name, got)
		}
	}
}

// A parameter is no data: its gradient comes through what leaves data out, too.
func TestParameterIsNoData(t *testing.T) {
	value := tensor.New(tensor.WithShape(1, 3), tensor.WithBacking([]float64{1, 2, 3}))
	p, err := Compile(tensor.Float64, func(b *Builder) error {
		param := G.NewMatrix(b.Graph(), tensor.Float64, G.WithName("p"), G.WithShape(1, 3), G.WithValue(value))
		if IsData(param) || !IsData(b.Input("x", 2, 3)) {
			t.Error("a parameter is data, or an input is none")
		}
		var s Steps
		once, often := s.Do(Mean(s.Do(RowSums(param)))), s.Do(Mean(s.Do(RowSums(s.Do(Repeat(param, 4))))))
		cost := s.Do(Combine([]float64{1, 1}, once, often))
		if s.Err() != nil {
			return s.Err()
		}
		grads, err := b.Gradients(cost, param)
		if err != nil {
			return err
		}
		b.Output("grad", grads[0])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var grad [3]float64
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	if err := Copy(p, "grad", grad[:]); err != nil || grad != [3]float64{2, 2, 2} {
		t.Errorf("gradient %v, %v, want 2 for each", grad, err)
	}
}

// Each refuses inputs of another size than the output's.
func TestEachOfTwoSizes(t *testing.T) {
	_, err := Compile(tensor.Float64, func(b *Builder) error {
		n, err := Op{Name: "sum", Run: Each(func(v []float64) float64 { return v[0] + v[1] })}.Apply(b.Input("a", 2, 3), b.Input("b", 2, 4))
		b.Output("n", n)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "input 1 of 8 numbers for an output of 6") {
		t.Errorf("error %v", err)
	}
}

func TestConstant(t *testing.T) {
	p, err := Compile(tensor.Float64, func(b *Builder) error {
		n, err := Constant(b.Input("a", 3, 2), -1.5)
		b.Output("n", n)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var got [3]float64
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	if err := Copy(p, "n", got[:]); err != nil || got != [3]float64{-1.5, -1.5, -1.5} {
		t.Errorf("%v, %v, want -1.5 three times", got, err)
	}
}
