package outside

import (
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
	"govae/klreg"
	"govae/nn"
	"govae/vae"
)

// A binary code is a row of bits. The posterior and the prior of one go together, each under
// the name binary.
func init() {
	vae.RegisterPosterior("binary", vae.Part[dist.Code]{New: func(vae.Spec) (dist.Code, error) { return Bits{}, nil }})
	vae.RegisterPrior("binary", vae.Part[dist.Prior]{New: func(s vae.Spec) (dist.Prior, error) { return Coins{s.Code}, nil }})
	klreg.Register(BitsBatch{}, CoinsBatch{}, func(q, _ dist.Dist) (*G.Node, error) { return bitsKL.Apply(q.(BitsBatch).Logits) })
}

// Bits is the family of independent bits z_j ~ Bernoulli(p_j), with the logits
// l_j = log(p_j/(1−p_j)) as parameters. It has the density of dist.Bernoulli, and draws
// through which gradients pass.
type Bits struct{ dist.Bernoulli }

// Name implements dist.Family.
func (Bits) Name() string { return "binary" }

// Noise implements dist.Code: one number for each bit.
func (Bits) Noise(dim int) int { return dim }

// On implements dist.Family; it is a BitsBatch.
func (Bits) On(logits *G.Node) (dist.Dist, error) { return BitsBatch{logits}, nil }

// BitsBatch is a batch of rows of bits on a graph.
type BitsBatch struct{ Logits *G.Node } // [R,Z]

// LogProb implements dist.Dist: Σ_j (z_j·l_j − softplus(l_j)), with gradients to l and z.
func (b BitsBatch) LogProb(z *G.Node) (*G.Node, error) {
	dims, err := bitsLog.Apply(b.Logits, z) // [R,Z]
	if err != nil {
		return nil, err
	}
	return graph.RowSums(dims)
}

// Draw implements dist.Drawable. With u = Φ(eps), which is uniform, z_j is 1 where u < p_j
// and else 0. That step has no useful derivative. The straight-through gradient takes that
// of p in its place, so it is biased: ∂z/∂l = p·(1−p).
//
// Source: Bengio, Léonard & Courville 2013, arXiv:1308.3432.
func (b BitsBatch) Draw(eps *G.Node) (*dist.Draw, error) {
	z, err := bitsDraw.Apply(b.Logits, eps)
	if err != nil {
		return nil, err
	}
	return &dist.Draw{Z: z, Eps: eps,
		LogProb: func() (*G.Node, error) { return b.LogProb(z) },
		// Must: to stop the gradient of a node that is there cannot fail.
		PathLogProb: func(z *G.Node) (*G.Node, error) { return BitsBatch{G.Must(graph.Stop(b.Logits))}.LogProb(z) },
	}, nil
}

// Center implements dist.Drawable: p.
func (b BitsBatch) Center() (*G.Node, error) { return bitsMean.Apply(b.Logits) }

// Coins is the prior of independent bits of probability 1/2.
type Coins struct{ Dim int }

// Name implements dist.Prior.
func (Coins) Name() string { return "binary" }

// Params implements dist.Prior: none.
func (Coins) Params() []*nn.Param { return nil }

// On implements dist.Prior: a CoinsBatch.
func (Coins) On(*G.ExprGraph, *G.Node) (dist.Dist, error) { return CoinsBatch{}, nil }

// Domain says what codes are: bits.
func (Coins) Domain() dist.Domain { return dist.Binary }

// At implements dist.Prior.
func (c Coins) At([]float64) (dist.Value, error) { return Bits{}.At(make([]float64, c.Dim)), nil }

// Sample implements dist.Prior. Bits have no temperature: it is left out.
func (c Coins) Sample(n int, _ []float32, _ float64, src rand.Source) ([]float32, error) {
	return dist.Samples(Bits{}, make([]float32, n*c.Dim), c.Dim, src), nil
}

// CoinsBatch is the prior on a graph.
type CoinsBatch struct{}

// LogProb implements dist.Dist: −Z·log 2 for each row, without a gradient.
func (CoinsBatch) LogProb(z *G.Node) (*G.Node, error) {
	return graph.Constant(z, -float64(z.Shape()[1])*math.Ln2)
}

// The operations, each number by itself. A gradient reads dout and the output, then the
// inputs.
var (
	bitsMean = graph.Op{Name: "bits.mean", // of l
		Run:   graph.Each(func(v []float64) float64 { return sigmoid(v[0]) }),
		Grads: []graph.Kernel{graph.Each(straight)}}
	bitsDraw = graph.Op{Name: "bits.draw", // of l and eps
		Run: graph.Each(func(v []float64) float64 {
			if math.Erfc(-v[1]/math.Sqrt2)/2 < sigmoid(v[0]) { // u < p
				return 1
			}
			return 0
		}),
		Grads: []graph.Kernel{graph.Each(straight)}}
	bitsLog = graph.Op{Name: "bits.log", // of l and z
		Run: graph.Each(func(v []float64) float64 { return v[1]*v[0] - softplus(v[0]) }),
		Grads: []graph.Kernel{
			graph.Each(func(v []float64) float64 { return v[0] * (v[3] - sigmoid(v[2])) }),
			graph.Each(func(v []float64) float64 { return v[0] * v[2] })}}
	// bitsKL is the closed form p·log 2p + (1−p)·log 2(1−p) = log 2 + p·l − softplus(l).
	bitsKL = graph.Op{Name: "bits.kl", // of l
		Run:   graph.Each(func(v []float64) float64 { return math.Ln2 + sigmoid(v[0])*v[0] - softplus(v[0]) }),
		Grads: []graph.Kernel{graph.Each(func(v []float64) float64 { return straight(v) * v[2] })}}
)

// straight is dl = dout·p·(1−p), from dout, the output and l.
func straight(v []float64) float64 { return v[0] * sigmoid(v[2]) * sigmoid(-v[2]) }
