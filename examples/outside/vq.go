package outside

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/klreg"
	"govae/nn"
	"govae/vae"
)

// A vector-quantised code: z is a row of places, each of which holds one of the K entries of
// a codebook, vectors of 4 numbers. The encoder gives a vector h for each place, and the
// nearest entry takes its place. The posterior, the prior and the objective of such a code go
// together, each under the name vq:
//
//	q(z|x) is sure of the nearest entries, p(z) thinks all entries of each place alike
//	KL(q ‖ p) = places·log K
//	loss = mean_i −log p(x_i|z_i) + beta·KL + 1/4·mean_i |h_i − z_i|²
//
// The gradient passes through the choice of the entry as if z were h. Each entry is a moving
// average of what was nearest to it, and no gradient moves it. One that nothing is nearest to
// moves to a vector of the batch.
//
// Option: vq.codes, the entries (16).
//
// Source: van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937, eq. 3 and Appendix A.1.
func init() {
	vae.RegisterPosterior("vq", vae.Part[dist.Code]{Check: checkVQ, New: newCodebook, Options: []string{"vq.codes"},
		Weights: func(c vae.Config) int { k, _ := codes(c); return k * vqWidth }})
	vae.RegisterPrior("vq", vae.Part[dist.Prior]{Check: checkVQ, New: func(s vae.Spec) (dist.Prior, error) {
		return Entries{s.Q.Family.(*Codebook), s.Code / vqWidth}, nil // checkVQ has seen that it is one
	}})
	vae.RegisterObjective("vq", func(o vae.Objective) vae.Bound { return quantising{o.As("elbo-sampled")} })
}

const vqWidth, commitment, decay = 4, 0.25, 0.95

func codes(c vae.Config) (int, error) { return whole(c, "vq.codes", 16, 1<<16) }

func checkVQ(c vae.Config) error {
	if c.Posterior != c.Prior || c.Latent%vqWidth != 0 || c.Flow > 0 || len(c.Above) > 0 {
		return fmt.Errorf("posterior %q and prior %q of %d dimensions, want both vq, a multiple of %d, no flow and no layers above", c.Posterior, c.Prior, c.Latent, vqWidth)
	}
	_, err := codes(c)
	return err
}

// Codebook is the family of codes that are sure of the entries nearest to parameters [Z].
type Codebook struct{ book, counts, sums *nn.Param } // [K,D], [K], [K,D]

func newCodebook(s vae.Spec) (dist.Code, error) {
	k, _ := codes(s.Config) // checkVQ has seen that it is one
	c := &Codebook{nn.NewParam(s.Dtype, "codebook", k, vqWidth), nn.NewParam(s.Dtype, "codebook.counts", k), nn.NewParam(s.Dtype, "codebook.sums", k, vqWidth)}
	c.book.Fill(rand.New(s.Source).NormFloat64)
	c.counts.Fill(func() float64 { return 1 })
	nn.Freeze(c.Params()...)
	return c, tensor.Copy(c.sums.Value, c.book.Value)
}

// Name implements dist.Family.
func (*Codebook) Name() string { return "vq" }

// Domain implements dist.Family.
func (*Codebook) Domain() dist.Domain { return dist.Real }

// Outputs implements dist.Family.
func (*Codebook) Outputs(dim int) int { return dim }

// Noise implements dist.Code. A draw takes none, and an input has one number at least.
func (*Codebook) Noise(int) int { return 1 }

// Params implements dist.Family: the codebook and its averages, which are frozen.
func (c *Codebook) Params() []*nn.Param { return []*nn.Param{c.book, c.counts, c.sums} }

// On implements dist.Family; it is a QuantisedBatch.
func (c *Codebook) On(h *G.Node) (dist.Dist, error) { return QuantisedBatch{c, h}, nil }

// At implements dist.Family.
func (c *Codebook) At(h []float64) dist.Value {
	z := make([]float64, len(h))
	quantise(z, [][]float64{h, c.book.Numbers()})
	return Choice(slices.Collect(slices.Chunk(z, vqWidth)))
}

// entry is vector k of several that lie one after another.
func entry[T graph.Float](book []T, k int) []T { return book[k*vqWidth : (k+1)*vqWidth] }

// nearest is the number of the entry that is nearest to a vector.
func nearest[T graph.Float](h, book []T) (best int) {
	least := math.Inf(1)
	for k := range len(book) / vqWidth {
		d := 0.0
		for j, e := range entry(book, k) {
			d += float64(h[j]-e) * float64(h[j]-e)
		}
		if d < least {
			best, least = k, d
		}
	}
	return best
}

// Choice is a row of places, each of which holds any of its own entries alike.
type Choice [][]float64 // the entries of each place, one after another

// LogProb implements dist.Value.
func (v Choice) LogProb(z []float64) (sum float64) {
	for i, book := range v {
		if !slices.Equal(entry(book, nearest(entry(z, i), book)), entry(z, i)) {
			return math.Inf(-1)
		}
		sum -= math.Log(float64(len(book) / vqWidth))
	}
	return sum
}

// Mean implements dist.Value.
func (v Choice) Mean() []float64 {
	z := make([]float64, len(v)*vqWidth)
	for i, book := range v {
		for j, v := range book {
			entry(z, i)[j%vqWidth] += v * vqWidth / float64(len(book))
		}
	}
	return z
}

