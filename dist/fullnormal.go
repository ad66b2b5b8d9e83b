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

// FullNormal is the family of Gaussians N(mu, L·Lᵀ) with any covariance. The parameters of a
// row are its means mu [D], then the lower triangle of the Cholesky factor L row by row, D(D+1)/2
// numbers: L_00; L_10, L_11; and so on. On the diagonal stands the logarithm of L_ii, which makes
// the factor unique and every number a valid parameter.
//
//	z = mu + L·eps     log q(z) = −½ Σ_j (eps_j² + log 2π) − Σ_j log L_jj
//
// With nothing below the diagonal it is Normal at logvar_j = 2·log L_jj. A density takes D²
// operations a row.
//
// Source: Kingma & Welling 2019, An Introduction to Variational Autoencoders, section 2.5.1,
// arXiv:1906.02691.
type FullNormal struct{}

// Name implements Family.
func (FullNormal) Name() string { return "full-normal" }

// Domain implements Family.
func (FullNormal) Domain() Domain { return Real }

// Outputs implements Family: dim + dim·(dim+1)/2.
func (FullNormal) Outputs(dim int) int { return dim + triangle(dim) }

// Noise implements Code: dim.
func (FullNormal) Noise(dim int) int { return dim }

// Params implements Family: none.
func (FullNormal) Params() []*nn.Param { return nil }

// triangle is where row i of a lower triangle starts, and the size of one with i rows.
func triangle(i int) int { return i * (i + 1) / 2 }

// fullDim is the D of which a row has so many parameters; it is false if there is none.
func fullDim(width int) (dim int, ok bool) {
	for (FullNormal{}).Outputs(dim) < width {
		dim++
	}
	return dim, dim > 0 && FullNormal{}.Outputs(dim) == width
}

// On implements Family; it is a *FullNormalBatch.
func (FullNormal) On(params *G.Node) (Dist, error) {
	if s := params.Shape(); s.Dims() == 2 {
		if d, ok := fullDim(s[1]); ok {
			return &FullNormalBatch{params, d}, nil
		}
	}
	return nil, fmt.Errorf("dist: full-normal: parameters of shape %v, want means and factors [R,D+D(D+1)/2]", params.Shape())
}

// At implements Family; it is a FullNormalValue.
func (FullNormal) At(params []float64) Value {
	d, ok := fullDim(len(params))
	if !ok {
		panic(fmt.Sprintf("dist: %d parameters, want D+D(D+1)/2", len(params)))
	}
	return FullNormalValue{params[:d:d], params[d:]}
}

// FullNormalBatch is a batch of Gaussians with any covariance on a graph.
type FullNormalBatch struct {
	Params *G.Node // [R,D+D(D+1)/2]: mu, then the factor
	Dim    int     // D
}

// Rows is the number of rows R.
func (n *FullNormalBatch) Rows() int { return n.Params.Shape()[0] }

// check returns an error unless all rows are [R,D].
func (n *FullNormalBatch) check(name string, rows *G.Node) error {
	ps, s := n.Params.Shape(), rows.Shape()
	if ps.Dims() != 2 || s.Dims() != 2 || s[0] != ps[0] || s[1] != n.Dim || ps[1] != (FullNormal{}).Outputs(n.Dim) {
		return fmt.Errorf("dist: %s: parameters %v and rows %v, want [R,D+D(D+1)/2] and [R,D]", name, ps, s)
	}
	return nil
}

// Center implements Drawable: mu [R,D].
func (n *FullNormalBatch) Center() (*G.Node, error) { return graph.Columns(n.Params, 0, n.Dim) }

// LogProb implements Dist: −½ Σ_j (y_j² + log 2π) − Σ_j log L_jj of x [R,D], where L·y = x − mu.
// With w = L⁻ᵀ·y the gradients are −w for x, w for mu, w_i·y_j for L_ij, and w_j·y_j·L_jj − 1 for
// log L_jj.
func (n *FullNormalBatch) LogProb(x *G.Node) (*G.Node, error) {
	const name = "fullNormal"
	if err := n.check(name, x); err != nil {
		return nil, err
	}
	d := n.Dim
	return graph.Op{Name: name, Shape: tensor.Shape{x.Shape()[0]}, Run: graph.Both(fullProb[float32](d), fullProb[float64](d)),
		Grads: []graph.Kernel{graph.Both(fullDX[float32](d), fullDX[float64](d)), graph.Both(fullDH[float32](d), fullDH[float64](d))},
	}.Apply(x, n.Params)
}

