package dist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// nodeCheck holds an operation on a graph to its definition as plain numbers.
type nodeCheck struct {
	name   string
	shapes []tensor.Shape // of the inputs
	wrt    []int          // the inputs whose gradients are checked
	rel    float64        // error in float32, 0 for 1e-5
	build  func(in []*G.Node) (*G.Node, error)
	// value computes the output from the inputs. at are the inputs that a difference is
	// taken around, for what is held fixed.
	value func(in, at [][]float64) []float64
	// inputs makes the inputs of a run; nil for draws from N(0,1).
	inputs func(run int) [][]float64
}

// check compares values in both precisions with an error of 1e-12 and 1e-5 of the
// largest. Gradients in float64 are compared with central differences of step h = 1e-5:
// their error is h²·f‴/6 + 1e-16·f/h, or about 1e-10, and 1e-7 is allowed. Those in float32
// are compared with those in float64. Each graph runs three times.
func (c nodeCheck) check(t *testing.T) {
	t.Helper()
	const h = 1e-5
	var exact [3][][]float64
	for _, dt := range []tensor.Dtype{tensor.Float64, tensor.Float32} {
		gr := newShaped(t, dt, c.shapes, func(in []*G.Node) (*G.Node, G.Nodes, error) {
			out, err := c.build(in)
			var wrt G.Nodes
			for _, i := range c.wrt {
				wrt = append(wrt, in[i])
			}
			return out, wrt, err
		})
		for run := range 3 {
			what := fmt.Sprintf("%s/%v, run %d", c.name, dt, run)
			in := c.runInputs(run)
			want := c.value(in, in)
			weights := normals(uint64(1000+run), len(want))
			out := gr.run(t, append(in[:len(in):len(in)], weights)...)
			rel := precisionsOf[dt]
			if dt == tensor.Float32 && c.rel > 0 {
				rel = c.rel
			}
			within(t, what, out[0], want, rel, 1)
			if dt == tensor.Float32 {
				for k, i := range c.wrt {
					within(t, fmt.Sprintf("%s, gradient of input %d", what, i), out[1+k], exact[run][k], rel, 1)
				}
				continue
			}
			exact[run] = out[1:]
			cost := func(x [][]float64) (sum float64) {
				for j, v := range c.value(x, in) {
					sum += weights[j] * v
				}
				return sum
			}
			for k, i := range c.wrt {
				moved := append([][]float64{}, in...)
				moved[i] = append([]float64{}, in[i]...)
				grad := make([]float64, len(in[i]))
				for j, v := range in[i] {
					moved[i][j] = v + h
					up := cost(moved)
					moved[i][j] = v - h
					grad[j] = (up - cost(moved)) / (2 * h)
					moved[i][j] = v
				}
				within(t, fmt.Sprintf("%s, gradient of input %d", what, i), out[1+k], grad, 1e-7, 1)
			}
		}
	}
}

func (c nodeCheck) runInputs(run int) (in [][]float64) {
	if c.inputs != nil {
		return c.inputs(run)
	}
	for i, s := range c.shapes {
		in = append(in, normals(uint64(100*run+i), s.TotalSize()))
	}
	return in
}

// rowsOf applies f to each of the rows of a and b, and lists what it gives.
func rowsOf(rows int, a, b []float64, f func(a, b []float64) []float64) (out []float64) {
	n, m := len(a)/rows, len(b)/rows
	for r := range rows {
		out = append(out, f(a[r*n:(r+1)*n:(r+1)*n], b[r*m:(r+1)*m:(r+1)*m])...)
	}
	return out
}

// codeCheck holds the two sides of a Code to each other.
type codeCheck struct {
	dim  int
	rel  float64 // error in float32, 0 for 1e-5
	make func(dt tensor.Dtype) Code
	// draw is the map from noise to a draw, from its definition.
	draw func(f Code, params, eps []float64) []float64
}

