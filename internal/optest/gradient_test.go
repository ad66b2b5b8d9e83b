package optest

import (
	"fmt"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The gradient of each operation is the central difference of its own value, in
// float64 with h = 1e-5·max(1, |x|).
//
// The error of a central difference is h²/6·f‴ ≈ 2e-11 and, from rounding,
// ε·|f|/h ≈ 2e-11·|f|, for f of the size of 1 to 100: below 1e-8 in all. So 1e-7
// of max(|gradient|, 1) is asked for; inputs and weights are of the size of 1, so
// that 1 is the natural size of a gradient.
func TestGradientsAreDifferences(t *testing.T) {
	for _, c := range allCases() {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, tensor.Float64, c.shapes, c.build, c.wrt...)
			r := seeded(2)
			for range 3 {
				in := c.points(r)
				cot := normal(r, size(m.out[0].Shape()), 1)
				grads := m.run(t, in, cot)[1:]
				for k, i := range c.wrt {
					want := differences(in[i], cot, func() []float64 { return m.run(t, in, cot)[0] })
					check(t, fmt.Sprintf("input %d", i), grads[k], want, floor(want, 1), 1e-7)
				}
			}
		})
	}
}

// differences is the gradient of Σ weight·f with respect to x, by central
// differences of each element of f, which are summed after they are formed.
func differences(x, weights []float64, f func() []float64) []float64 {
	d := make([]float64, len(x))
	for i, v := range x {
		h := 1e-5 * max(1, math.Abs(v))
		up, down := v+h, v-h
		x[i] = up
		a := f()
		x[i] = down
		b := f()
		x[i] = v
		for k := range a {
			w := 1.0 // a scalar is its own cost
			if len(a) > 1 {
				w = weights[k]
			}
			d[i] += w * (a[k] - b[k]) / (up - down)
		}
	}
	return d
}

// floor raises |x| to at least least.
func floor(x []float64, least float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = max(math.Abs(v), least)
	}
	return y
}

// The gradient is that of the closed form, in both precisions, at ordinary points
// and at extremes, where differences have no digits left.
func TestGradientsAreClosedForms(t *testing.T) {
	for _, c := range append(allCases(), estimatorCases()...) {
		for _, p := range precisions {
			t.Run(fmt.Sprintf("%s/%v", c.name, p.dt), func(t *testing.T) {
				m := newMachine(t, p.dt, c.shapes, c.build, c.wrt...)
				r := seeded(3)
				for n := range 25 {
					points := c.points
					if n >= 5 {
						if points = c.edge; points == nil {
							break
						}
					}
					in := points(r)
					cot := normal(r, size(m.out[0].Shape()), 1)
					out := m.run(t, in, cot)
					want, scale := c.value(in)
					check(t, "value", out[0], want, scale, p.rel)
					grads, scales := c.grad(in, cot)
					for k, i := range c.wrt {
						check(t, fmt.Sprintf("run %d, input %d", n, i), out[1+k], grads[k], scales[k], p.rel)
					}
				}
			})
		}
	}
}

// Data has no gradient: x of a layer, pixels and noise. To ask for one is an error.
func TestDataHasNoGradient(t *testing.T) {
	for _, c := range append(allCases(), estimatorCases()...) {
		wanted := map[int]bool{}
		for _, i := range c.wrt {
			wanted[i] = true
		}
		for i := range c.shapes {
			if wanted[i] {
				continue
			}
			g := G.NewGraph()
			var in []*G.Node
			for k, s := range c.shapes {
				in = append(in, G.NewTensor(g, tensor.Float64, len(s), G.WithName(string(rune('a'+k))), G.WithShape(s...)))
			}
			out, err := c.build(in)
			if err != nil {
				t.Fatal(err)
			}
			for k, wrt := range out.Op().(G.SDOp).DiffWRT(len(in)) {
				if wrt != wanted[k] {
					t.Errorf("%s: input %d: gradient %v, want %v", c.name, k, wrt, wanted[k])
				}
			}
			if _, err := G.Grad(G.Must(G.Sum(out)), in[i]); err == nil {
				t.Errorf("%s: a gradient for data, input %d", c.name, i)
			}
		}
	}
}

// At the kinks: ReLU passes nothing at 0, free bits nothing at the floor.
func TestGradientAtKinks(t *testing.T) {
	relu := newMachine(t, tensor.Float64, [][]int{{1, 1}, {1, 1}, {1}}, linearCase(1, true).build, 1, 2)
	if out := relu.run(t, [][]float64{{1}, {2}, {-2}}, []float64{1}); out[0][0] != 0 || out[1][0] != 0 || out[2][0] != 0 {
		t.Errorf("relu at 0: value %v, gradients %v", out[0], out[1:])
	}
	free := newMachine(t, tensor.Float64, [][]int{{2, 2}}, func(in []*G.Node) (*G.Node, error) { return freeBits(in[0], 0.5) }, 0)
	out := free.run(t, [][]float64{{0.25, 0.75, 0.75, 0.75}}, nil)
	check(t, "free bits", out[0], []float64{1.25}, nil, 1e-15)
	check(t, "free bits' gradient", out[1], []float64{0, 0.5, 0, 0.5}, nil, 1e-15)
}
