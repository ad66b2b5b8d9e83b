package dist

import (
	"fmt"
	"math"
	"math/rand/v2"

	"govae/internal/stream"
)

// Means turns the parameters of rows of D numbers, [R,Outputs(D)], into E[x|z], [R,D]. A
// family that has a method Means does it (see Family), and for any other one Value.Mean of
// each row. params is overwritten. It panics if the family gives rows of another length.
func Means(f Family, params []float32, dim int) []float32 {
	if m, ok := f.(interface {
		Means(params []float32, dim int) []float32
	}); ok {
		return m.Means(params, dim)
	}
	return eachRow(f, params, dim, Value.Mean)
}

// Samples turns the parameters of rows into draws, otherwise as Means does.
func Samples(f Family, params []float32, dim int, src rand.Source) []float32 {
	return eachRow(f, params, dim, func(v Value) []float64 { return v.Sample(src) })
}

func eachRow(f Family, params []float32, dim int, get func(Value) []float64) []float32 {
	width := f.Outputs(dim)
	rows := len(params) / width
	out, row := make([]float32, rows*dim), make([]float64, width)
	for r := range rows {
		for j, p := range params[r*width : (r+1)*width] {
			row[j] = float64(p)
		}
		x := get(f.At(row))
		if len(x) != dim {
			panic(fmt.Sprintf("dist: %s: a mean or a draw of %d numbers, want %d", f.Name(), len(x), dim))
		}
		for j, v := range x {
			out[r*dim+j] = float32(v)
		}
	}
	return out
}

// perNumber panics unless there are n parameters for each number.
func perNumber(n int, params, x []float64) {
	if len(params) != n*len(x) {
		panic(fmt.Sprintf("dist: %d parameters for %d numbers, want %d each", len(params), len(x), n))
	}
}

// half is the number of numbers that have two parameters each. It panics if there is one too
// many.
func half(params []float64) int {
	if len(params)%2 != 0 {
		panic(fmt.Sprintf("dist: %d parameters, want two for each number", len(params)))
	}
	return len(params) / 2
}

// SampleNormals draws from diagonal Gaussians of parameters h [R,2D] (mu, then logvar):
// mu + temperature·exp(logvar/2)·eps, [R,D].
func SampleNormals(h []float32, dim int, temperature float64, src rand.Source) []float32 {
	z := make([]float32, len(h)/2)
	stream.Normal(z, src)
	for i, e := range z {
		mu, logvar := halves(h, i/dim, dim)
		z[i] = mu[i%dim] + float32(temperature*math.Exp(float64(logvar[i%dim])/2))*e
	}
	return z
}
