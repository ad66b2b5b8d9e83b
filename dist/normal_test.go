package dist

import (
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// By hand: −½ log 2π at the mean of N(0,1), and −½(1/4 + log 4 + log 2π) at 1 of N(0,4).
func TestNormalKnownAnswers(t *testing.T) {
	for _, tt := range []struct{ params, x, want []float64 }{
		{[]float64{0, 0}, []float64{0}, []float64{-0.9189385332046727}},
		{[]float64{0, math.Log(4)}, []float64{1}, []float64{-1.737085713764618}},
		{[]float64{0, -1, math.Log(4), 0}, []float64{1, -1}, []float64{-2.6560242469692907}},
	} {
		within(t, "log-density", []float64{Normal{}.At(tt.params).LogProb(tt.x)}, tt.want, 1e-15, 0)
	}
}

func TestNormalBatch(t *testing.T) {
	codeCheck{dim: 4, make: func(tensor.Dtype) Code { return Normal{} },
		draw: func(_ Code, params, eps []float64) []float64 {
			z := make([]float64, len(eps))
			for j, e := range eps {
				z[j] = params[j] + math.Exp(params[len(eps)+j]/2)*e
			}
			return z
		}}.check(t)
}

// Mu and Logvar are the two halves of a row.
func TestNormalHalves(t *testing.T) {
	for i, get := range []func(*NormalBatch) (*G.Node, error){(*NormalBatch).Mu, (*NormalBatch).Logvar} {
		nodeCheck{name: "half", shapes: []tensor.Shape{{2, 6}}, wrt: []int{0},
			build: func(in []*G.Node) (*G.Node, error) { return get(&NormalBatch{in[0]}) },
			value: func(in, _ [][]float64) []float64 {
				return rowsOf(2, in[0], nil, func(p, _ []float64) []float64 { return p[3*i : 3*i+3] })
			}}.check(t)
	}
}

func TestNormalValueSample(t *testing.T) {
	v := Normal{}.At([]float64{0.5, -2, math.Log(0.25), math.Log(9)})
	moments(t, "normal", 100_000, sampler(v, seeded(4)), []float64{0.5, -2}, []float64{0.25 + 0.25, 4 + 9})
	if m := v.Mean(); !slices.Equal(m, []float64{0.5, -2}) {
		t.Errorf("mean %v", m)
	}
}

func TestNormalErrors(t *testing.T) {
	g := G.NewGraph()
	node := func(shape ...int) *G.Node { return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...)) }
	_, err := Normal{}.On(node(2, 3))
	refused(t, "odd width", err, "dist: normal: parameters of shape (2, 3), want means and log-variances [R,2D]")
	_, err = Normal{}.On(node(4))
	refused(t, "vector", err, "dist: normal: parameters of shape (4), want")
	q := &NormalBatch{node(2, 6)}
	_, err = q.LogProb(node(2, 4))
	refused(t, "LogProb", err, "dist: normal: parameters (2, 6) and rows (2, 4), want [R,2D] and [R,D]")
	_, err = q.Draw(node(3, 3))
	refused(t, "Draw", err, "dist: reparameterize: parameters (2, 6) and rows (3, 3)")
	d, err := q.Draw(node(2, 3))
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.PathLogProb(node(2, 4))
	refused(t, "PathLogProb", err, "dist: normalPath: parameters (2, 6) and rows (2, 4)")
}

// N(0,I) on a graph is the Normal of parameters 0, and so is its value.
func TestStandardBatch(t *testing.T) {
	v, err := StandardNormal{3}.At(nil)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "value", []float64{v.LogProb([]float64{1, -2, 0})}, []float64{-(5 + 3*math.Log(2*math.Pi)) / 2}, 1e-15, 0)
	nodeCheck{name: "StandardBatch", shapes: []tensor.Shape{{4, 3}}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) {
			p, err := StandardNormal{3}.On(in[0].Graph(), nil)
			if err != nil {
				return nil, err
			}
			return p.LogProb(in[0])
		},
		value: func(in, _ [][]float64) []float64 {
			return rowsOf(4, in[0], nil, func(x, _ []float64) []float64 { return []float64{v.LogProb(x)} })
		}}.check(t)
	_, err = StandardBatch{}.LogProb(G.NewVector(G.NewGraph(), tensor.Float64, G.WithShape(3)))
	refused(t, "vector", err, "graph: standardNormal: shapes")
}

// Codes of N(0,I) have the moments of N(0, temperature²).
func TestStandardSample(t *testing.T) {
	for _, temperature := range []float64{1, 0.5, 0} {
		z, err := StandardNormal{2}.Sample(50_000, nil, temperature, seeded(6))
		if err != nil || len(z) != 100_000 {
			t.Fatalf("%d numbers, %v", len(z), err)
		}
		moments(t, "standard", 50_000, rowsFrom(z, 2), []float64{0, 0}, []float64{temperature * temperature, temperature * temperature})
	}
}

// rowsFrom hands out the rows of z [n,dim], one a call.
func rowsFrom(z []float32, dim int) func() []float64 {
	return func() []float64 {
		row := make([]float64, dim)
		for j := range row {
			row[j] = float64(z[j])
		}
		z = z[dim:]
		return row
	}
}
