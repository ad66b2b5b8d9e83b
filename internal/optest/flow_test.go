package optest

import (
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// flowCases are the operations of a coupling layer.
func flowCases() []opCase { return []opCase{joinCase(), affineCase(), stopCase()} }

// stopCase has no gradient.
func stopCase() opCase {
	s := []int{testB, testN}
	return opCase{name: "stop", shapes: [][]int{s},
		build:  func(in []*G.Node) (*G.Node, error) { return graph.Stop(in[0]) },
		value:  func(in [][]float64) (out, scale []float64) { return in[0], make([]float64, len(in[0])) }, // exact
		grad:   func([][]float64, []float64) (grads, scale [][]float64) { return nil, nil },
		points: normals([][]int{s})}
}

func joinCase() opCase {
	widths := []int{2, 1, 3}
	c := opCase{name: "join", build: func(in []*G.Node) (*G.Node, error) { return graph.Join(in...) }}
	for i, w := range widths {
		c.shapes, c.wrt = append(c.shapes, []int{testB, w}), append(c.wrt, i)
	}
	c.value = func(in [][]float64) (out, scale []float64) {
		for i := range testB {
			for k, w := range widths {
				out = append(out, in[k][i*w:(i+1)*w]...)
			}
		}
		return out, make([]float64, len(out)) // exact
	}
	c.grad = func(in [][]float64, cot []float64) (grads, scale [][]float64) {
		grads, scale = make([][]float64, len(in)), make([][]float64, len(in))
		for range testB {
			for k, w := range widths {
				grads[k], scale[k] = append(grads[k], cot[:w]...), append(scale[k], make([]float64, w)...)
				cot = cot[w:]
			}
		}
		return grads, scale
	}
	c.points = normals(c.shapes)
	return c
}

func affineCase() opCase {
	s := []int{testB, testN}
	c := opCase{name: "affine", shapes: [][]int{s, s, s}, wrt: []int{0, 1, 2},
		build: func(in []*G.Node) (*G.Node, error) { return graph.Affine(in[0], in[1], in[2]) }}
	c.value, c.grad = elementwise(func(v []float64) (out, scale float64) {
		e := math.Exp(v[1])
		return v[0]*e + v[2], math.Abs(v[0])*e + math.Abs(v[2])
	}, func(v []float64) (d, scale []float64) {
		e := math.Exp(v[1])
		return []float64{e, v[0] * e, 1}, []float64{e, math.Abs(v[0]) * e, 1}
	})
	c.points = normals(c.shapes)
	c.edge = func(r *rand.Rand) [][]float64 {
		return [][]float64{pick(r, size(s), extremeMu...), pick(r, size(s), -1, 1, 0, 1e-8, -1e-8), pick(r, size(s), extremeMu...)}
	}
	return c
}
