package dist

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

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

// NormalValue is a diagonal Gaussian as plain numbers.
type NormalValue struct {
	Mu, Logvar []float64 // [D]
}

// LogProb implements Value: −½ Σ_j ((x_j − mu_j)²·exp(−logvar_j) + logvar_j + log 2π).
func (n NormalValue) LogProb(x []float64) float64 {
	perNumber(1, n.Mu, x)
	l := 0.0
	for j, m := range n.Mu {
		d := x[j] - m
		l -= (d*d*math.Exp(-n.Logvar[j]) + n.Logvar[j] + log2Pi) / 2
	}
	return l
}

// Mean implements Value: mu.
func (n NormalValue) Mean() []float64 { return append([]float64{}, n.Mu...) }

// Sample implements Value: mu + exp(logvar/2)·N(0,1).
func (n NormalValue) Sample(src rand.Source) []float64 {
	r, z := rand.New(src), make([]float64, len(n.Mu))
	for j, m := range n.Mu {
		z[j] = m + math.Exp(n.Logvar[j]/2)*r.NormFloat64()
	}
	return z
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

// NormalNode computes log N(z; mu, diag exp logvar) of z [R,D] under parameters h [R,2D]
// (mu, then logvar): [R], in nats, with gradients to both.
func NormalNode(z, h *G.Node) (*G.Node, error) {
	const name = "normal"
	if err := checkNormal(name, h, z); err != nil {
		return nil, err
	}
	shape := z.Shape()
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		var s graph.Steps
		dz := s.Do(graph.Compute(name+".dz", shape, graph.Both(normalDZ[float32], normalDZ[float64]), dl, z, h))
		dh := s.Do(graph.Compute(name+".dh", h.Shape(), graph.Both(normalDH[float32], normalDH[float64]), dl, z, h))
		return G.Nodes{dz, dh}, s.Err()
	}
	size := shape.TotalSize()
	k := graph.Both(normalProb(make([]float32, size)), normalProb(make([]float64, size)))
	return graph.Op{Name: name, Shape: tensor.Shape{shape[0]}, Run: k, Wrt: []bool{true, true}, Diff: grad}.Apply(z, h)
}

// halves are mu and logvar of row i of h.
func halves[T graph.Float](h []T, i, d int) (mu, logvar []T) {
	return h[2*i*d : (2*i+1)*d], h[(2*i+1)*d : (2*i+2)*d]
}

// normalProb has room for the precisionOf.
func normalProb[T graph.Float](room []T) func(l []T, in [][]T) {
	return func(l []T, in [][]T) {
		z, h, d := in[0], in[1], len(in[0])/len(l)
		precisionOf(room, h, d)
		for i := range l {
			sum := 0.0
			mu, logvar := halves(h, i, d)
			for j, m := range mu {
				e := float64(z[i*d+j]) - float64(m)
				sum += e*e*float64(room[i*d+j]) + float64(logvar[j])
			}
			l[i] = T(-(sum + float64(d)*log2Pi) / 2)
		}
	}
}

// precisionOf computes exp(−logvar): p [R,D].
func precisionOf[T graph.Float](p, h []T, d int) {
	for i := range len(p) / d {
		_, logvar := halves(h, i, d)
		for j, v := range logvar {
			p[i*d+j] = -v
		}
	}
	simd.Exp(p, p)
}

func normalDZ[T graph.Float](dz []T, in [][]T) {
	dl, z, h := in[0], in[1], in[2]
	d := len(z) / len(dl)
	precisionOf(dz, h, d)
	for i, g := range dl {
		mu, _ := halves(h, i, d)
		for j, m := range mu {
			dz[i*d+j] *= -1 * g * (z[i*d+j] - m)
		}
	}
}

func normalDH[T graph.Float](dh []T, in [][]T) {
	dl, z, h := in[0], in[1], in[2]
	d := len(z) / len(dl)
	for i, g := range dl {
		mu, logvar := halves(h, i, d)
		dmu, dlogvar := halves(dh, i, d)
		for j, v := range logvar {
			dlogvar[j] = -v
		}
		simd.Exp(dlogvar, dlogvar)
		for j, p := range dlogvar {
			e := z[i*d+j] - mu[j]
			dmu[j] = p * (g * e)
			dlogvar[j] = g * (e*e*p - 1) / 2
		}
	}
}

// drawNode computes log q(z) of the draw z = mu + exp(logvar/2)·eps, of h [R,2D] and eps
// [R,D]: [R], in nats,
//
//	−½ Σ_j (eps_j² + logvar_j + log 2π)
//
// The gradient is the total one, along z as well as along the parameters of q: mu
// drops out of it, and ∂/∂logvar_j = −½.
func drawNode(h, eps *G.Node) (*G.Node, error) {
	const name = "normalDraw"
	if err := checkNormal(name, h, eps); err != nil {
		return nil, err
	}
	d := eps.Shape()[1]
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		dh, err := graph.Compute(name+".dh", h.Shape(), graph.Both(halfRows[float32](d), halfRows[float64](d)), dl)
		return G.Nodes{dh, nil}, err
	}
	return graph.Op{Name: name, Shape: tensor.Shape{eps.Shape()[0]}, Run: graph.Both(draws[float32], draws[float64]),
		Wrt: []bool{true, false}, Diff: grad}.Apply(h, eps)
}

func draws[T graph.Float](l []T, in [][]T) { simd.NormalDraws(l, in[0], in[1]) }

func halfRows[T graph.Float](d int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		for i, g := range in[0] {
			dmu, dlogvar := halves(dh, i, d)
			clear(dmu)
			for j := range dlogvar {
				dlogvar[j] = g / -2
			}
		}
	}
}

// pathNode is drawNode with the parameters of q held fixed: its gradient goes along z
// alone, ∂/∂z_j = −eps_j·exp(−logvar_j/2).
func pathNode(z, h, eps *G.Node) (*G.Node, error) {
	const name = "normalPath"
	if err := checkNormal(name, h, z, eps); err != nil {
		return nil, err
	}
	shape := z.Shape()
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		dz, err := graph.Compute(name+".dz", shape, graph.Both(pathGrad[float32], pathGrad[float64]), dl, h, eps)
		return G.Nodes{dz, nil, nil}, err
	}
	k := graph.Both(func(l []float32, in [][]float32) { draws(l, in[1:]) }, func(l []float64, in [][]float64) { draws(l, in[1:]) })
	return graph.Op{Name: name, Shape: tensor.Shape{shape[0]}, Run: k, Wrt: []bool{true, false, false}, Diff: grad}.Apply(z, h, eps)
}

func pathGrad[T graph.Float](dz []T, in [][]T) {
	dl, h, eps := in[0], in[1], in[2]
	d := len(dz) / len(dl)
	for i := range dl {
		_, logvar := halves(h, i, d)
		for j, v := range logvar {
			dz[i*d+j] = -v / 2
		}
	}
	simd.Exp(dz, dz)
	for i, g := range dl {
		for j := i * d; j < (i+1)*d; j++ {
			dz[j] *= -g * eps[j]
		}
	}
}