// Sample implements dist.Value.
func (v Choice) Sample(src rand.Source) (z []float64) {
	for _, book := range v {
		z = append(z, entry(book, rand.New(src).IntN(len(book)/vqWidth))...)
	}
	return z
}

// QuantisedBatch is a batch of such codes on a graph.
type QuantisedBatch struct {
	*Codebook
	H *G.Node // [R,Z]
}

// LogProb implements dist.Dist: 0, of codes that were drawn.
func (QuantisedBatch) LogProb(z *G.Node) (*G.Node, error) { return graph.Constant(z, 0) }

// Draw implements dist.Drawable.
func (q QuantisedBatch) Draw(eps *G.Node) (*dist.Draw, error) {
	z, err := q.Center()
	return &dist.Draw{Z: z, Eps: eps, LogProb: func() (*G.Node, error) { return q.LogProb(z) }, PathLogProb: q.LogProb}, err
}

// Center implements dist.Drawable: the nearest entries. Their gradient is that of H.
func (q QuantisedBatch) Center() (*G.Node, error) {
	return graph.Op{Name: "vq.nearest", Run: graph.Both(quantise[float32], quantise[float64]),
		Grads: []graph.Kernel{graph.Both(straightThrough[float32], straightThrough[float64])}}.Apply(q.H, q.book.Node(q.H.Graph()))
}

func quantise[T graph.Float](z []T, in [][]T) { // h, book
	for i := range len(z) / vqWidth {
		copy(entry(z, i), entry(in[1], nearest(entry(in[0], i), in[1])))
	}
}

func straightThrough[T graph.Float](dh []T, in [][]T) { copy(dh, in[0]) }

// Entries is the prior of places that each hold any entry of a codebook alike.
type Entries struct {
	*Codebook
	Places int
}

// Params implements dist.Prior: none, the codebook is the posterior's.
func (Entries) Params() []*nn.Param { return nil }

// On implements dist.Prior: an EntriesBatch.
func (e Entries) On(*G.ExprGraph, *G.Node) (dist.Dist, error) { return EntriesBatch{e}, nil }

// At implements dist.Prior: a Choice.
func (e Entries) At([]float64) (dist.Value, error) {
	return Choice(slices.Repeat([][]float64{e.book.Numbers()}, e.Places)), nil
}

// Sample implements dist.Prior. Entries have no temperature: it is left out.
func (e Entries) Sample(n int, _ []float32, _ float64, src rand.Source) (z []float32, err error) {
	book, r := e.book.Value.Data().([]float32), rand.New(src)
	for range n * e.Places {
		z = append(z, entry(book, r.IntN(len(book)/vqWidth))...)
	}
	return z, nil
}

// EntriesBatch is the prior on a graph.
type EntriesBatch struct{ Entries }

// LogProb implements dist.Dist, of codes that were drawn: −places·log K.
func (e EntriesBatch) LogProb(z *G.Node) (*G.Node, error) {
	return graph.Constant(z, -float64(e.Places)*math.Log(float64(e.book.Value.Shape()[0])))
}

// quantising is the objective: the ELBO, the commitment of h to its entries, and the move of
// the codebook after each step.
type quantising struct{ vae.Bound }

// Check implements vae.Bound.
func (o quantising) Check(m *vae.Model, w klreg.Weight) error {
	if m != nil && m.Posterior().Name() != "vq" {
		return fmt.Errorf("outside: objective vq of a %s posterior, want vq", m.Posterior().Name())
	}
	return o.Bound.Check(m, w)
}

// Loss implements vae.Bound.
func (o quantising) Loss(p *vae.Pass) (vae.LossNodes, error) {
	l, err := o.Bound.Loss(p)
	if err != nil {
		return l, err
	}
	var s graph.Steps
	q := l.Trace.Q.(QuantisedBatch)
	gap := s.Do(graph.Combine([]float64{1, -1}, q.H, s.Do(graph.Stop(l.Trace.Z[0])))) // [R,Z]
	far := s.Do(graph.Mean(s.Do(graph.RowSums(s.Do(G.Square(gap))))))
	l.Terms = []vae.Term{{Name: "commitment", Value: far, Weight: commitment}}
	p.Builder.Output("h", q.H)
	l.After = q.move
	return l, s.Err()
}

// move moves the codebook towards the vectors of a batch.
func (c *Codebook) move(p *graph.Program) error {
	numbers := func(p *nn.Param) []float32 { return p.Value.Data().([]float32) }
	book, counts, sums := numbers(c.book), numbers(c.counts), numbers(c.sums)
	h, err := p.Output("h")
	for _, average := range [][]float32{counts, sums} {
		for i := range average {
			average[i] *= decay
		}
	}
	for i := range len(h) / vqWidth {
		k := nearest(entry(h, i), book)
		counts[k] += 1 - decay
		for j, v := range entry(h, i) {
			entry(sums, k)[j] += (1 - decay) * v
		}
	}
	for i := range book {
		k := i / vqWidth
		if counts[k] < 0.1 { // dead: it takes the place of a vector of the batch
			counts[k] = 1
			copy(entry(sums, k), entry(h, k%(len(h)/vqWidth)))
		}
		book[i] = sums[i] / counts[k]
	}
	return err
}
