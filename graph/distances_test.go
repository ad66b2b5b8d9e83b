package graph

import (
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The distances are those of the equation, and of rows that are equal 0. The gradients are
// central differences of Σ_ij w_ij·d_ij in float64. That cost is a quadratic, of which
// differences are exact. All numbers are sixteenths, and so are the differences of any two:
// what is left are roundings of 1e-16. In float32 the numbers are those of float64 to 1e-5.
func TestSquaredDistances(t *testing.T) {
	const rowsA, rowsB, n = 3, 4, 2
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(math.Round(16*r.NormFloat64())) / 16
		}
		return v
	}
	for _, same := range []bool{false, true} { // b is a
		inputs := map[string][]float32{"a": random(rowsA * n), "b": random(rowsB * n), "w": random(rowsA * rowsB)}
		wrt := []string{"a", "b"}
		b, count := inputs["b"], rowsB
		if same {
			wrt, b, count = wrt[:1], inputs["a"], rowsA
			inputs["w"] = inputs["w"][:rowsA*rowsA]
		}
		program := func(dt tensor.Dtype) *Program {
			p, err := Compile(dt, func(bd *Builder) error {
				nodes := map[string]*G.Node{"a": bd.Input("a", rowsA, n), "b": bd.Input("b", rowsB, n)}
				w, other := bd.Input("w", rowsA, count), nodes["b"]
				if same {
					other = nodes["a"]
				}
				d, err := SquaredDistances(nodes["a"], other)
				if err != nil {
					return err
				}
				cost := G.Must(G.Sum(G.Must(G.HadamardProd(w, d))))
				bd.Output("d", d)
				bd.Output("cost", cost)
				var of G.Nodes
				for _, name := range wrt {
					of = append(of, nodes[name])
				}
				grads, err := bd.Gradients(cost, of...)
				if err != nil {
					return err
				}
				for i, name := range wrt {
					bd.Output("d"+name, grads[i])
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		run := func(p *Program, output string, size int, moved string, at int, by float32) []float64 {
			for name, v := range inputs {
				if v = append([]float32{}, v...); name == moved {
					v[at] += by
				}
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
			got := make([]float64, size)
			if err := Copy(p, output, got); err != nil {
				t.Fatal(err)
			}
			return got
		}
		p64, p32 := program(tensor.Float64), program(tensor.Float32)
		want := make([]float64, rowsA*count)
		for ij := range want {
			for k := range n {
				want[ij] += math.Pow(float64(inputs["a"][ij/count*n+k])-float64(b[ij%count*n+k]), 2)
			}
		}
		compare := func(what string, got, want []float64, tolerance float64) {
			t.Helper()
			for i := range want {
				if !(math.Abs(got[i]-want[i]) <= tolerance*max(1, math.Abs(want[i]))) {
					t.Errorf("same %v: %s: number %d is %v, want %v", same, what, i, got[i], want[i])
				}
			}
		}
		compare("distances", run(p64, "d", len(want), "", 0, 0), want, 1e-14)
		compare("distances of float32", run(p32, "d", len(want), "", 0, 0), want, 1e-5)
		for _, name := range wrt {
			differences := make([]float64, len(inputs[name]))
			for i := range differences {
				const h = 1. / 16
				differences[i] = (run(p64, "cost", 1, name, i, h)[0] - run(p64, "cost", 1, name, i, -h)[0]) / (2 * h)
			}
			grad := run(p64, "d"+name, len(differences), "", 0, 0)
			compare("gradient of "+name, grad, differences, 1e-12)
			compare("gradient of "+name+" in float32", run(p32, "d"+name, len(grad), "", 0, 0), grad, 1e-5)
		}
	}
	x := func(shape ...int) *G.Node {
		return G.NewTensor(G.NewGraph(), tensor.Float32, len(shape), G.WithName("x"), G.WithShape(shape...))
	}
	for _, shapes := range [][2]*G.Node{{x(2, 3), x(2, 2)}, {x(3), x(2, 3)}} {
		if _, err := SquaredDistances(shapes[0], shapes[1]); err == nil {
			t.Errorf("shapes %v and %v: no error", shapes[0].Shape(), shapes[1].Shape())
		}
	}
}