// Draw implements Drawable: z = mu + L·eps.
func (n *FullNormalBatch) Draw(eps *G.Node) (*Draw, error) {
	if err := n.check("fullNormalDraw", eps); err != nil {
		return nil, err
	}
	d, rows := n.Dim, tensor.Shape{eps.Shape()[0]}
	z, err := graph.Op{Name: "fullNormalDraw", Shape: eps.Shape(), Run: graph.Both(fullDraw[float32](d), fullDraw[float64](d)),
		Grads: []graph.Kernel{graph.Both(fullDrawGrad[float32](d), fullDrawGrad[float64](d))}}.Apply(n.Params, eps)
	if err != nil {
		return nil, err
	}
	return &Draw{Z: z, Eps: eps,
		LogProb: func() (*G.Node, error) {
			return graph.Op{Name: "fullNormalDrawProb", Shape: rows, Run: graph.Both(fullDrawProb[float32](d), fullDrawProb[float64](d)),
				Grads: []graph.Kernel{graph.Both(fullDrawProbGrad[float32](d), fullDrawProbGrad[float64](d))}}.Apply(n.Params, eps)
		},
		PathLogProb: func(z *G.Node) (*G.Node, error) {
			if err := n.check("fullNormalPath", z); err != nil {
				return nil, err
			}
			f32, f64 := fullDrawProb[float32](d), fullDrawProb[float64](d)
			run := graph.Both(func(l []float32, in [][]float32) { f32(l, in[1:]) }, func(l []float64, in [][]float64) { f64(l, in[1:]) })
			return graph.Op{Name: "fullNormalPath", Shape: rows, Run: run,
				Grads: []graph.Kernel{graph.Both(fullPathGrad[float32](d), fullPathGrad[float64](d))}}.Apply(z, n.Params, eps)
		},
	}, nil
}

// fullRow is mu and the factor of row i of parameters h.
func fullRow[T graph.Float](h []T, i, d int) (mu, factor []T) {
	w := d + triangle(d)
	return h[i*w : i*w+d], h[i*w+d : (i+1)*w]
}

// factorSolve turns y = x − mu into L⁻¹·y, and adds the log-diagonal up.
func factorSolve[T graph.Float](factor []T, y []float64) (logDet float64) {
	for i := range y {
		row := factor[triangle(i) : triangle(i)+i+1]
		for j := range i {
			y[i] -= float64(row[j]) * y[j]
		}
		y[i] *= math.Exp(-float64(row[i]))
		logDet += float64(row[i])
	}
	return logDet
}

// factorSolveT turns y into L⁻ᵀ·y.
func factorSolveT[T graph.Float](factor []T, y []float64) {
	for i := len(y) - 1; i >= 0; i-- {
		row := factor[triangle(i) : triangle(i)+i+1]
		y[i] *= math.Exp(-float64(row[i]))
		for j := range i {
			y[j] -= float64(row[j]) * y[i]
		}
	}
}

// solved leaves y = L⁻¹·(x − mu) of row i in y.
func solved[T graph.Float](y []float64, x, h []T, i int) (logDet float64) {
	mu, factor := fullRow(h, i, len(y))
	for j, m := range mu {
		y[j] = float64(x[i*len(y)+j]) - float64(m)
	}
	return factorSolve(factor, y)
}

func fullProb[T graph.Float](d int) func(l []T, in [][]T) {
	y := make([]float64, d)
	return func(l []T, in [][]T) {
		for i := range l {
			logDet, sum := solved(y, in[0], in[1], i), 0.0
			for _, v := range y {
				sum += v * v
			}
			l[i] = T(-(sum+float64(d)*log2Pi)/2 - logDet)
		}
	}
}

// fullDX is dx = −dl·w, from dl, l, x and the parameters.
func fullDX[T graph.Float](d int) func(dx []T, in [][]T) {
	y := make([]float64, d)
	return func(dx []T, in [][]T) {
		for i, g := range in[0] {
			solved(y, in[2], in[3], i)
			_, factor := fullRow(in[3], i, d)
			factorSolveT(factor, y)
			for j, w := range y {
				dx[i*d+j] = T(-float64(g) * w)
			}
		}
	}
}

// fullDH is the gradient along mu and the factor, from the same.
func fullDH[T graph.Float](d int) func(dh []T, in [][]T) {
	y, w := make([]float64, d), make([]float64, d)
	return func(dh []T, in [][]T) {
		for i, dl := range in[0] {
			g := float64(dl)
			solved(y, in[2], in[3], i)
			copy(w, y)
			_, factor := fullRow(in[3], i, d)
			factorSolveT(factor, w)
			dmu, df := fullRow(dh, i, d)
			for a := range d {
				dmu[a] = T(g * w[a])
				at := triangle(a)
				for b := range a {
					df[at+b] = T(g * w[a] * y[b])
				}
				df[at+a] = T(g * (w[a]*y[a]*math.Exp(float64(factor[at+a])) - 1))
			}
		}
	}
}

