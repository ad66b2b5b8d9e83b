package dist

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// By hand: −log 2 at the location, and −(|x−m|/b + log 2b) elsewhere.
func TestLaplaceKnownAnswers(t *testing.T) {
	for _, tt := range []struct{ params, x, want []float64 }{
		{[]float64{0, 0}, []float64{0}, []float64{-math.Ln2}},
		{[]float64{1, math.Log(2)}, []float64{-3}, []float64{-2 - math.Log(4)}},
		{[]float64{0, 1, 0, math.Log(0.5)}, []float64{-1, 2}, []float64{-1 - math.Ln2 - 2}},
	} {
		within(t, "log-density", []float64{Laplace{}.At(tt.params).LogProb(tt.x)}, tt.want, 1e-15, 0)
	}
}

// laplaceQuantile is u by its definition, the quantile of Φ(eps).
func laplaceQuantile(eps float64) float64 {
	if p := math.Erfc(-eps/math.Sqrt2) / 2; p < 0.5 {
		return math.Log(2 * p)
	}
	return -math.Log(math.Erfc(eps / math.Sqrt2))
}

// Draws and densities are those of the definition. No difference of the tests crosses the
// kink at x = m: the draws are far from it compared with the step.
func TestLaplaceBatch(t *testing.T) {
	codeCheck{dim: 4, make: func(tensor.Dtype) Code { return Laplace{} },
		draw: func(_ Code, params, eps []float64) []float64 {
			z := make([]float64, len(eps))
			for j, e := range eps {
				z[j] = params[j] + math.Exp(params[len(eps)+j])*laplaceQuantile(e)
			}
			return z
		}}.check(t)
}

// u(eps) is odd and rises. Its parts meet, and it has the values of −log erfc(eps/√2) by
// mpmath (50 digits), near zero and far out too.
func TestLaplaceNoise(t *testing.T) {
	for _, tt := range [][2]float64{
		{1e-10, 7.9788456083469637357e-11},
		{0.25, 0.21991458425118974575},
		{0.49, 0.47139035216602385844},
		{0.5, 0.48276458103367329946},
		{1, 1.1478744644493181964},
		{3, 5.9145790409504042339},
		{8, 34.320289979354604586},
		{35, 616.28195408136256816},
		{36, 651.81008041323845154},
		{45, 1016.5329470613924254},
	} {
		for _, s := range []float64{1, -1} {
			within(t, "u", []float64{laplaceNoise(s * tt[0])}, []float64{s * tt[1]}, 1e-14, 0)
		}
	}
	before := laplaceNoise(-45)
	for e := -45 + 1.0/64; e <= 45; e += 1.0 / 64 {
		u := laplaceNoise(e)
		if !(u > before) {
			t.Errorf("u(%v) = %v, %v before it", e, u, before)
		}
		before = u
	}
}

// At x = m the density has a kink, where the gradient along x and m is 0; ds is −dl.
func TestLaplaceKink(t *testing.T) {
	gr := newGraph(t, tensor.Float64, 1, []int{2, 1}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
		l, err := (&LaplaceBatch{in[0]}).LogProb(in[1])
		return l, in, err
	})
	out := gr.run(t, []float64{3, 0.5}, []float64{3}, []float64{2})
	within(t, "parameters", out[1], []float64{0, -2}, 0, 0)
	within(t, "x", out[2], []float64{0}, 0, 0)
}

// The mean square is m² + 2b², of draws of the value and of the graph's noise alike.
func TestLaplaceSample(t *testing.T) {
	v := Laplace{}.At([]float64{0.5, -2, math.Log(0.5), math.Log(3)})
	mean, square := []float64{0.5, -2}, []float64{0.25 + 0.5, 4 + 18}
	moments(t, "Sample", 200_000, sampler(v, seeded(61)), mean, square)
	eps := normals(62, 400_000)
	moments(t, "draws of the noise", 200_000, func() []float64 {
		z := []float64{0.5 + 0.5*laplaceNoise(eps[0]), -2 + 3*laplaceNoise(eps[1])}
		eps = eps[2:]
		return z
	}, mean, square)
	within(t, "mean", v.Mean(), mean, 0, 0)
}

func TestLaplaceFamily(t *testing.T) {
	f := Laplace{}
	if f.Name() != "laplace" || f.Domain() != Real || f.Outputs(3) != 6 || f.Noise(3) != 3 || len(f.Params()) != 0 {
		t.Errorf("%s, %v, %d outputs, %d of noise", f.Name(), f.Domain(), f.Outputs(3), f.Noise(3))
	}
	g := G.NewGraph()
	node := func(shape ...int) *G.Node { return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...)) }
	_, err := f.On(node(2, 3))
	refused(t, "odd width", err, "dist: laplace: parameters of shape (2, 3), want locations and log-scales [R,2D]")
	q := &LaplaceBatch{node(2, 6)}
	_, err = q.LogProb(node(2, 4))
	refused(t, "LogProb", err, "dist: laplace: parameters (2, 6) and rows (2, 4)")
	_, err = q.Draw(node(3, 3))
	refused(t, "Draw", err, "dist: laplaceDraw: parameters (2, 6) and rows (3, 3)")
	d, err := q.Draw(node(2, 3))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.PathLogProb(node(2, 4))
	refused(t, "PathLogProb", err, "dist: laplacePath: parameters (2, 6) and rows (2, 4)")
}
