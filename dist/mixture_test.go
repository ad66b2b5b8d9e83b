package dist

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// newMixtureOf has three components in dim dimensions, all of them different.
func newMixtureOf(dt tensor.Dtype, dim int) Mixture {
	m, err := NewMixture(3, dim, dt, seeded(9))
	if err != nil {
		panic(err)
	}
	set(m.Logvar.Value, normals(21, 3*dim))
	set(m.Logits.Value, normals(22, 3))
	return m
}

// mixtureOf is the definition, from parameters as they lie on the graph.
func mixtureOf(mu, logvar, logits []float64) MixtureValue {
	v := MixtureValue{Weights: make([]float64, len(logits)), Parts: NormalsOf(mu, logvar, len(logits))}
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(l)
	}
	for c, l := range logits {
		v.Weights[c] = math.Exp(l) / sum
	}
	return v
}

// By hand: two components of equal weight at ±1, of variance 1, at 0: log N(1; 0, 1).
func TestMixtureKnownAnswer(t *testing.T) {
	v := MixtureValue{[]float64{0.5, 0.5}, NormalsOf([]float64{1, -1}, []float64{0, 0}, 2)}
	within(t, "log-density", []float64{v.LogProb([]float64{0})}, []float64{-0.5 - log2Pi/2}, 1e-15, 0)
}

// The graph has the value of MixtureValue, with the gradients of all four inputs. Its
// squares are multiplied out, whose error in float32 is about 6e-8·Σ_j mu_j²/σ_j² nats.
// The largest sum of these runs is 83, which makes 5e-6. The tolerance is twelve times that,
// for the gradients multiply once more by 1/σ².
func TestMixtureBatch(t *testing.T) {
	nodeCheck{name: "MixtureBatch", shapes: []tensor.Shape{{5, 4}, {3, 4}, {3, 4}, {3}}, wrt: []int{0, 1, 2, 3}, rel: 6e-5,
		build: func(in []*G.Node) (*G.Node, error) { return MixtureBatch{in[1], in[2], in[3]}.LogProb(in[0]) },
		value: func(in, _ [][]float64) []float64 {
			v := mixtureOf(in[1], in[2], in[3])
			return rowsOf(5, in[0], nil, func(x, _ []float64) []float64 { return []float64{v.LogProb(x)} })
		}}.check(t)
}

// At gives the mixture that On puts on the graph, of the parameters as they are.
func TestMixturePrior(t *testing.T) {
	for dt, rel := range map[tensor.Dtype]float64{tensor.Float64: 1e-12, tensor.Float32: 6e-5} {
		m := newMixtureOf(dt, 2)
		gr := newGraph(t, dt, 4, []int{2}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
			p, err := m.On(in[0].Graph(), nil)
			if err != nil {
				return nil, nil, err
			}
			l, err := p.LogProb(in[0])
			return l, G.Nodes{in[0]}, err
		})
		v, err := m.At(nil)
		if err != nil {
			t.Fatal(err)
		}
		x := normals(23, 8)
		want := rowsOf(4, x, nil, func(x, _ []float64) []float64 { return []float64{v.LogProb(x)} })
		within(t, "prior in "+dt.String(), gr.run(t, x, []float64{1, 1, 1, 1})[0], want, rel, 1)
	}
}

// The density of the value integrates to 1, and draws, one at a time or many at once,
// have its moments. The grid's error is far below 1e-6: a Gaussian's is exp(−2π²σ²/step²).
func TestMixtureDraws(t *testing.T) {
	m := newMixtureOf(tensor.Float64, 2)
	v, err := m.At(nil)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "integral", []float64{onGrid(0.1, 15, func(x []float64) float64 { return math.Exp(v.LogProb(x)) })}, []float64{1}, 1e-6, 0)
	mean, square := v.Mean(), make([]float64, 2)
	for j := range square {
		within(t, "mean", mean[j:j+1], []float64{onGrid(0.1, 15, func(x []float64) float64 { return x[j] * math.Exp(v.LogProb(x)) })}, 1e-6, 1)
		square[j] = onGrid(0.1, 15, func(x []float64) float64 { return x[j] * x[j] * math.Exp(v.LogProb(x)) })
	}
	moments(t, "Sample of the value", 50_000, sampler(v, seeded(11)), mean, square)
	z, err := m.Sample(50_000, nil, 1, seeded(12))
	if err != nil {
		t.Fatal(err)
	}
	moments(t, "Sample of the prior", 50_000, rowsFrom(z, 2), mean, square)
	cold := make([]float64, 2) // at a temperature of 0 only the means are left
	for c, p := range v.(MixtureValue).Parts {
		for j, mu := range p.Mu {
			cold[j] += v.(MixtureValue).Weights[c] * mu * mu
		}
	}
	if z, err = m.Sample(50_000, nil, 0, seeded(13)); err != nil {
		t.Fatal(err)
	}
	moments(t, "Sample of the prior at temperature 0", 50_000, rowsFrom(z, 2), mean, cold)
}

func TestMixtureErrors(t *testing.T) {
	g := G.NewGraph()
	node := func(shape ...int) *G.Node { return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...)) }
	const name = "dist: mixtureLogDensity: z "
	_, err := MixtureNode(node(4, 3), node(2, 2), node(2, 2), node(2))
	refused(t, "dimensions", err, name+"(4, 3), means (2, 2), logits (2), want [R,Z], [C,Z], [C]")
	_, err = MixtureNode(node(4, 2), node(2, 2), node(2, 2), node(3))
	refused(t, "components", err, name)
	_, err = MixtureNode(node(4, 2), node(2, 2), node(3, 2), node(2))
	refused(t, "log-variances", err, "graph: mixtureLogDensity: shapes")
}
