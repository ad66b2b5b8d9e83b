package simd

import (
	"math"
	"math/rand/v2"
	"testing"
)

var activationNames = map[Activation]string{Identity: "identity", ReLU: "relu", Tanh: "tanh", Softplus: "softplus"}

// activate is the definition of an activation and of its derivative.
func activate(act Activation, a float64) (y, dy float64) {
	switch act {
	case ReLU:
		if a > 0 {
			return a, 1
		}
		return 0, 0
	case Tanh:
		return math.Tanh(a), 1 / (math.Cosh(a) * math.Cosh(a))
	case Softplus:
		return math.Log(1 + math.Exp(a)), 1 / (1 + math.Exp(-a))
	}
	return a, 1
}

func layers[T Float]() []testKernel[T] {
	ks := []testKernel[T]{{"columnSums", func(r *rand.Rand, b, w int) (res result[T]) {
		da, db := normal[T](r, b*w), dirty[T](w)
		ColumnSums(db, da)
		for j := range w {
			var sum, abs float64
			for i := j; i < b*w; i += w {
				sum += float64(da[i])
				abs += math.Abs(float64(da[i]))
			}
			res.add(db[j], sum, abs)
		}
		return res
	}}}
	for act, name := range activationNames {
		ks = append(ks, testKernel[T]{"biasActivate/" + name, func(r *rand.Rand, b, w int) (res result[T]) {
			pre, bias := normal[T](r, b*w), normal[T](r, w)
			y := append([]T{}, pre...)
			BiasActivate(y, bias, act)
			for i := range y {
				p, c := float64(pre[i]), float64(bias[i%w])
				want, _ := activate(act, p+c)
				// The pre-activation is rounded relative to its two terms.
				res.add(y[i], want, math.Abs(p)+math.Abs(c)+math.Abs(want))
			}
			return res
		}}, testKernel[T]{"activationGrad/" + name, func(r *rand.Rand, b, w int) (res result[T]) {
			a, dy := normal[T](r, b*w), normal[T](r, b*w)
			y, da := append([]T{}, a...), dirty[T](b*w)
			BiasActivate(y, make([]T, w), act)
			ActivationGrad(da, dy, y, act)
			inPlace := append([]T{}, dy...)
			ActivationGrad(inPlace, inPlace, y, act) // da may be dy
			for i := range da {
				_, d := activate(act, float64(a[i]))
				res.add(da[i], float64(dy[i])*d, math.Abs(float64(dy[i])))
				res.add(inPlace[i], float64(da[i]), 0)
			}
			return res
		}})
	}
	return ks
}

// Known values where a careless formula overflows, and NaN, which must show.
func TestActivationExtremes(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		act     Activation
		a, y, d float64 // pre-activation, output, derivative
	}{
		{Identity, nan, nan, 1}, {ReLU, nan, nan, 1}, {Tanh, nan, nan, nan}, {Softplus, nan, nan, nan},
		{ReLU, inf, inf, 1}, {ReLU, -inf, 0, 0}, {ReLU, 0, 0, 0}, {ReLU, 1e-45, 1e-45, 1}, {ReLU, -1e-45, 0, 0},
		{Tanh, 800, 1, 0}, {Tanh, -800, -1, 0}, {Tanh, 1e-30, 1e-30, 1},
		{Softplus, 800, 800, 1}, {Softplus, -800, 0, 0}, {Softplus, inf, inf, 1}, {Softplus, -inf, 0, 0},
		{Softplus, 0, math.Ln2, 0.5},
		// log(1+e^a) = e^a − e^2a/2 + …, whose first term is all of it in float64
		{Softplus, -40, math.Exp(-40), math.Exp(-40)},
		{Softplus, 40, 40, 1},
	} {
		y32, y64 := []float32{float32(tt.a)}, []float64{tt.a}
		BiasActivate(y32, []float32{0}, tt.act)
		BiasActivate(y64, []float64{0}, tt.act)
		d32, d64 := []float32{7}, []float64{7}
		ActivationGrad(d32, []float32{1}, y32, tt.act)
		ActivationGrad(d64, []float64{1}, y64, tt.act)
		for _, c := range []struct {
			what      string
			got, want float64
			rel       float64
		}{
			{"y32", float64(y32[0]), float64(float32(tt.y)), 2e-7}, {"y64", y64[0], tt.y, 4e-16},
			{"d32", float64(d32[0]), tt.d, 2e-7}, {"d64", d64[0], tt.d, 4e-16},
		} {
			if !same(c.got, c.want, c.rel) {
				t.Errorf("%s(%v): %s = %v, want %v", activationNames[tt.act], tt.a, c.what, c.got, c.want)
			}
		}
	}
}

// same reports equality, NaN and ±Inf included, or a relative error within rel.
func same(got, want, rel float64) bool {
	if math.IsNaN(want) {
		return math.IsNaN(got)
	}
	return got == want || math.Abs(got-want) <= rel*math.Abs(want)
}
