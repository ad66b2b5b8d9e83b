package optest

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/nn"
)

func columnsCase(from, to int) opCase {
	s := []int{testB, testN}
	w := to - from
	return opCase{name: fmt.Sprintf("columns %d to %d", from, to), shapes: [][]int{s}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) { return graph.Columns(in[0], from, to) },
		value: func(in [][]float64) (out, scale []float64) {
			for i := range testB {
				out = append(out, in[0][i*testN+from:i*testN+to]...)
			}
			return out, make([]float64, len(out)) // exact
		},
		grad: func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			g := make([]float64, len(in[0]))
			for i := range cot {
				g[i/w*testN+from+i%w] = cot[i]
			}
			return [][]float64{g}, [][]float64{make([]float64, len(g))}
		},
		points: normals([][]int{s})}
}

func gluCase() opCase {
	s := []int{testB, 2 * testN}
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	return opCase{name: "glu", shapes: [][]int{s}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) { return nn.GLU(in[0]) },
		value: func(in [][]float64) (out, scale []float64) {
			for i := range testB {
				for j := range testN {
					y := in[0][i*2*testN+j] * sigmoid(in[0][i*2*testN+testN+j])
					out, scale = append(out, y), append(scale, math.Abs(y))
				}
			}
			return out, scale
		},
		grad: func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			g, abs := make([]float64, len(in[0])), make([]float64, len(in[0]))
			for k, c := range cot {
				a, b := k/testN*2*testN+k%testN, k/testN*2*testN+testN+k%testN
				s := sigmoid(in[0][b])
				g[a], g[b] = c*s, c*in[0][a]*s*(1-s)
				abs[a], abs[b] = math.Abs(c), math.Abs(c*in[0][a]) // 1−s is in error by a part of 1
			}
			return [][]float64{g}, [][]float64{abs}
		},
		points: normals([][]int{s}),
		edge:   func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, size(s), 0, 1, -40, 40, -30, 1e-8)} }}
}

// linearCase is the naive triple loop. Only an x that something has computed gets
// a gradient, so there x passes through Columns first.
func linearCase(act nn.Activation, data bool) opCase {
	const i, o = 4, 6
	c := opCase{name: fmt.Sprintf("linear act %d data %v", act, data), shapes: [][]int{{testB, i}, {o, i}, {o}}, wrt: []int{0, 1, 2}}
	c.build = func(in []*G.Node) (*G.Node, error) {
		x, err := graph.Columns(in[0], 0, i)
		if err != nil {
			return nil, err
		}
		return nn.Dense(x, in[1], in[2], act)
	}
	if data {
		c.wrt = []int{1, 2}
		c.build = func(in []*G.Node) (*G.Node, error) { return nn.Dense(in[0], in[1], in[2], act) }
	}
	pre := func(in [][]float64) (a, abs []float64) {
		for r := range testB {
			for k := range o {
				sum, s := in[2][k], math.Abs(in[2][k])
				for j := range i {
					sum += in[0][r*i+j] * in[1][k*i+j]
					s += math.Abs(in[0][r*i+j] * in[1][k*i+j])
				}
				a, abs = append(a, sum), append(abs, s)
			}
		}
		return a, abs
	}
	c.value = func(in [][]float64) (out, scale []float64) {
		a, abs := pre(in)
		for k := range a {
			y, _ := activate(act, a[k])
			out, scale = append(out, y), append(scale, abs[k]+math.Abs(y))
		}
		return out, scale
	}
	c.grad = func(in [][]float64, cot []float64) (grads, scale [][]float64) {
		a, _ := pre(in)
		dx, dw, db := make([]float64, testB*i), make([]float64, o*i), make([]float64, o)
		sx, sw, sb := make([]float64, testB*i), make([]float64, o*i), make([]float64, o)
		for n := range a {
			r, k := n/o, n%o
			_, d := activate(act, a[n])
			g := cot[n] * d
			// The derivative of the activation is itself in error by a part of 1.
			db[k], sb[k] = db[k]+g, sb[k]+math.Abs(cot[n])
			for j := range i {
				dw[k*i+j] += g * in[0][r*i+j]
				sw[k*i+j] += math.Abs(cot[n] * in[0][r*i+j])
				dx[r*i+j] += g * in[1][k*i+j]
				sx[r*i+j] += math.Abs(cot[n] * in[1][k*i+j])
			}
		}
		if data {
			return [][]float64{dw, db}, [][]float64{sw, sb}
		}
		return [][]float64{dx, dw, db}, [][]float64{sx, sw, sb}
	}
	c.points = normals(c.shapes)
	c.edge = func(r *rand.Rand) [][]float64 {
		return [][]float64{pick(r, size(c.shapes[0]), 0, 1, -300), pick(r, size(c.shapes[1]), -1, 0, 2), normal(r, o, 1)}
	}
	return c
}

// activate is the definition of an activation and of its derivative.
func activate(act nn.Activation, a float64) (y, dy float64) {
	switch act {
	case nn.ReLU:
		if a > 0 {
			return a, 1
		}
		return 0, 0
	case nn.Tanh:
		return math.Tanh(a), 1 - math.Tanh(a)*math.Tanh(a)
	case nn.Softplus:
		return max(a, 0) + math.Log1p(math.Exp(-math.Abs(a))), 1 / (1 + math.Exp(-a))
	}
	return a, 1
}
