package outside

import (
	"math"
	"reflect"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/nn"
	"govae/train"
	"govae/vae"
)

func quantised(c *vae.Config) {
	c.Posterior, c.Prior, c.Latent = "vq", "vq", 16
}

func quantisedRun(c *train.Config) { c.Objective = vae.Objective{Name: "vq"} }

func newVQ(t *testing.T) (*vae.Model, *Codebook) {
	t.Helper()
	m := newModel(t, small(quantised))
	return m, m.Posterior().(*Codebook)
}

// The graph gives the entries that the value has, and the gradient of a draw passes to h as
// it is.
func TestVQDraw(t *testing.T) {
	_, c := newVQ(t)
	h := make([]float64, 16)
	for i := range h {
		h[i] = math.Sin(float64(3 * i))
	}
	want := c.At(h).Mean()
	for i := range 4 {
		if !slices.Equal(entry(c.book.Numbers(), nearest(entry(h, i), c.book.Numbers())), entry(want, i)) {
			t.Errorf("place %d holds no entry", i)
		}
	}
	cost, grad := gradientOf(t, func(h *G.Node) (*G.Node, error) {
		var s graph.Steps
		wide := &Codebook{book: nn.NewParam(tensor.Float64, "codebook", 16, vqWidth)} // float64, as h is
		copy(wide.book.Value.Data().([]float64), c.book.Numbers())
		z := s.Do(QuantisedBatch{wide, h}.Center())
		w := s.Do(graph.Combine([]float64{3}, s.Do(G.Square(z))))
		mean := s.Do(graph.Mean(s.Do(graph.RowSums(w))))
		return mean, s.Err()
	}, h, 1, 16)
	sum := 0.0
	for i, z := range want {
		sum += 3 * z * z
		if math.Abs(grad[i]-6*z) > 1e-12 {
			t.Errorf("gradient %d is %v, want that of z, %v", i, grad[i], 6*z)
		}
	}
	if got := cost(h); math.Abs(got-sum) > 1e-12 {
		t.Errorf("cost %v, want %v", got, sum)
	}
}

// All codes of the prior are as likely as 16⁻⁴, and other rows impossible. A code that is
// drawn is sure under its own posterior. The rate is always 4·log 16.
func TestVQDensities(t *testing.T) {
	m, c := newVQ(t)
	p, err := m.Prior().At(nil)
	if err != nil {
		t.Fatal(err)
	}
	z, rate := p.Sample(seeded()), 4*math.Log(16)
	if got := p.LogProb(z); math.Abs(got+rate) > 1e-12 {
		t.Errorf("log p(z) is %v, want %v", got, -rate)
	}
	if got := c.At(z).LogProb(z); got != 0 {
		t.Errorf("log q(z) is %v", got)
	}
	z[3]++
	if a, b := p.LogProb(z), c.At(z).LogProb(z); !math.IsInf(a, -1) || !math.IsInf(b, -1) {
		t.Errorf("a row of other numbers has the densities %v and %v", a, b)
	}
	mean, book := p.Mean(), c.book.Numbers()
	for j := range mean {
		want := 0.0
		for k := range 16 {
			want += book[k*vqWidth+j%vqWidth] / 16
		}
		if math.Abs(mean[j]-want) > 1e-12 {
			t.Errorf("mean %d is %v, want %v", j, mean[j], want)
		}
	}
	terms, err := m.ELBO(make([]float32, 784), []float32{0})
	if err != nil || math.Abs(terms[0].Rate-rate) > 1e-5 {
		t.Errorf("rate %v, %v, want %v", terms, err, rate)
	}
}

// The codebook is the moving average of what was nearest to each entry: of one step with all
// vectors near one of two entries, that entry moves by 1/20 of the way to their mean, weighted
// by their number.
func TestVQMove(t *testing.T) {
	m, c := newVQ(t)
	before := c.book.Numbers()
	s, err := m.NewObjectiveStep(64, train.DefaultConfig().Weight(), vae.Objective{Name: "vq"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(1); err != nil {
		t.Fatal(err)
	}
	h, err := s.Program().Output("h")
	if err != nil {
		t.Fatal(err)
	}
	book := c.book.Value.Data().([]float32)
	n, sum := make([]float64, 16), make([]float64, len(book))
	for i := range len(h) / vqWidth {
		k := nearest(entry(h, i), book)
		n[k]++
		for j, v := range entry(h, i) {
			sum[k*vqWidth+j] += float64(v)
		}
	}
	if err := s.After()(s.Program()); err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(c.book.Numbers(), before) {
		t.Error("the codebook stays")
	}
	for i, v := range c.book.Numbers() {
		k := i / vqWidth
		if want := (0.95*before[i] + 0.05*sum[i]) / (0.95 + 0.05*n[k]); math.Abs(v-want) > 1e-5 {
			t.Errorf("number %d of entry %d is %v, want %v", i%vqWidth, k, v, want)
		}
	}
	// An entry that nothing is nearest to moves to one of the vectors.
	c.counts.Fill(func() float64 { return 0.01 })
	for i := range book[:vqWidth] {
		book[i] = 1e6
	}
	if err := s.After()(s.Program()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(entry(book, 0), entry(h, 0)) {
		t.Errorf("the dead entry is %v, want %v", entry(book, 0), entry(h, 0))
	}
}
