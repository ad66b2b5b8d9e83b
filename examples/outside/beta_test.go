package outside

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"

	"govae/graph"
)

var (
	betaParams = []float64{-3, 0, 2, 1, -1, 5 /* h_b */, 1, -2, 0, 4, -6, 0.5}
	betaPixels = []float64{0, 0.5, 1, 0.2, 0.9, 1. / 255}
)

func TestBetaGradient(t *testing.T) {
	checkGradient(t, func(h *G.Node) (*G.Node, error) {
		l, err := betaBatch{h}.LogProb(data(h.Graph(), "x", betaPixels, 2, 3))
		if err != nil {
			return nil, err
		}
		return graph.Mean(l)
	}, betaParams, 2, 6)
}

// The graph is held to the value.
func TestBetaGraph(t *testing.T) {
	cost, _ := gradientOf(t, func(h *G.Node) (*G.Node, error) {
		l, err := betaBatch{h}.LogProb(data(h.Graph(), "x", betaPixels, 2, 3))
		if err != nil {
			return nil, err
		}
		return graph.Mean(l)
	}, betaParams, 2, 6)
	want := (Beta{}.At(betaParams[:6]).LogProb(betaPixels[:3]) + Beta{}.At(betaParams[6:]).LogProb(betaPixels[3:])) / 2
	if got := cost(betaParams); math.Abs(got-want) > 1e-12*math.Abs(want) {
		t.Errorf("the graph gives %v, the value %v", got, want)
	}
}

// With the shapes 2 and 3 the density is 12·x·(1−x)², and its mean 2/5.
func TestBetaValue(t *testing.T) {
	inverse := func(a float64) float64 { return math.Log(math.Expm1(a - leastShape)) } // the h of a shape
	v := Beta{}.At([]float64{inverse(2), inverse(3)})
	if got, want := v.LogProb([]float64{0.25}), math.Log(12*0.25*0.75*0.75); math.Abs(got-want) > 1e-12 {
		t.Errorf("log p(1/4) is %v, want %v", got, want)
	}
	if got := v.Mean()[0]; math.Abs(got-0.4) > 1e-12 {
		t.Errorf("the mean is %v, want 0.4", got)
	}
	const n = 10000
	sum, src := 0.0, seeded()
	for range n {
		sum += v.Sample(src)[0]
	}
	// The variance is 2·3/(5²·6) = 0.04. Within 4 standard errors: fails once in 16,000 seeds.
	if got, limit := sum/n, 4*math.Sqrt(0.04/n); math.Abs(got-0.4) > limit {
		t.Errorf("the mean of %d samples is %v, want 0.4 ± %v", n, got, limit)
	}
}
