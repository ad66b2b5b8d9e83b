package dist

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/simd"
)

var log2Pi = math.Log(2 * math.Pi)

// StandardLogDensity computes log N(z; 0, I) = −½ Σ_j (z_j² + log 2π) of z [R,Z]:
// [R], in nats.
func StandardLogDensity(z *G.Node) (*G.Node, error) {
	const name = "standardLogDensity"
	if err := graph.SameShape(name, z); err != nil {
		return nil, err
	}
	shape := z.Shape()
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		dz, err := graph.Compute(name+".dz", shape, graph.Both(standardGrad[float32], standardGrad[float64]), dl, z)
		return G.Nodes{dz}, err
	}
	k := graph.Both(standard[float32], standard[float64])
	return graph.Op{Name: name, Shape: tensor.Shape{shape[0]}, Run: k, Wrt: []bool{true}, Diff: grad}.Apply(z)
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

func standardGrad[T graph.Float](dz []T, in [][]T) {
	simd.RowScale(dz, in[0], in[1])
	for i := range dz {
		dz[i] = -dz[i]
	}
}

// GaussianLogDensity computes log N(z; mu, diag exp logvar) of z, mu and logvar
// [R,Z]: [R], in nats,
//
//	−½ Σ_j ((z_j − mu_j)²·exp(−logvar_j) + logvar_j + log 2π)
//
// with gradients to all three.
func GaussianLogDensity(z, mu, logvar *G.Node) (*G.Node, error) {
	const name = "gaussianLogDensity"
	if err := graph.SameShape(name, z, mu, logvar); err != nil {
		return nil, err
	}
	shape := z.Shape()
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		var s graph.Steps
		dz := s.Do(graph.Compute(name+".dz", shape, graph.Both(densityDZ[float32](-1), densityDZ[float64](-1)), dl, z, mu, logvar))
		dmu := s.Do(graph.Compute(name+".dmu", shape, graph.Both(densityDZ[float32](1), densityDZ[float64](1)), dl, z, mu, logvar))
		dlogvar := s.Do(graph.Compute(name+".dlogvar", shape, graph.Both(densityDLogvar[float32], densityDLogvar[float64]), dl, z, mu, logvar))
		return G.Nodes{dz, dmu, dlogvar}, s.Err()
	}
	size := shape.TotalSize()
	k := graph.Both(density(make([]float32, size)), density(make([]float64, size)))
	return graph.Op{Name: name, Shape: tensor.Shape{shape[0]}, Run: k, Wrt: []bool{true, true, true}, Diff: grad}.Apply(z, mu, logvar)
}

// density has room for the precisions.
func density[T graph.Float](room []T) func(l []T, in [][]T) {
	return func(l []T, in [][]T) {
		z, mu, logvar := in[0], in[1], in[2]
		expNeg(room, logvar)
		n := len(z) / len(l)
		for i := range l {
			sum := 0.0
			for j := i * n; j < (i+1)*n; j++ {
				d := float64(z[j]) - float64(mu[j])
				sum += d*d*float64(room[j]) + float64(logvar[j])
			}
			l[i] = T(-(sum + float64(n)*log2Pi) / 2)
		}
	}
}

// expNeg computes exp(−logvar).
func expNeg[T graph.Float](p, logvar []T) {
	for i, v := range logvar {
		p[i] = -v
	}
	simd.Exp(p, p)
}

func densityDZ[T graph.Float](sign T) func(dz []T, in [][]T) {
	return func(dz []T, in [][]T) {
		dl, z, mu, logvar := in[0], in[1], in[2], in[3]
		expNeg(dz, logvar)
		n := len(z) / len(dl)
		for i, d := range dl {
			for j := i * n; j < (i+1)*n; j++ {
				dz[j] *= sign * d * (z[j] - mu[j])
			}
		}
	}
}

func densityDLogvar[T graph.Float](dlogvar []T, in [][]T) {
	dl, z, mu, logvar := in[0], in[1], in[2], in[3]
	expNeg(dlogvar, logvar)
	n := len(z) / len(dl)
	for i, d := range dl {
		for j := i * n; j < (i+1)*n; j++ {
			e := z[j] - mu[j]
			dlogvar[j] = d * (e*e*dlogvar[j] - 1) / 2
		}
	}
}

// DrawLogDensity computes log q(z|x) of the draw z = mu + exp(logvar/2)·eps from
// q = N(mu, diag exp logvar), with logvar and eps [R,Z]: [R], in nats,
//
//	−½ Σ_j (eps_j² + logvar_j + log 2π)
//
// The gradient is the total one, along z as well as along the parameters of q: mu
// drops out of it, and ∂/∂logvar_j = −½.
func DrawLogDensity(logvar, eps *G.Node) (*G.Node, error) {
	const name = "drawLogDensity"
	if err := graph.SameShape(name, logvar, eps); err != nil {
		return nil, err
	}
	shape := logvar.Shape()
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		d, err := graph.Compute(name+".dlogvar", shape, graph.Both(halfRows[float32], halfRows[float64]), dl)
		return G.Nodes{d, nil}, err
	}
	k := graph.Both(draw[float32], draw[float64])
	return graph.Op{Name: name, Shape: tensor.Shape{shape[0]}, Run: k, Wrt: []bool{true, false}, Diff: grad}.Apply(logvar, eps)
}

