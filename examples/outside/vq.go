package outside

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/decoder"
	"govae/dist"
	"govae/graph"
	"govae/mnist"
	"govae/nn"
	"govae/train"
)

// VQ is a train.Task: an autoencoder whose code is a row of Places entries of a codebook of
// Codes vectors of Width numbers. The encoder's output is replaced by the nearest entries,
// and the gradient passes through that as if it were not there:
//
//	loss = mean_i −log p(x_i|e_i) + Commitment·mean_i |z_i − e_i|²
//
// The codebook is no parameter of a gradient: each entry is a moving average of what was
// nearest to it, and one that nothing is nearest to moves to a row of the batch.
//
// Source: van den Oord, Vinyals & Kavukcuoglu 2017, arXiv:1711.00937, eq. 3 and Appendix A.1.
type VQ struct {
	Set                        *mnist.Set
	Size, Places, Codes, Width int
	Commitment, Decay          float64
	encoder                    nn.MLP
	decoder                    *decoder.MLP
	book, counts, sums         *nn.Param // [K,D], [K], [K,D]
	program                    *graph.Program
	decode                     *graph.Rows
}

// NewVQ makes the task with fresh weights, for batches of 64 images.
func NewVQ(set *mnist.Set, hidden int, seed uint64) (*VQ, error) {
	v := &VQ{Set: set, Size: 64, Places: 8, Codes: 16, Width: 4, Commitment: 0.25, Decay: 0.95}
	src, code := rand.NewPCG(seed, 1), v.Places*v.Width
	layers := nn.MLPConfig{Name: "encoder", In: set.Size(), Hidden: []int{hidden}, Activation: "relu", Init: "glorot"}
	var err error
	if v.encoder, err = nn.NewMLP(layers, tensor.Float32, src); err != nil {
		return nil, err
	}
	head, err := nn.NewLinear(tensor.Float32, code, hidden, nn.Identity, "glorot", src, "encoder.code")
	if err != nil {
		return nil, err
	}
	v.encoder = append(v.encoder, head)
	v.decoder, err = decoder.NewMLP(decoder.Config{Latent: code, Outputs: set.Size(), Hidden: []int{hidden}, Activation: "relu", Init: "glorot"}, tensor.Float32, src)
	if err != nil {
		return nil, err
	}
	v.book, v.counts, v.sums = nn.NewParam(tensor.Float32, "codebook", v.Codes, v.Width), nn.NewParam(tensor.Float32, "codebook.counts", v.Codes), nn.NewParam(tensor.Float32, "codebook.sums", v.Codes, v.Width)
	v.book.Fill(rand.New(src).NormFloat64)
	v.counts.Fill(func() float64 { return 1 })
	copy(v.sums.Value.Data().([]float32), v.book.Value.Data().([]float32))
	nn.Freeze(v.book, v.counts, v.sums)
	v.decode = graph.NewRows(tensor.Float32, func(b *graph.Builder, batch int) error {
		logits, err := v.decoder.Apply(b.Input("z", batch, code), nil)
		b.Output("logits", logits)
		return err
	})
	v.program, err = graph.Compile(tensor.Float32, v.build)
	return v, err
}

// Params implements train.Task; the codebook and its averages are frozen ones.
func (v *VQ) Params() []*nn.Param {
	return append(append(v.encoder.Params(), v.decoder.Params()...), v.book, v.counts, v.sums)
}

// Steps implements train.Task.
func (v *VQ) Steps() int { return v.Set.Len() / v.Size }

// Updates implements train.Task.
func (v *VQ) Updates() []train.Update {
	return []train.Update{{Params: nn.Trained(v.Params())}}
}

// Batch implements train.Task.
func (v *VQ) Batch(step, _ int) (train.Batch, error) {
	return train.Batch{Program: v.program, Rows: v.Size, After: v.move, Fill: func(p *graph.Program) error {
		index := rand.New(rand.NewPCG(uint64(step/v.Steps()), 2)).Perm(v.Set.Len())[step%v.Steps()*v.Size:]
		v.Set.Fill(p.Input("x"), index[:v.Size], mnist.Dynamic, rand.NewPCG(uint64(step), 3))
		return nil
	}}, nil
}

