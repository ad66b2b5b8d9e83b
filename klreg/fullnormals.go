package klreg

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
)

// FullNormal returns KL(N(mu, L·Lᵀ) ‖ N(0, I)) in nats, from the means mu [Z] and the factor
// [Z(Z+1)/2] as dist.FullNormal has them: L row by row, with log L_jj on its diagonal.
//
//	KL = ½ Σ_j (mu_j² + L_jj² − 1 − log L_jj²) + ½ Σ_{i>j} L_ij²
//
// It is zero at mu = 0 and L = I, and positive elsewhere. It is no sum over latent dimensions,
// which depend on one another. ∂KL/∂mu_j = mu_j, ∂KL/∂L_ij = L_ij and ∂KL/∂log L_jj = L_jj² − 1.
// It panics if the lengths don't fit.
//
// Source: Soch et al., The Book of Statistical Proofs, P92 (multivariate normal).
func FullNormal(mu, factor []float64) float64 {
	sameLen(len(factor), triangle(len(mu)))
	return fullNormalKL(mu, factor)
}

func fullNormalKL[T graph.Float](mu, factor []T) (kl float64) {
	at := 0
	for i, m := range mu {
		kl += float64(m) * float64(m) / 2
		for _, l := range factor[at : at+i] {
			kl += float64(l) * float64(l) / 2
		}
		kl += expm1Minus(2*float64(factor[at+i])) / 2
		at += i + 1
	}
	return kl
}

// FullNormals returns KL(N(mu1, L1·L1ᵀ) ‖ N(mu2, L2·L2ᵀ)) in nats, from means [Z] and factors
// [Z(Z+1)/2] as FullNormal takes them:
//
//	KL = ½ (‖A‖² − Z + ‖y‖²) + Σ_j (log L2_jj − log L1_jj),  A = L2⁻¹·L1,  y = L2⁻¹·(mu1 − mu2)
//
// where ‖A‖² is the sum of all A_ij². With B = L2⁻ᵀ·A and w = L2⁻ᵀ·y, its gradient is w along mu1,
// −w along mu2, B_ij along L1_ij and −(B·Aᵀ + w·yᵀ)_ij along L2_ij, i > j; it is B_jj·L1_jj − 1
// along log L1_jj, and 1 − (B·Aᵀ + w·yᵀ)_jj·L2_jj along log L2_jj. It panics if the lengths
// don't fit.
//
// Source: Soch et al., The Book of Statistical Proofs, P92 (multivariate normal).
func FullNormals(mu1, factor1, mu2, factor2 []float64) float64 {
	z := len(mu1)
	sameLen(z, len(mu2))
	sameLen(len(factor1), triangle(z))
	sameLen(len(factor2), triangle(z))
	return newFullPair(z).solve(append(mu1[:z:z], factor1...), append(mu2[:z:z], factor2...))
}

// triangle is where row i of a lower triangle starts, and the size of one with i rows.
func triangle(i int) int { return i * (i + 1) / 2 }

// fullPair is what the passes over a pair of Gaussians share, in room for one pair.
type fullPair struct {
	z      int
	q, p   []float64 // [Z+Z(Z+1)/2], room for parameters
	l1, l2 []float64 // [Z,Z], the factors
	a, b   []float64 // [Z,Z], L2⁻¹·L1 and L2⁻ᵀ·a
	y, w   []float64 // [Z], L2⁻¹·(mu1 − mu2) and L2⁻ᵀ·y
}

func newFullPair(z int) *fullPair {
	room := func(n int) []float64 { return make([]float64, n) }
	return &fullPair{z, room(z + triangle(z)), room(z + triangle(z)), room(z * z), room(z * z), room(z * z), room(z * z), room(z), room(z)}
}

// solve sets a and y of parameters q and p, and returns the divergence. It is a sum of numbers
// that are not negative.
func (f *fullPair) solve(q, p []float64) (kl float64) {
	square(f.l1, q[f.z:], f.z)
	square(f.l2, p[f.z:], f.z)
	for j := range f.y {
		f.y[j] = q[j] - p[j]
	}
	copy(f.a, f.l1)
	solveLower(f.l2, f.a, f.z)
	solveLower(f.l2, f.y, f.z)
	for i, y := range f.y {
		kl += y * y / 2
		for _, a := range f.a[i*f.z : i*f.z+i] {
			kl += a * a / 2
		}
		log := f.z + triangle(i) + i
		kl += expm1Minus(2*(q[log]-p[log])) / 2
	}
	return kl
}

// solveT sets b and w, after solve.
func (f *fullPair) solveT() {
	copy(f.b, f.a)
	copy(f.w, f.y)
	solveLowerT(f.l2, f.b, f.z)
	solveLowerT(f.l2, f.w, f.z)
}

// square writes a factor, whose diagonal is logarithms, as a matrix l [Z,Z].
func square(l, factor []float64, z int) {
	clear(l)
	for i := range z {
		row := factor[triangle(i) : triangle(i)+i+1]
		copy(l[i*z:], row)
		l[i*z+i] = math.Exp(row[i])
	}
}

// solveLower turns x [Z,·] into l⁻¹·x.
func solveLower(l, x []float64, z int) {
	n := len(x) / z
	for i := range z {
		for c := range n {
			for k := range i {
				x[i*n+c] -= l[i*z+k] * x[k*n+c]
			}
			x[i*n+c] /= l[i*z+i]
		}
	}
}

