package vae

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"govae/dist"
	"govae/graph"
	"govae/internal/simd"
	"govae/internal/stream"
)

// LogLikelihood estimates log p(x) in nats for each of n images x [n,X], from k
// draws of z an image, at most 10⁹:
//
//	log p(x) ≈ log 1/k Σ_i w_i,   w_i = p(x|z_i)·p(z_i) / q(z_i|x),   z_i ~ q(z|x)
//
// Its expectation is a lower bound of log p(x) that never falls with k (Theorem 1
// of the source) and, for bounded weights, tends to log p(x). Each image draws its
// noise from a stream of its own, numbered by its place in x. Memory does not grow
// with k. When ctx ends, so does the call, with its error.
//
// Source: Burda, Grosse & Salakhutdinov 2016, eq. 8, arXiv:1509.00519.
func (m *Model) LogLikelihood(ctx context.Context, x []float32, k int, seed uint64) ([]float64, error) {
	estimates, err := m.Importance(ctx, x, k, seed)
	if err != nil {
		return nil, err
	}
	logp := make([]float64, len(estimates))
	for i, e := range estimates {
		logp[i] = e.LogP
	}
	return logp, nil
}

// Importance is an estimate of log p(x) from k importance weights.
type Importance struct {
	LogP float64 // log 1/k Σ w, in nats
	// ESS is the effective sample size (Σ w)² / Σ w², between 1 and k: how many draws
	// from the true posterior the k draws are worth. Source: Kong 1992, Technical
	// Report 348, University of Chicago.
	ESS float64
}

// maxSamples keeps the number of samples of all images within an int.
const maxSamples = 1_000_000_000

// Importance is LogLikelihood with the effective sample size of each image.
func (m *Model) Importance(ctx context.Context, x []float32, k int, seed uint64) ([]Importance, error) {
	n, err := m.count("images", x, m.pixels)
	if err != nil {
		return nil, err
	}
	if k < 1 || k > maxSamples {
		return nil, fmt.Errorf("vae: %d samples an image, want 1 to %d", k, maxSamples)
	}
	if err := dist.Check(m.p.Family, x); err != nil {
		return nil, err
	}
	params, err := m.EncodeParams(x)
	if err != nil {
		return nil, err
	}
	y, err := m.given(n, map[string][]float32{})
	if err != nil {
		return nil, err
	}
	chunk := graph.BatchFor(n * k)
	graphs := m.graphs.get("likelihood", (*Model).buildLikelihood)
	p, err := graphs.Get(chunk)
	if err != nil {
		return nil, err
	}
	defer graphs.Put(p)
	w := &weighing{m: m, p: p, x: x, params: params, y: y["y"], k: k, seed: seed, rows: n * k, image: [2][]int{make([]int, chunk), make([]int, chunk)}}
	sums, squares := make([]dist.LogSumExp, n), make([]dist.LogSumExp, n)
	logw := make([]float64, chunk)
	next := w.prepare(0)
	for lo := 0; lo < n*k; lo += chunk {
		if err := ctx.Err(); err != nil {
			next.Wait()
			return nil, err
		}
		next.Wait()
		if err := p.Take(); err != nil {
			return nil, err
		}
		hi := min(n*k, lo+chunk)
		if hi < n*k {
			next = w.prepare(hi)
		}
		if err := p.Run(); err != nil {
			next.Wait()
			return nil, err
		}
		if err := graph.Copy(p, "logw", logw); err != nil {
			return nil, err
		}
		for r := lo; r < hi; r++ {
			sums[r/k].Add(logw[r-lo])
			squares[r/k].Add(2 * logw[r-lo])
		}
	}
	estimates := make([]Importance, n)
	for i := range estimates {
		estimates[i] = Importance{LogP: sums[i].Value() - math.Log(float64(k)), ESS: math.Exp(2*sums[i].Value() - squares[i].Value())}
	}
	return estimates, nil
}

// weighing makes the inputs of Importance's graph, whose rows are pairs of an image
// and a draw: a chunk of them while the chunk before is in the graph. With many
// draws an image stays in its rows from one chunk to the next.
type weighing struct {
	m            *Model
	p            *graph.Program
	x, params, y []float32
	k, rows      int
	seed         uint64
	src          *rand.PCG // of the current image
	image        [2][]int  // in the rows of the inputs' two buffers, counted from 1
}

// prepare fills the inputs of the chunk that starts at row lo. Chunks are to be
// prepared in their order.
func (w *weighing) prepare(lo int) *simd.Ahead {
	chunk := len(w.image[0])
	image := w.image[lo/chunk%2]
	return simd.Start(func() {
		width, eps := w.m.params, make([]float32, w.m.noise)
		for r := lo; r < min(lo+chunk, w.rows); r++ {
			i, row := r/w.k, r-lo
			if r%w.k == 0 {
				w.src = stream.New(w.seed, stream.Evaluate, uint64(i))
			}
			if image[row] != i+1 {
				image[row] = i + 1
				w.load("x", row, w.x[i*w.m.pixels:(i+1)*w.m.pixels])
				w.load("params", row, w.params[i*width:(i+1)*width])
				if labels := w.m.labels; labels > 0 {
					w.load("y", row, w.y[i*labels:(i+1)*labels])
				}
			}
			stream.Normal(eps, w.src)
			w.load("eps", row, eps)
		}
	})
}

// load writes a row of an input; that there is one of that name is sure.
func (w *weighing) load(name string, row int, src []float32) {
	if err := w.p.Load(name, row, src); err != nil {
		panic(err)
	}
}

func (m *Model) buildLikelihood(b *graph.Builder, batch int) error {
	x, y, eps := b.Input("x", batch, m.pixels), m.labelInput(b, batch), b.Input("eps", batch, m.noise)
	q, err := batchOf(m.q[0].Family, b.Input("params", batch, m.params))
	if err != nil {
		return err
	}
	t, err := m.trace(q, x, y, eps, Walk{Densities: true})
	if err != nil {
		return err
	}
	logw, err := t.LogWeights(nil, nil)
	b.Output("logw", logw)
	return err
}