func fullDraw[T graph.Float](d int) func(z []T, in [][]T) {
	return func(z []T, in [][]T) {
		for i := range len(z) / d {
			mu, factor := fullRow(in[0], i, d)
			eps := in[1][i*d : (i+1)*d]
			for a := range d {
				at := triangle(a)
				v := float64(mu[a]) + math.Exp(float64(factor[at+a]))*float64(eps[a])
				for b := range a {
					v += float64(factor[at+b]) * float64(eps[b])
				}
				z[i*d+a] = T(v)
			}
		}
	}
}

// fullDrawGrad is dmu = dz, dL_ij = dz_i·eps_j and, for log L_jj, dz_j·eps_j·L_jj, from dz, z, the
// parameters and eps.
func fullDrawGrad[T graph.Float](d int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		for i := range len(in[0]) / d {
			dz, eps := in[0][i*d:(i+1)*d], in[3][i*d:(i+1)*d]
			_, factor := fullRow(in[2], i, d)
			dmu, df := fullRow(dh, i, d)
			copy(dmu, dz)
			for a, g := range dz {
				at := triangle(a)
				for b := range a {
					df[at+b] = g * eps[b]
				}
				df[at+a] = T(float64(g) * float64(eps[a]) * math.Exp(float64(factor[at+a])))
			}
		}
	}
}

// fullDrawProb is log q(z) of the draw of eps, from the parameters and eps.
func fullDrawProb[T graph.Float](d int) func(l []T, in [][]T) {
	return func(l []T, in [][]T) {
		for i := range l {
			_, factor := fullRow(in[0], i, d)
			sum, logDet := 0.0, 0.0
			for a, e := range in[1][i*d : (i+1)*d] {
				sum += float64(e) * float64(e)
				logDet += float64(factor[triangle(a)+a])
			}
			l[i] = T(-(sum+float64(d)*log2Pi)/2 - logDet)
		}
	}
}

// fullDrawProbGrad is the total gradient, along z too: −dl for log L_jj, 0 for all others.
func fullDrawProbGrad[T graph.Float](d int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		clear(dh)
		for i, g := range in[0] {
			_, df := fullRow(dh, i, d)
			for a := range d {
				df[triangle(a)+a] = -g
			}
		}
	}
}

// fullPathGrad is dz = −dl·L⁻ᵀ·eps, from dl, l, z, the parameters and eps.
func fullPathGrad[T graph.Float](d int) func(dz []T, in [][]T) {
	y := make([]float64, d)
	return func(dz []T, in [][]T) {
		for i, g := range in[0] {
			for j := range y {
				y[j] = float64(in[4][i*d+j])
			}
			_, factor := fullRow(in[3], i, d)
			factorSolveT(factor, y)
			for j, w := range y {
				dz[i*d+j] = T(-float64(g) * w)
			}
		}
	}
}

// FullNormalValue is a Gaussian with any covariance as plain numbers.
type FullNormalValue struct {
	Mu     []float64 // [D]
	Factor []float64 // [D(D+1)/2], L row by row, with its diagonal as logarithms
}

// LogProb implements Value: −½ Σ_j (y_j² + log 2π) − Σ_j log L_jj, where L·y = x − mu.
func (n FullNormalValue) LogProb(x []float64) float64 {
	perNumber(1, n.Mu, x)
	y := make([]float64, len(x))
	for j, v := range x {
		y[j] = v - n.Mu[j]
	}
	logDet, sum := factorSolve(n.Factor, y), 0.0
	for _, v := range y {
		sum += v*v + log2Pi
	}
	return -sum/2 - logDet
}

// Mean implements Value: mu.
func (n FullNormalValue) Mean() []float64 { return append([]float64{}, n.Mu...) }

// Covariance is L·Lᵀ, [D,D] row by row.
func (n FullNormalValue) Covariance() []float64 {
	d := len(n.Mu)
	l, c := make([]float64, d*d), make([]float64, d*d)
	for i := range d {
		copy(l[i*d:i*d+i], n.Factor[triangle(i):])
		l[i*d+i] = math.Exp(n.Factor[triangle(i)+i])
	}
	for i := range d {
		for j := range d {
			for k := range d {
				c[i*d+j] += l[i*d+k] * l[j*d+k]
			}
		}
	}
	return c
}

// Sample implements Value: mu + L·N(0,I).
func (n FullNormalValue) Sample(src rand.Source) []float64 {
	r, d := rand.New(src), len(n.Mu)
	eps, z := make([]float64, d), make([]float64, d)
	for j := range eps {
		eps[j] = r.NormFloat64()
	}
	fullDraw[float64](d)(z, [][]float64{append(n.Mean(), n.Factor...), eps})
	return z
}