func draw[T graph.Float](l []T, in [][]T) {
	logvar, eps := in[0], in[1]
	n := len(eps) / len(l)
	for i := range l {
		sum := 0.0
		for j := i * n; j < (i+1)*n; j++ {
			sum += float64(eps[j])*float64(eps[j]) + float64(logvar[j])
		}
		l[i] = T(-(sum + float64(n)*log2Pi) / 2)
	}
}

func halfRows[T graph.Float](dlogvar []T, in [][]T) {
	simd.RowRepeat(dlogvar, in[0])
	for i := range dlogvar {
		dlogvar[i] /= -2
	}
}

// PathLogDensity is DrawLogDensity with the parameters of q held fixed: its
// gradient goes along z alone, ∂/∂z_j = −eps_j·exp(−logvar_j/2). What it leaves
// out is the score, whose expectation is zero (Roeder, Wu & Duvenaud 2017,
// arXiv:1703.09194).
func PathLogDensity(z, logvar, eps *G.Node) (*G.Node, error) {
	const name = "pathLogDensity"
	if err := graph.SameShape(name, z, logvar, eps); err != nil {
		return nil, err
	}
	shape := z.Shape()
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		dz, err := graph.Compute(name+".dz", shape, graph.Both(pathGrad[float32], pathGrad[float64]), dl, logvar, eps)
		return G.Nodes{dz, nil, nil}, err
	}
	k := graph.Both(func(l []float32, in [][]float32) { draw(l, in[1:]) }, func(l []float64, in [][]float64) { draw(l, in[1:]) })
	return graph.Op{Name: name, Shape: tensor.Shape{shape[0]}, Run: k, Wrt: []bool{true, false, false}, Diff: grad}.Apply(z, logvar, eps)
}

func pathGrad[T graph.Float](dz []T, in [][]T) {
	dl, logvar, eps := in[0], in[1], in[2]
	for i, v := range logvar {
		dz[i] = -v / 2
	}
	simd.Exp(dz, dz)
	n := len(dz) / len(dl)
	for i, d := range dl {
		for j := i * n; j < (i+1)*n; j++ {
			dz[j] *= -d * eps[j]
		}
	}
}

// MixtureLogDensity computes the log-density of z [R,Z] under a mixture of C
// Gaussians with means mu and log-variances logvar [C,Z], whose weights are the
// softmax of logits [C]: [R], in nats,
//
//	log Σ_c π_c · N(z; mu_c, diag exp logvar_c)
//
// with gradients to all four. The squares are multiplied out, so that the work is
// in matrix products: z²/σ² − 2z·mu/σ² + mu²/σ², whose terms cancel. The error in
// float32 is about 6e-8·Σ_j mu_j²/σ_j² nats.
func MixtureLogDensity(z, mu, logvar, logits *G.Node) (*G.Node, error) {
	const name = "mixtureLogDensity"
	if err := graph.SameShape(name, mu, logvar); err != nil {
		return nil, err
	}
	zs, ms, ls := z.Shape(), mu.Shape(), logits.Shape()
	if zs.Dims() != 2 || zs[1] != ms[1] || ls.Dims() != 1 || ls[0] != ms[0] {
		return nil, fmt.Errorf("dist: %s: z %v, means %v, logits %v, want [R,Z], [C,Z], [C]", name, zs, ms, ls)
	}
	k32, k64 := newMixture[float32](zs, ms), newMixture[float64](zs, ms)
	grad := func(l, dl *G.Node) (G.Nodes, error) {
		var s graph.Steps // l is an input so that the forward pass, which leaves its responsibilities, comes first
		dz := s.Do(graph.Compute(name+".dz", zs, graph.Both(k32.dz, k64.dz), dl, z, mu, logvar, l))
		dmu := s.Do(graph.Compute(name+".dmu", ms, graph.Both(k32.dmu, k64.dmu), dl, z, mu, logvar, l))
		dlogvar := s.Do(graph.Compute(name+".dlogvar", ms, graph.Both(k32.dlogvar, k64.dlogvar), dl, z, mu, logvar, l))
		dlogits := s.Do(graph.Compute(name+".dlogits", ls, graph.Both(k32.dlogits, k64.dlogits), dl, z, mu, logvar, l))
		return G.Nodes{dz, dmu, dlogvar, dlogits}, s.Err()
	}
	return graph.Op{Name: name, Shape: tensor.Shape{zs[0]}, Run: graph.Both(k32.forward, k64.forward), Wrt: []bool{true, true, true, true}, Diff: grad}.Apply(z, mu, logvar, logits)
}

// mixture is what the passes over a mixture share.
type mixture[T graph.Float] struct {
	r, c, z int
	resp    []T // [R,C], p(c|z) of the last forward pass
	weights []T // [C], π
	prec    []T // [C,Z], exp(−logvar)
	scaled  []T // [C,Z], mu·prec
	squares []T // [R,Z], z²
	room    []T // [C,Z]
	rowRoom []T // [R,Z]
}

