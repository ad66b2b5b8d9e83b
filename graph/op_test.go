package graph

import (
	"math"
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
	saved := 0
	y := G.Must(cube(&saved, true).Apply(x))
	sd := y.Op().(G.SDOp)
	if _, err := sd.SymDiff(G.Nodes{x}, y, y); err != nil {
		t.Fatal(err)
	}
	if _, err := sd.SymDiff(G.Nodes{x}, y, y); err == nil || !strings.Contains(err.Error(), "a second time") {
		t.Errorf("a second gradient: %v", err)
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
