package graph

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Constant adds a vector [R] whose numbers are all v, for rows a [R,N]. It passes no gradient.
func Constant(a *G.Node, v float64) (*G.Node, error) {
	return Compute("constant", tensor.Shape{a.Shape()[0]}, Both(constant[float32](v), constant[float64](v)), a)
}

func constant[T Float](v float64) func(out []T, in [][]T) {
	return func(out []T, _ [][]T) {
		for i := range out {
			out[i] = T(v)
		}
	}
}
