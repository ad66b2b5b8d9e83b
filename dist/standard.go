package dist

import (
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/simd"
	"govae/nn"
)

// StandardNormal is N(0,I), the prior whose KL from a diagonal Gaussian has a closed form
// (package klreg).
type StandardNormal struct {
	Dim int // Z
}

// Name implements Prior.
func (StandardNormal) Name() string { return "standard" }

// Params implements Prior: none.
func (StandardNormal) Params() []*nn.Param { return nil }

// On implements Prior: a StandardBatch, whatever the labels.
func (s StandardNormal) On(*G.ExprGraph, *G.Node) (Dist, error) { return StandardBatch{}, nil }

// At implements Prior: a NormalValue, whatever the labels.
func (s StandardNormal) At([]float64) (Value, error) {
	return NormalValue{make([]float64, s.Dim), make([]float64, s.Dim)}, nil
}

// Sample implements Prior: temperature·N(0,I).
func (s StandardNormal) Sample(n int, _ []float32, temperature float64, src rand.Source) ([]float32, error) {
	return SampleNormals(make([]float32, 2*n*s.Dim), s.Dim, temperature, src), nil
}

// StandardBatch is N(0,I) on a graph, of as many rows and dimensions as are asked of it.
type StandardBatch struct{}

// LogProb implements Dist: −½ Σ_j (z_j² + log 2π) of z [R,Z].
func (StandardBatch) LogProb(z *G.Node) (*G.Node, error) {
	if err := graph.SameShape("standardNormal", z); err != nil {
		return nil, err
	}
	return graph.Op{Name: "standardNormal", Shape: tensor.Shape{z.Shape()[0]}, Run: graph.Both(standard[float32], standard[float64]),
		Grads: []graph.Kernel{graph.Both(standardGrad[float32], standardGrad[float64])}}.Apply(z)
}

func standard[T graph.Float](l []T, in [][]T) {
	n := len(in[0]) / len(l)
	for i := range l {
		sum := 0.0
		for _, v := range in[0][i*n : (i+1)*n] {
			sum += float64(v) * float64(v)
		}
		l[i] = T(-(sum + float64(n)*log2Pi) / 2)
	}
}

// standardGrad is dz = −dl·z, from dl, l and z.
func standardGrad[T graph.Float](dz []T, in [][]T) {
	simd.RowScale(dz, in[0], in[2])
	for i := range dz {
		dz[i] = -dz[i]
	}
}