// solveLowerT turns x [Z,·] into l⁻ᵀ·x.
func solveLowerT(l, x []float64, z int) {
	n := len(x) / z
	for i := z - 1; i >= 0; i-- {
		for c := range n {
			for k := i + 1; k < z; k++ {
				x[i*n+c] -= l[k*z+i] * x[k*n+c]
			}
			x[i*n+c] /= l[i*z+i]
		}
	}
}

// dq is the gradient along the parameters of q, written to row.
func (f *fullPair) dq(row []float64) {
	copy(row, f.w)
	for i := range f.z {
		at := f.z + triangle(i)
		copy(row[at:at+i+1], f.b[i*f.z:])
		row[at+i] = row[at+i]*f.l1[i*f.z+i] - 1
	}
}

// dp is the gradient along the parameters of p.
func (f *fullPair) dp(row []float64) {
	for i, w := range f.w {
		row[i] = -w
		at := f.z + triangle(i)
		for j := range i + 1 {
			sum := w * f.y[j]
			for k := range f.z {
				sum += f.b[i*f.z+k] * f.a[j*f.z+k]
			}
			row[at+j] = -sum
		}
		row[at+i] = row[at+i]*f.l2[i*f.z+i] + 1
	}
}

func init() {
	Register(&dist.FullNormalBatch{}, dist.StandardBatch{}, func(q, _ dist.Dist) (*G.Node, error) {
		n := q.(*dist.FullNormalBatch)
		return fullNormalNode(n.Params, n.Dim)
	})
	Register(&dist.FullNormalBatch{}, &dist.FullNormalBatch{}, func(q, p dist.Dist) (*G.Node, error) {
		n := q.(*dist.FullNormalBatch)
		return fullNormalsNode(n.Params, p.(*dist.FullNormalBatch).Params, n.Dim)
	})
}

// fullNormalNode computes FullNormal of each row: parameters [R,Z+Z(Z+1)/2] to [R,1].
func fullNormalNode(h *G.Node, z int) (*G.Node, error) {
	s := h.Shape()
	if s.Dims() != 2 || s[1] != z+triangle(z) {
		return nil, fmt.Errorf("klreg: fullNormalKL of shape %v, want means and factors [R,%d]", s, z+triangle(z))
	}
	return graph.Op{Name: "fullNormalKL", Shape: tensor.Shape{s[0], 1}, Run: graph.Both(fullNormals[float32](z), fullNormals[float64](z)),
		Grads: []graph.Kernel{graph.Both(fullNormalsGrad[float32](z), fullNormalsGrad[float64](z))}}.Apply(h)
}

func fullNormals[T graph.Float](z int) func(kl []T, in [][]T) {
	return func(kl []T, in [][]T) {
		width := z + triangle(z)
		for i := range kl {
			row := in[0][i*width : (i+1)*width]
			kl[i] = T(fullNormalKL(row[:z], row[z:]))
		}
	}
}

// fullNormalsGrad is dkl·h, and dkl·(L_jj² − 1) on the diagonal, from dkl, kl and h.
func fullNormalsGrad[T graph.Float](z int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		width := z + triangle(z)
		for i, g := range in[0] {
			for j := i * width; j < (i+1)*width; j++ {
				dh[j] = g * in[2][j]
			}
			for j := range z {
				at := i*width + z + triangle(j) + j
				dh[at] = T(float64(g) * math.Expm1(2*float64(in[2][at])))
			}
		}
	}
}

// fullNormalsNode computes FullNormals of each pair of rows: [R,1].
func fullNormalsNode(q, p *G.Node, z int) (*G.Node, error) {
	s := q.Shape()
	if s.Dims() != 2 || s[1] != z+triangle(z) || !p.Shape().Eq(s) {
		return nil, fmt.Errorf("klreg: fullNormalsKL of shapes %v and %v, want means and factors [R,%d] of both", s, p.Shape(), z+triangle(z))
	}
	return graph.Op{Name: "fullNormalsKL", Shape: tensor.Shape{s[0], 1}, Run: graph.Both(fullPairs[float32](z), fullPairs[float64](z)),
		Grads: []graph.Kernel{graph.Both(fullPairsGrad[float32](z, (*fullPair).dq), fullPairsGrad[float64](z, (*fullPair).dq)),
			graph.Both(fullPairsGrad[float32](z, (*fullPair).dp), fullPairsGrad[float64](z, (*fullPair).dp))},
	}.Apply(q, p)
}

func fullPairs[T graph.Float](z int) func(kl []T, in [][]T) {
	f := newFullPair(z)
	return func(kl []T, in [][]T) {
		for i := range kl {
			kl[i] = T(f.solve(rowOf(f.q, in[0], i), rowOf(f.p, in[1], i)))
		}
	}
}

// fullPairsGrad is dkl times one of the gradients, from dkl, kl, q and p.
func fullPairsGrad[T graph.Float](z int, of func(f *fullPair, row []float64)) func(d []T, in [][]T) {
	f := newFullPair(z)
	row := make([]float64, z+triangle(z))
	return func(d []T, in [][]T) {
		for i, g := range in[0] {
			f.solve(rowOf(f.q, in[2], i), rowOf(f.p, in[3], i))
			f.solveT()
			of(f, row)
			for j, v := range row {
				d[i*len(row)+j] = T(float64(g) * v)
			}
		}
	}
}

// rowOf copies row i of rows [R,·] into room.
func rowOf[T graph.Float](room []float64, rows []T, i int) []float64 {
	for j := range room {
		room[j] = float64(rows[i*len(room)+j])
	}
	return room
}