func (c codeCheck) check(t *testing.T) {
	t.Helper()
	const rows = 3
	exact := c.make(tensor.Float64)
	width, noise := exact.Outputs(c.dim), exact.Noise(c.dim)
	on := func(params *G.Node) (Drawable, error) {
		d, err := c.make(params.Dtype()).On(params)
		if err != nil {
			return nil, err
		}
		return d.(Drawable), nil
	}
	drawn := func(params, eps []float64) []float64 {
		return rowsOf(rows, params, eps, func(p, e []float64) []float64 { return c.draw(exact, p, e) })
	}
	density := func(params, x []float64) []float64 {
		return rowsOf(rows, params, x, func(p, x []float64) []float64 { return []float64{exact.At(p).LogProb(x)} })
	}
	toShape := func(w int) tensor.Shape { return tensor.Shape{rows, w} }
	onRow := []tensor.Shape{toShape(width), toShape(c.dim)}
	onNoise := []tensor.Shape{toShape(width), toShape(noise)}
	draw := func(in []*G.Node) (*Draw, error) {
		d, err := on(in[0])
		if err != nil {
			return nil, err
		}
		return d.Draw(in[1])
	}
	for _, n := range []nodeCheck{
		{name: "LogProb", shapes: onRow, wrt: []int{0, 1},
			build: func(in []*G.Node) (*G.Node, error) {
				d, err := on(in[0])
				if err != nil {
					return nil, err
				}
				return d.LogProb(in[1])
			},
			value: func(in, _ [][]float64) []float64 { return density(in[0], in[1]) }},
		{name: "Draw.Z", shapes: onNoise, wrt: []int{0},
			build: func(in []*G.Node) (*G.Node, error) {
				d, err := draw(in)
				if err != nil {
					return nil, err
				}
				return d.Z, nil
			},
			value: func(in, _ [][]float64) []float64 { return drawn(in[0], in[1]) }},
		{name: "Draw.LogProb, along z and the parameters", shapes: onNoise, wrt: []int{0},
			build: func(in []*G.Node) (*G.Node, error) {
				d, err := draw(in)
				if err != nil {
					return nil, err
				}
				return d.LogProb()
			},
			value: func(in, _ [][]float64) []float64 { return density(in[0], drawn(in[0], in[1])) }},
		{name: "Draw.PathLogProb, along z alone", shapes: onNoise, wrt: []int{0},
			build: func(in []*G.Node) (*G.Node, error) {
				d, err := draw(in)
				if err != nil {
					return nil, err
				}
				return d.PathLogProb(d.Z)
			},
			value: func(in, at [][]float64) []float64 { return density(at[0], drawn(in[0], in[1])) }},
		{name: "Center", shapes: onRow[:1], wrt: []int{0},
			build: func(in []*G.Node) (*G.Node, error) {
				d, err := on(in[0])
				if err != nil {
					return nil, err
				}
				return d.Center()
			},
			value: func(in, _ [][]float64) []float64 {
				return rowsOf(rows, in[0], nil, func(p, _ []float64) []float64 { return exact.At(p).Mean() })
			}},
	} {
		n.rel = c.rel
		n.check(t)
	}
}

// moments compares the mean and the mean square of each number of n draws with those of
// given ones, within 4 standard errors: of all seeds 1 in 16000 fails at one of them.
func moments(t *testing.T, what string, n int, sample func() []float64, mean, square []float64) {
	t.Helper()
	sums := make([][4]float64, len(mean)) // of the powers
	for range n {
		for j, v := range sample() {
			p := v
			for k := range sums[j] {
				sums[j][k] += p / float64(n)
				p *= v
			}
		}
	}
	for j, s := range sums {
		if se := math.Sqrt((s[1] - s[0]*s[0]) / float64(n)); !(math.Abs(s[0]-mean[j]) <= 4*se) {
			t.Errorf("%s: mean of number %d is %v ± %v, want %v", what, j, s[0], se, mean[j])
		}
		if se := math.Sqrt((s[3] - s[1]*s[1]) / float64(n)); !(math.Abs(s[1]-square[j]) <= 4*se) {
			t.Errorf("%s: mean square of number %d is %v ± %v, want %v", what, j, s[1], se, square[j])
		}
	}
}

// sampler draws one after the other from one source.
func sampler(v Value, src rand.Source) func() []float64 {
	return func() []float64 { return v.Sample(src) }
}

// onGrid sums f over the middles of the squares of side step in [−to, to]².
func onGrid(step, to float64, f func(x []float64) float64) (sum float64) {
	n := int(math.Round(2 * to / step))
	for a := range n {
		for b := range n {
			sum += f([]float64{-to + (float64(a)+0.5)*step, -to + (float64(b)+0.5)*step}) * step * step
		}
	}
	return sum
}

// refused checks that an error starts with what is wanted of it.
func refused(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || len(err.Error()) < len(want) || err.Error()[:len(want)] != want {
		t.Errorf("%s: error %v, want one that starts %q", what, err, want)
	}
}