// build adds the loss to the graph.
func (v *VQ) build(b *graph.Builder) error {
	var s graph.Steps
	x := b.Input("x", v.Size, v.Set.Size())
	z := s.Do(v.encoder.Apply(x)) // [B,Places·Width]
	e := s.Do(v.nearest().Apply(z, v.book.Node(b.Graph())))
	logits := s.Do(v.decoder.Apply(e, nil))
	if s.Err() != nil {
		return s.Err()
	}
	p, err := dist.Bernoulli{}.On(logits)
	if err != nil {
		return err
	}
	distortion := s.Do(graph.Mean(s.Do(dist.NegLogProb(p, x))))
	gap := s.Do(distance.Apply(z, s.Do(graph.Stop(e)))) // [B,Places·Width]
	commitment := s.Do(graph.Mean(s.Do(graph.RowSums(gap))))
	loss := s.Do(graph.Combine([]float64{1, v.Commitment}, distortion, commitment))
	perplexity := s.Do(v.perplexity().Apply(z, v.book.Node(b.Graph())))
	if s.Err() != nil {
		return s.Err()
	}
	for name, n := range map[string]*G.Node{"distortion": distortion, "commitment": commitment, "perplexity": perplexity, "z": z} {
		b.Output(name, n)
	}
	return train.Descend(b, loss, v.Params())
}

// distance is (z − e)² of each number, with a gradient to z.
var distance = graph.Op{Name: "vq.distance",
	Run:   graph.Each(func(v []float64) float64 { return (v[0] - v[1]) * (v[0] - v[1]) }),
	Grads: []graph.Kernel{graph.Each(func(v []float64) float64 { return 2 * v[0] * (v[2] - v[3]) })}}

// nearest replaces each vector of z by the nearest entry; its gradient passes straight
// through.
func (v *VQ) nearest() graph.Op {
	return graph.Op{Name: "vq.nearest", Run: graph.Kernel{F32: func(out []float32, in [][]float32) {
		for at := 0; at < len(out); at += v.Width {
			copy(out[at:], entry(in[1], v.choose(in[0][at:], in[1]), v.Width))
		}
	}}, Grads: []graph.Kernel{{F32: func(dz []float32, in [][]float32) { copy(dz, in[0]) }}}}
}

func entry(book []float32, k, width int) []float32 { return book[k*width : (k+1)*width] }

// choose is the nearest entry to the vector at the start of z.
func (v *VQ) choose(z, book []float32) (best int) {
	least := math.Inf(1)
	for k := range v.Codes {
		d := 0.0
		for j, e := range entry(book, k, v.Width) {
			d += float64(z[j]-e) * float64(z[j]-e)
		}
		if d < least {
			best, least = k, d
		}
	}
	return best
}

// perplexity is exp of the entropy of the entries in use: as many as if all were alike.
func (v *VQ) perplexity() graph.Op {
	return graph.Op{Name: "vq.perplexity", Shape: tensor.ScalarShape(), Run: graph.Kernel{F32: func(out []float32, in [][]float32) {
		used, n := make([]float64, v.Codes), float64(len(in[0])/v.Width)
		for at := 0; at < len(in[0]); at += v.Width {
			used[v.choose(in[0][at:], in[1])] += 1 / n
		}
		out[0] = float32(math.Exp(stat.Entropy(used)))
	}}}
}

// move moves the codebook towards the batch.
func (v *VQ) move(p *graph.Program) error {
	z, err := p.Output("z")
	if err != nil {
		return err
	}
	book, counts, sums := v.book.Value.Data().([]float32), v.counts.Value.Data().([]float32), v.sums.Value.Data().([]float32)
	n, total, decay := make([]float32, v.Codes), make([]float32, len(sums)), float32(v.Decay)
	for at := 0; at < len(z); at += v.Width {
		k := v.choose(z[at:], book)
		n[k]++
		for j := range v.Width {
			total[k*v.Width+j] += z[at+j]
		}
	}
	for k := range v.Codes {
		counts[k] = decay*counts[k] + (1-decay)*n[k]
		for j := range v.Width {
			i := k*v.Width + j
			sums[i] = decay*sums[i] + (1-decay)*total[i]
			book[i] = sums[i] / counts[k]
		}
		if counts[k] < 0.1 { // dead: it takes the place of a vector of the batch
			counts[k] = 1
			copy(entry(sums, k, v.Width), z[k*v.Width:(k+1)*v.Width])
			copy(entry(book, k, v.Width), z[k*v.Width:(k+1)*v.Width])
		}
	}
	return nil
}

// Sample draws n images: the entry of each place by how often it is in use, then E[x|e].
func (v *VQ) Sample(n int, src rand.Source) ([]float32, error) {
	z, used := []float32{}, distuv.NewCategorical(v.counts.Numbers(), src)
	for range n * v.Places {
		z = append(z, entry(v.book.Value.Data().([]float32), int(used.Rand()), v.Width)...)
	}
	logits := make([]float32, n*v.Set.Size())
	err := v.decode.Run(n, map[string][]float32{"z": z}, graph.Collect("logits", n, logits))
	return dist.Means(dist.Bernoulli{}, logits, v.Set.Size()), err
}
