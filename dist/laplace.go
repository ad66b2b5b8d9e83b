package dist

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/nn"
)

// Laplace is the family of independent Laplace variables, as likelihood or as code. The
// parameters of a row are its locations m [D], then its log-scales s [D], with b = exp s:
//
//	log p(x) = −Σ_j (|x_j − m_j|/b_j + s_j + log 2)
//
// The variance is 2b². A draw is made of noise eps from N(0,1), by the inverse of the
// cumulative distribution function at Φ(eps):
//
//	z = m + b·u(eps)     u(eps) = −sign(eps)·log(2·Φ(−|eps|))
//
// Source: Kotz, Kozubowski & Podgórski 2001, The Laplace Distribution and
// Generalizations, section 2.1; the draw: Kingma & Welling 2014, section 2.4,
// arXiv:1312.6114.
type Laplace struct{}

// Name implements Family.
func (Laplace) Name() string { return "laplace" }

// Domain implements Family.
func (Laplace) Domain() Domain { return Real }

// Outputs implements Family: 2·dim.
func (Laplace) Outputs(dim int) int { return 2 * dim }

// Noise implements Code: dim.
func (Laplace) Noise(dim int) int { return dim }

// Params implements Family: none.
func (Laplace) Params() []*nn.Param { return nil }

// On implements Family; it is a *LaplaceBatch.
func (Laplace) On(params *G.Node) (Dist, error) {
	if s := params.Shape(); s.Dims() != 2 || s[1]%2 != 0 {
		return nil, fmt.Errorf("dist: laplace: parameters of shape %v, want locations and log-scales [R,2D]", s)
	}
	return &LaplaceBatch{params}, nil
}

// At implements Family; it is a LaplaceValue.
func (Laplace) At(params []float64) Value {
	d := half(params)
	return LaplaceValue{params[:d:d], params[d:]}
}

// LaplaceBatch is a batch of independent Laplace variables on a graph.
type LaplaceBatch struct {
	Params *G.Node // [R,2D]: m, then s
}

// Rows is the number of rows R.
func (l *LaplaceBatch) Rows() int { return l.Params.Shape()[0] }

// Center implements Drawable: m [R,D].
func (l *LaplaceBatch) Center() (*G.Node, error) {
	return graph.Columns(l.Params, 0, l.Params.Shape()[1]/2)
}

// LogProb implements Dist: −Σ_j (|x_j − m_j|·exp(−s_j) + s_j + log 2) of x [R,D], with
// gradients to x and to the parameters. At x = m, where the density has a kink, those along
// x and m are 0.
func (l *LaplaceBatch) LogProb(x *G.Node) (*G.Node, error) {
	const name = "laplace"
	if err := checkNormal(name, l.Params, x); err != nil {
		return nil, err
	}
	// The gradients get dl, l, x and the parameters.
	return graph.Op{Name: name, Shape: tensor.Shape{x.Shape()[0]}, Run: graph.Both(laplaceProb[float32], laplaceProb[float64]),
		Grads: []graph.Kernel{graph.Both(laplaceDX[float32], laplaceDX[float64]), graph.Both(laplaceDH[float32], laplaceDH[float64])},
	}.Apply(x, l.Params)
}

// Draw implements Drawable: z = m + exp(s)·u(eps).
func (l *LaplaceBatch) Draw(eps *G.Node) (*Draw, error) {
	if err := checkNormal("laplaceDraw", l.Params, eps); err != nil {
		return nil, err
	}
	shape, rows, d := eps.Shape(), tensor.Shape{eps.Shape()[0]}, eps.Shape()[1]
	u, err := graph.Compute("laplaceNoise", shape, graph.Both(laplaceNoises[float32], laplaceNoises[float64]), eps)
	if err != nil {
		return nil, err
	}
	z, err := graph.Op{Name: "laplaceDraw", Shape: shape, Run: graph.Both(laplaceDraw[float32](d), laplaceDraw[float64](d)),
		Grads: []graph.Kernel{graph.Both(laplaceDrawGrad[float32](d), laplaceDrawGrad[float64](d))}}.Apply(l.Params, u)
	if err != nil {
		return nil, err
	}
	return &Draw{Z: z, Eps: eps,
		LogProb: func() (*G.Node, error) {
			return graph.Op{Name: "laplaceDrawProb", Shape: rows, Run: graph.Both(laplaceDrawProb[float32], laplaceDrawProb[float64]),
				Grads: []graph.Kernel{graph.Both(laplaceDrawProbGrad[float32](d), laplaceDrawProbGrad[float64](d))}}.Apply(l.Params, u)
		},
		PathLogProb: func(z *G.Node) (*G.Node, error) {
			if err := checkNormal("laplacePath", l.Params, z); err != nil {
				return nil, err
			}
			run := graph.Both(func(l []float32, in [][]float32) { laplaceDrawProb(l, in[1:]) }, func(l []float64, in [][]float64) { laplaceDrawProb(l, in[1:]) })
			return graph.Op{Name: "laplacePath", Shape: rows, Run: run,
				Grads: []graph.Kernel{graph.Both(laplacePathGrad[float32], laplacePathGrad[float64])}}.Apply(z, l.Params, u)
		},
	}, nil
}

// laplaceNoise is u(eps). Below |eps| = ½ the logarithm is of 1 minus erf, and above 35,
// where erfc is close to the least number, of the asymptotic series of erfc.
func laplaceNoise(eps float64) float64 {
	var u float64
	switch x := math.Abs(eps) / math.Sqrt2; {
	case x < 0.35:
		u = -math.Log1p(-math.Erf(x))
	case x < 25:
		u = -math.Log(math.Erfc(x))
	default:
		y := 1 / (2 * x * x)
		u = x*x + math.Log(x*math.Sqrt(math.Pi)) - math.Log1p(-y*(1-3*y*(1-5*y*(1-7*y))))
	}
	return math.Copysign(u, eps)
}