func newMixture[T graph.Float](z, mu tensor.Shape) *mixture[T] {
	return &mixture[T]{r: z[0], c: mu[0], z: z[1]}
}

func (m *mixture[T]) forward(l []T, in [][]T) {
	z, mu, logvar, logits := in[0], in[1], in[2], in[3]
	if m.resp == nil { // of the precision that is in use
		m.resp, m.weights = make([]T, m.r*m.c), make([]T, m.c)
		m.prec, m.scaled, m.room = make([]T, m.c*m.z), make([]T, m.c*m.z), make([]T, m.c*m.z)
		m.squares, m.rowRoom = make([]T, m.r*m.z), make([]T, m.r*m.z)
	}
	expNeg(m.prec, logvar)
	for i, v := range mu {
		m.scaled[i] = v * m.prec[i]
	}
	for i, v := range z {
		m.squares[i] = v * v
	}
	top := math.Inf(-1)
	for _, v := range logits {
		top = max(top, float64(v))
	}
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - top)
	}
	norm := top + math.Log(sum)
	for c := range m.c {
		logPi := float64(logits[c]) - norm
		m.weights[c] = T(math.Exp(logPi))
		at := 0.0 // what does not depend on z
		for j := c * m.z; j < (c+1)*m.z; j++ {
			at += float64(mu[j])*float64(m.scaled[j]) + float64(logvar[j])
		}
		at = logPi - (at+float64(m.z)*log2Pi)/2
		for r := range m.r {
			m.resp[r*m.c+c] = T(at)
		}
	}
	simd.Gemm(false, true, m.r, m.c, m.z, -0.5, m.squares, m.z, m.prec, m.z, 1, m.resp, m.c)
	simd.Gemm(false, true, m.r, m.c, m.z, 1, z, m.z, m.scaled, m.z, 1, m.resp, m.c)
	for r := range l {
		row := m.resp[r*m.c : (r+1)*m.c]
		top := row[0]
		for _, v := range row {
			top = max(top, v)
		}
		for c := range row {
			row[c] -= top
		}
		l[r] = top
	}
	simd.Exp(m.resp, m.resp)
	for r := range l {
		row := m.resp[r*m.c : (r+1)*m.c]
		sum := 0.0
		for _, v := range row {
			sum += float64(v)
		}
		l[r] += T(math.Log(sum))
		for c := range row {
			row[c] /= T(sum)
		}
	}
}

// dz = −dl·Σ_c resp_c·(z − mu_c)·prec_c.
func (m *mixture[T]) dz(dz []T, in [][]T) {
	dl, z := in[0], in[1]
	simd.Gemm(false, false, m.r, m.z, m.c, 1, m.resp, m.c, m.prec, m.z, 0, m.rowRoom, m.z)
	simd.Gemm(false, false, m.r, m.z, m.c, 1, m.resp, m.c, m.scaled, m.z, 0, dz, m.z)
	for r, d := range dl {
		for j := r * m.z; j < (r+1)*m.z; j++ {
			dz[j] = d * (dz[j] - z[j]*m.rowRoom[j])
		}
	}
}

// sums returns Σ_r dl_r·resp_rc for each component, and leaves Σ_r dl_r·resp_rc·a_r
// in out for rows a [R,Z].
func (m *mixture[T]) sums(out, dl, a []T) []T {
	total := make([]T, m.c)
	for r, d := range dl {
		for j := r * m.z; j < (r+1)*m.z; j++ {
			m.rowRoom[j] = d * a[j]
		}
		for c, p := range m.resp[r*m.c : (r+1)*m.c] {
			total[c] += d * p
		}
	}
	simd.Gemm(true, false, m.c, m.z, m.r, 1, m.resp, m.c, m.rowRoom, m.z, 0, out, m.z)
	return total
}

// dmu_c = Σ_r dl·resp·(z − mu_c)·prec_c.
func (m *mixture[T]) dmu(dmu []T, in [][]T) {
	total := m.sums(dmu, in[0], in[1])
	for i := range dmu {
		dmu[i] = dmu[i]*m.prec[i] - total[i/m.z]*m.scaled[i]
	}
}

// dlogvar_c = ½ Σ_r dl·resp·((z − mu_c)²·prec_c − 1).
func (m *mixture[T]) dlogvar(dlogvar []T, in [][]T) {
	mu := in[2]
	total := m.sums(dlogvar, in[0], m.squares)
	m.sums(m.room, in[0], in[1])
	for i := range dlogvar {
		t := total[i/m.z]
		dlogvar[i] = ((dlogvar[i]-2*mu[i]*m.room[i])*m.prec[i] + t*(mu[i]*m.scaled[i]-1)) / 2
	}
}

// dlogits_c = Σ_r dl·(resp_c − π_c).
func (m *mixture[T]) dlogits(dlogits []T, in [][]T) {
	clear(dlogits)
	for r, d := range in[0] {
		for c, p := range m.resp[r*m.c : (r+1)*m.c] {
			dlogits[c] += d * (p - m.weights[c])
		}
	}
}
