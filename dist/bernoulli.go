package dist

import (
	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/internal/simd"
	"govae/nn"
)

// Bernoulli is the family of binary pixels, with the logits l = log(p/(1−p)) as
// parameters:
//
//	−log p(x) = Σ_j (softplus(l_j) − x_j·l_j)
//
// which is the cross-entropy −Σ (x log p + (1−x) log(1−p)), exact at any logit.
// Its gradient is sigmoid(l) − x. With grey pixels in between 0 and 1 the number
// is still defined, but it is not a likelihood of the data.
//
// Source: Kingma & Welling 2014, Appendix C.1, arXiv:1312.6114.
type Bernoulli struct{}

// Name implements Family.
func (Bernoulli) Name() string { return "bernoulli" }

// Domain implements Family.
func (Bernoulli) Domain() Domain { return Binary }

// Outputs implements Family: dim.
func (Bernoulli) Outputs(dim int) int { return dim }

// Params implements Family: none.
func (Bernoulli) Params() []*nn.Param { return nil }

// On implements Family; it is a *BernoulliBatch.
func (Bernoulli) On(logits *G.Node) (Dist, error) { return &BernoulliBatch{logits}, nil }

// At implements Family; it is a BernoulliValue.
func (Bernoulli) At(logits []float64) Value { return BernoulliValue{logits} }

// Means computes p = 1/(1 + exp(−l)), in place.
func (Bernoulli) Means(logits []float32, _ int) []float32 {
	simd.Sigmoid(logits, logits)
	return logits
}

// BernoulliBatch is a batch of rows of Bernoulli variables on a graph.
type BernoulliBatch struct {
	Logits *G.Node // [R,D]
}

// Rows is the number of rows R.
func (b *BernoulliBatch) Rows() int { return b.Logits.Shape()[0] }

// NegLogProb adds −log p(x) of x [R,D]: [R], in nats. It passes a gradient to the logits and
// none to x.
func (b *BernoulliBatch) NegLogProb(x *G.Node) (*G.Node, error) { return bernoulliNode(b.Logits, x) }

// LogProb implements Dist, with gradients to the logits and to x, of which it is l.
func (b *BernoulliBatch) LogProb(x *G.Node) (*G.Node, error) {
	d, err := bernoulliNode(b.Logits, x, graph.Both(bernoulliDX[float32], bernoulliDX[float64]))
	if err != nil {
		return nil, err
	}
	return graph.Combine([]float64{-1}, d)
}

// bernoulliNode computes the distortion −log p(x|z) = Σ softplus(l) − x·l in nats,
// [B], of pixels x under logits l, both [B,X]. It passes a gradient to the
// logits, and to x only by a kernel dx.
func bernoulliNode(logits, x *G.Node, dx ...graph.Kernel) (*G.Node, error) {
	return likelihoodNode("bernoulli", 1, graph.Both(bernoulli[float32], bernoulli[float64]), logits, x, dx...)
}

func bernoulli[T graph.Float](d []T, in [][]T) { simd.Bernoulli(d, in[2], in[0], in[1]) }

// bernoulliDX is −dd·l, from dd, d and the logits.
func bernoulliDX[T graph.Float](dx []T, in [][]T) {
	simd.RowScale(dx, in[0], in[2])
	for i := range dx {
		dx[i] = -dx[i]
	}
}
