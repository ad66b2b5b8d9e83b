package dist

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/internal/simd"
	"govae/nn"
)

var log2Pi = math.Log(2 * math.Pi)

// Normal is the family of diagonal Gaussians N(mu, diag exp logvar). The parameters of a
// row are its means mu [D], then its log-variances logvar [D], where logvar is log σ²
// (neither σ nor log σ).
type Normal struct{}

// Name implements Family.
func (Normal) Name() string { return "normal" }

// Domain implements Family.
func (Normal) Domain() Domain { return Real }

// Outputs implements Family: 2·dim.
func (Normal) Outputs(dim int) int { return 2 * dim }

// Noise implements Code: dim.
func (Normal) Noise(dim int) int { return dim }

// Params implements Family: none.
func (Normal) Params() []*nn.Param { return nil }

// On implements Family; it is a *NormalBatch.
func (Normal) On(params *G.Node) (Dist, error) {
	if s := params.Shape(); s.Dims() != 2 || s[1]%2 != 0 {
		return nil, fmt.Errorf("dist: normal: parameters of shape %v, want means and log-variances [R,2D]", s)
	}
	return &NormalBatch{params}, nil
}

// At implements Family; it is a NormalValue.
func (Normal) At(params []float64) Value {
	d := half(params)
	return NormalValue{params[:d:d], params[d:]}
}

// NormalBatch is a batch of diagonal Gaussians on a graph.
type NormalBatch struct {
	Params *G.Node // [R,2D]: mu, then logvar
}

// Rows is the number of rows R.
func (n *NormalBatch) Rows() int { return n.Params.Shape()[0] }

// dim is D.
func (n *NormalBatch) dim() int { return n.Params.Shape()[1] / 2 }

// Mu adds the means: [R,D].
func (n *NormalBatch) Mu() (*G.Node, error) { return graph.Columns(n.Params, 0, n.dim()) }

// Logvar adds the log-variances: [R,D].
func (n *NormalBatch) Logvar() (*G.Node, error) { return graph.Columns(n.Params, n.dim(), 2*n.dim()) }

// Center implements Drawable: mu.
func (n *NormalBatch) Center() (*G.Node, error) { return n.Mu() }

// LogProb implements Dist:
//
//	−½ Σ_j ((x_j − mu_j)²·exp(−logvar_j) + logvar_j + log 2π)
//
// with gradients to x and to the parameters.
func (n *NormalBatch) LogProb(x *G.Node) (*G.Node, error) { return NormalNode(x, n.Params) }

// Draw implements Drawable: z = mu + exp(logvar/2)·eps.
func (n *NormalBatch) Draw(eps *G.Node) (*Draw, error) {
	z, err := Reparameterize(n.Params, eps)
	if err != nil {
		return nil, err
	}
	return &Draw{Z: z, Eps: eps,
		LogProb:     func() (*G.Node, error) { return drawNode(n.Params, eps) },
		PathLogProb: func(z *G.Node) (*G.Node, error) { return pathNode(z, n.Params, eps) },
	}, nil
}

// checkNormal returns an error unless h is [R,2D] and all others [R,D].
func checkNormal(name string, h *G.Node, others ...*G.Node) error {
	hs := h.Shape()
	for _, n := range others {
		if s := n.Shape(); hs.Dims() != 2 || s.Dims() != 2 || hs[0] != s[0] || hs[1] != 2*s[1] {
			return fmt.Errorf("dist: %s: parameters %v and rows %v, want [R,2D] and [R,D]", name, hs, s)
		}
	}
	return nil
}

// Reparameterize computes z = mu + exp(logvar/2)·eps of parameters h [R,2D] (mu, then
// logvar) and eps [R,D]: [R,D]. It passes a gradient to h and none to eps:
//
//	∂z/∂mu = 1     ∂z/∂logvar = ½·exp(logvar/2)·eps
//
// Source: Kingma & Welling 2014, section 2.4, arXiv:1312.6114.
func Reparameterize(h, eps *G.Node) (*G.Node, error) {
	const name = "reparameterize"
	if err := checkNormal(name, h, eps); err != nil {
		return nil, err
	}
	d := eps.Shape()[1]
	grad := func(_, dz *G.Node) (G.Nodes, error) {
		dh, err := graph.Compute(name+".dh", h.Shape(), graph.Both(reparameterizeGrad[float32](d), reparameterizeGrad[float64](d)), dz, h, eps)
		return G.Nodes{dh, nil}, err
	}
	return graph.Op{Name: name, Shape: eps.Shape(), Run: graph.Both(reparameterize[float32](d), reparameterize[float64](d)),
		Wrt: []bool{true, false}, Diff: grad}.Apply(h, eps)
}

func reparameterize[T graph.Float](d int) func(z []T, in [][]T) {
	return func(z []T, in [][]T) { simd.ReparameterizeRows(z, in[0], in[1], d) }
}

func reparameterizeGrad[T graph.Float](d int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) { simd.ReparameterizeRowsGrad(dh, in[0], in[1], in[2], d) }
}
