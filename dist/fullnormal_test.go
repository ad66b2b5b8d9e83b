package dist

import (
	"fmt"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// By hand, with L = [2 0; 3 1]: the covariance is [4 6; 6 10], of determinant 4 and inverse
// [10 −6; −6 4]/4, which at x − mu = (1, 1) makes the quadratic form ½.
func TestFullNormalKnownAnswers(t *testing.T) {
	v := FullNormal{}.At([]float64{5, -1, math.Log(2), 3, 0}).(FullNormalValue)
	within(t, "covariance", v.Covariance(), []float64{4, 6, 6, 10}, 1e-15, 0)
	within(t, "log-density", []float64{v.LogProb([]float64{6, 0})}, []float64{-(0.5 + math.Log(4) + 2*log2Pi) / 2}, 1e-15, 0)
}

// Without anything below the diagonal it is Normal.
func TestFullNormalIsNormal(t *testing.T) {
	const d = 4
	params := normals(81, 2*d)
	full := make([]float64, FullNormal{}.Outputs(d))
	copy(full, params[:d])
	for j := range d {
		full[d+triangle(j)+j] = params[d+j] / 2
	}
	for run := range 3 {
		x := normals(uint64(82+run), d)
		within(t, "log-density", []float64{FullNormal{}.At(full).LogProb(x)}, []float64{Normal{}.At(params).LogProb(x)}, 1e-14, 1)
	}
}

// Draws and densities are those of the definition, of one dimension and of several.
func TestFullNormalBatch(t *testing.T) {
	for _, d := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			codeCheck{dim: d, make: func(tensor.Dtype) Code { return FullNormal{} },
				draw: func(_ Code, params, eps []float64) []float64 {
					z, at := append([]float64{}, params[:d]...), d
					for i := range d {
						for j := range i {
							z[i] += params[at] * eps[j]
							at++
						}
						z[i] += math.Exp(params[at]) * eps[i]
						at++
					}
					return z
				}}.check(t)
		})
	}
}

// Draws have the covariance, by the moments of their sums and differences too; the density
// integrates to 1.
func TestFullNormalSample(t *testing.T) {
	v := FullNormal{}.At([]float64{0.5, -0.3, math.Log(0.8), -1.1, math.Log(1.3)}).(FullNormalValue)
	c, next := v.Covariance(), sampler(v, seeded(83))
	moments(t, "Sample", 100_000, func() []float64 {
		x := next()
		return []float64{x[0], x[1], x[0] + x[1], x[0] - x[1]}
	}, []float64{0.5, -0.3, 0.2, 0.8},
		[]float64{0.25 + c[0], 0.09 + c[3], 0.04 + c[0] + c[3] + 2*c[1], 0.64 + c[0] + c[3] - 2*c[1]})
	gridMoments(t, v)
}

func TestFullNormalFamily(t *testing.T) {
	f := FullNormal{}
	if f.Name() != "full-normal" || f.Domain() != Real || f.Outputs(3) != 9 || f.Noise(3) != 3 || len(f.Params()) != 0 {
		t.Errorf("%s, %v, %d outputs, %d of noise", f.Name(), f.Domain(), f.Outputs(3), f.Noise(3))
	}
	g := G.NewGraph()
	node := func(shape ...int) *G.Node { return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...)) }
	_, err := f.On(node(2, 6))
	refused(t, "width", err, "dist: full-normal: parameters of shape (2, 6), want means and factors [R,D+D(D+1)/2]")
	_, err = f.On(node(5))
	refused(t, "vector", err, "dist: full-normal: parameters of shape (5), want")
	q := &FullNormalBatch{node(2, 5), 2}
	const rows = "parameters (2, 5) and rows (2, 3), want [R,D+D(D+1)/2] and [R,D]"
	_, err = q.LogProb(node(2, 3))
	refused(t, "LogProb", err, "dist: fullNormal: "+rows)
	_, err = q.Draw(node(2, 3))
	refused(t, "Draw", err, "dist: fullNormalDraw: "+rows)
	d, err := q.Draw(node(2, 2))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.PathLogProb(node(2, 3))
	refused(t, "PathLogProb", err, "dist: fullNormalPath: "+rows)
	defer func() {
		if r := recover(); r != "dist: 6 parameters, want D+D(D+1)/2" {
			t.Errorf("panic %v", r)
		}
	}()
	f.At(normals(1, 6))
}
