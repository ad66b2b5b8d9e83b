package outside

import (
	"math"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/klreg"
	"govae/vae"
)

var bits = []float64{-2, 0, 0.3, 5, -0.1, 40}

// The closed form is held to the definition of the divergence, and its gradient to
// differences.
func TestBitsKL(t *testing.T) {
	build := func(l *G.Node) (*G.Node, error) {
		dims, err := klreg.KL(BitsBatch{l}, CoinsBatch{})
		if err != nil {
			return nil, err
		}
		rows, err := klreg.Sum(dims)
		if err != nil {
			return nil, err
		}
		return graph.Mean(rows)
	}
	checkGradient(t, build, bits, 2, 3)
	cost, _ := gradientOf(t, build, bits, 2, 3)
	want := 0.0
	for _, l := range bits {
		p := sigmoid(l)
		want += p * math.Log(2*p) / 2 // the mean of two rows
		if p < 1 {
			want += (1 - p) * math.Log(2*(1-p)) / 2
		}
	}
	if got := cost(bits); math.Abs(got-want) > 1e-12 {
		t.Errorf("the closed form gives %v, the definition %v", got, want)
	}
}

// The form is right by draws, too: klreg.Check is the test of a form of one's own that needs nothing
// but the posterior and the prior.
func TestBitsCheck(t *testing.T) {
	if err := klreg.Check(Bits{}, Coins{3}, 3, []float64{-2, 0.3, 1}, 2000, seeded()); err != nil {
		t.Error(err)
	}
}

// A learned prior of coins that need not be fair goes with codes of bits, and is trained. Bits and
// real numbers don't go together.
func TestLearnedCoins(t *testing.T) {
	coins, err := dist.NewLearned(dist.Bernoulli{}, 8, 0.5, tensor.Float32, seeded())
	if err != nil {
		t.Fatal(err)
	}
	m := newModel(t, small(binary))
	parts := vae.Parts{Encoder: m.Encoder(), Posterior: m.Posterior(), Decoder: m.Decoder(), Likelihood: m.Likelihood(), Prior: coins}
	if m, err = vae.Assemble(parts); err != nil {
		t.Fatal(err)
	}
	s, err := m.NewObjectiveStep(2, klreg.DefaultWeight(), vae.Objective{Name: "elbo-sampled"})
	if err != nil {
		t.Fatal(err)
	}
	if l, err := s.Run(1); err != nil || !(l.Loss > 0) {
		t.Errorf("%+v, %v", l, err)
	}
	if parts.Prior = nil; err == nil {
		_, err = vae.Assemble(parts)
	}
	if err == nil || !strings.Contains(err.Error(), "the binary posterior is of bits and the standard prior of real numbers") {
		t.Errorf("bits and N(0,I): %v", err)
	}
}

func TestBitsLogProb(t *testing.T) {
	z := []float64{1, 0, 1, 1, 0, 0}
	build := func(l *G.Node) (*G.Node, error) {
		rows, err := BitsBatch{l}.LogProb(data(l.Graph(), "z", z, 2, 3))
		if err != nil {
			return nil, err
		}
		return graph.Mean(rows)
	}
	checkGradient(t, build, bits, 2, 3)
	cost, _ := gradientOf(t, build, bits, 2, 3)
	want := (Bits{}.At(bits[:3]).LogProb(z[:3]) + Bits{}.At(bits[3:]).LogProb(z[3:])) / 2
	if got := cost(bits); math.Abs(got-want) > 1e-12 {
		t.Errorf("the graph gives %v, the value %v", got, want)
	}
}

// Of 10,000 draws with p = 0.3, the part of ones is 0.3 within 4 standard errors: the test
// fails for one stream of noise in 16,000. The gradient is that of p, whatever was drawn.
func TestBitsDraw(t *testing.T) {
	const n, p = 10000, 0.3
	l, eps := make([]float64, n), make([]float64, n)
	r := dist.StandardNormal{Dim: n}
	noise, err := r.Sample(1, nil, 1, seeded())
	if err != nil {
		t.Fatal(err)
	}
	for i := range l {
		l[i], eps[i] = math.Log(p/(1-p)), float64(noise[i])
	}
	cost, grad := gradientOf(t, func(l *G.Node) (*G.Node, error) {
		d, err := BitsBatch{l}.Draw(data(l.Graph(), "eps", eps, 1, n))
		if err != nil {
			return nil, err
		}
		rows, err := graph.RowSums(d.Z)
		if err != nil {
			return nil, err
		}
		return graph.Mean(rows)
	}, l, 1, n)
	if got, limit := cost(l)/n, 4*math.Sqrt(p*(1-p)/n); math.Abs(got-p) > limit {
		t.Errorf("%v of the bits are 1, want %v ± %v", got, p, limit)
	}
	if want := p * (1 - p); math.Abs(grad[0]-want) > 1e-12 {
		t.Errorf("the gradient is %v, want %v", grad[0], want)
	}
}

func binary(c *vae.Config) { c.Posterior, c.Prior = "binary", "binary" }