func laplaceNoises[T graph.Float](u []T, in [][]T) {
	for i, e := range in[0] {
		u[i] = T(laplaceNoise(float64(e)))
	}
}

func laplaceProb[T graph.Float](l []T, in [][]T) {
	x, h := in[0], in[1]
	d := len(x) / len(l)
	for i := range l {
		sum := 0.0
		m, s := halves(h, i, d)
		for j := range m {
			sum += math.Abs(float64(x[i*d+j])-float64(m[j]))*math.Exp(-float64(s[j])) + float64(s[j])
		}
		l[i] = T(-sum - float64(d)*math.Ln2)
	}
}

// laplaceDX is dx = −dl·sign(x − m)/b.
func laplaceDX[T graph.Float](dx []T, in [][]T) {
	dl, x, h := in[0], in[2], in[3]
	d := len(x) / len(dl)
	for i, g := range dl {
		m, s := halves(h, i, d)
		for j := range m {
			dx[i*d+j] = T(-float64(g) * sign(float64(x[i*d+j])-float64(m[j])) * math.Exp(-float64(s[j])))
		}
	}
}

// laplaceDH is dm = dl·sign(x − m)/b and ds = dl·(|x − m|/b − 1).
func laplaceDH[T graph.Float](dh []T, in [][]T) {
	dl, x, h := in[0], in[2], in[3]
	d := len(x) / len(dl)
	for i, g := range dl {
		m, s := halves(h, i, d)
		dm, ds := halves(dh, i, d)
		for j := range m {
			e, p := float64(x[i*d+j])-float64(m[j]), math.Exp(-float64(s[j]))
			dm[j] = T(float64(g) * sign(e) * p)
			ds[j] = T(float64(g) * (math.Abs(e)*p - 1))
		}
	}
}

// sign is −1, 0 or 1.
func sign(a float64) float64 {
	switch {
	case a > 0:
		return 1
	case a < 0:
		return -1
	}
	return 0
}

func laplaceDraw[T graph.Float](d int) func(z []T, in [][]T) {
	return func(z []T, in [][]T) {
		u := in[1]
		for i := range len(z) / d {
			m, s := halves(in[0], i, d)
			for j := range m {
				z[i*d+j] = T(float64(m[j]) + math.Exp(float64(s[j]))*float64(u[i*d+j]))
			}
		}
	}
}

// laplaceDrawGrad is dm = dz and ds = dz·exp(s)·u, from dz, z, the parameters and u.
func laplaceDrawGrad[T graph.Float](d int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		dz, u := in[0], in[3]
		for i := range len(dz) / d {
			_, s := halves(in[2], i, d)
			dm, ds := halves(dh, i, d)
			copy(dm, dz[i*d:])
			for j := range ds {
				ds[j] = T(float64(dz[i*d+j]) * math.Exp(float64(s[j])) * float64(u[i*d+j]))
			}
		}
	}
}

// laplaceDrawProb is log q(z) of the draw of u, −Σ_j (|u_j| + s_j + log 2).
func laplaceDrawProb[T graph.Float](l []T, in [][]T) {
	h, u := in[0], in[1]
	d := len(u) / len(l)
	for i := range l {
		sum := 0.0
		_, s := halves(h, i, d)
		for j := range s {
			sum += math.Abs(float64(u[i*d+j])) + float64(s[j])
		}
		l[i] = T(-sum - float64(d)*math.Ln2)
	}
}

// laplaceDrawProbGrad is the total gradient, along z too: dm = 0 and ds = −dl.
func laplaceDrawProbGrad[T graph.Float](d int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		for i, g := range in[0] {
			dm, ds := halves(dh, i, d)
			clear(dm)
			for j := range ds {
				ds[j] = -g
			}
		}
	}
}

// laplacePathGrad is dz = −dl·sign(u)/b, from dl, l, z, the parameters and u.
func laplacePathGrad[T graph.Float](dz []T, in [][]T) {
	dl, h, u := in[0], in[3], in[4]
	d := len(dz) / len(dl)
	for i, g := range dl {
		_, s := halves(h, i, d)
		for j := range s {
			dz[i*d+j] = T(-float64(g) * sign(float64(u[i*d+j])) * math.Exp(-float64(s[j])))
		}
	}
}

// LaplaceValue is a row of independent Laplace variables as plain numbers.
type LaplaceValue struct {
	Loc, Logscale []float64 // [D]
}

// LogProb implements Value: −Σ_j (|x_j − m_j|/b_j + s_j + log 2).
func (l LaplaceValue) LogProb(x []float64) float64 {
	perNumber(1, l.Loc, x)
	sum := 0.0
	for j, m := range l.Loc {
		sum -= math.Abs(x[j]-m)*math.Exp(-l.Logscale[j]) + l.Logscale[j] + math.Ln2
	}
	return sum
}

// Mean implements Value: m.
func (l LaplaceValue) Mean() []float64 { return append([]float64{}, l.Loc...) }

// Sample implements Value: m + b·u, with u of density exp(−|u|)/2.
func (l LaplaceValue) Sample(src rand.Source) []float64 {
	r, x := rand.New(src), make([]float64, len(l.Loc))
	for j, m := range l.Loc {
		u := r.ExpFloat64()
		if r.Uint64()&1 == 0 {
			u = -u
		}
		x[j] = m + math.Exp(l.Logscale[j])*u
	}
	return x
}
