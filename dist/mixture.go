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

// Mixture is the prior p(z) = Σ_c π_c N(z; mu_c, diag exp logvar_c), with everything in it
// learned; π is the softmax of the logits.
type Mixture struct {
	Mu, Logvar *nn.Param // [C,Z]
	Logits     *nn.Param // [C]
}

// NewMixture makes a mixture of float32 or float64, whose means are drawn from N(0,I), whose
// variances are 1, and whose components weigh the same. It is an error if there is no component
// or no dimension.
func NewMixture(components, latent int, dt tensor.Dtype, src rand.Source) (Mixture, error) {
	if components < 1 || latent < 1 {
		return Mixture{}, fmt.Errorf("dist: a mixture of %d components of %d dimensions, want at least 1 of each", components, latent)
	}
	m := Mixture{nn.NewParam(dt, "prior.mu", components, latent), nn.NewParam(dt, "prior.logvar", components, latent), nn.NewParam(dt, "prior.logits", components)}
	m.Mu.Fill(rand.New(src).NormFloat64)
	return m, nil
}

// Name implements Prior.
func (Mixture) Name() string { return "mixture" }

// Params implements Prior.
func (m Mixture) Params() []*nn.Param { return []*nn.Param{m.Mu, m.Logvar, m.Logits} }

// On implements Prior: a MixtureBatch, whatever the labels.
func (m Mixture) On(g *G.ExprGraph, _ *G.Node) (Dist, error) {
	return MixtureBatch{m.Mu.Node(g), m.Logvar.Node(g), m.Logits.Node(g)}, nil
}

// At implements Prior: a MixtureValue, whatever the labels.
func (m Mixture) At([]float64) (Value, error) {
	logits := m.Logits.Numbers()
	var sum LogSumExp
	for _, v := range logits {
		sum.Add(v)
	}
	v := MixtureValue{Weights: logits}
	for c, l := range logits {
		v.Weights[c] = math.Exp(l - sum.Value())
	}
	v.Parts = NormalsOf(m.Mu.Numbers(), m.Logvar.Numbers(), len(logits))
	return v, nil
}

// Sample implements Prior: a component for each code, drawn first, then the codes.
func (m Mixture) Sample(n int, _ []float32, temperature float64, src rand.Source) ([]float32, error) {
	v, err := m.At(nil)
	if err != nil {
		return nil, err
	}
	return v.(MixtureValue).SampleN(n, temperature, src), nil
}

// MixtureBatch is a mixture of diagonal Gaussians on a graph, the same for each row.
type MixtureBatch struct {
	Mu, Logvar *G.Node // [C,Z]
	Logits     *G.Node // [C], whose softmax are the weights
}

// LogProb implements Dist: log Σ_c π_c N(z; mu_c, diag exp logvar_c), with gradients to
// z and to the parameters.
func (m MixtureBatch) LogProb(z *G.Node) (*G.Node, error) {
	return MixtureNode(z, m.Mu, m.Logvar, m.Logits)
}

// MixtureValue is a mixture of diagonal Gaussians as plain numbers.
type MixtureValue struct {
	Weights []float64 // [C], which sum to 1
	Parts   []NormalValue
}

// NormalsOf makes the components of means and log-variances [components,Z].
func NormalsOf(mu, logvar []float64, components int) []NormalValue {
	z := len(mu) / components
	parts := make([]NormalValue, components)
	for c := range parts {
		parts[c] = NormalValue{mu[c*z : (c+1)*z], logvar[c*z : (c+1)*z]}
	}
	return parts
}

// LogProb implements Value.
func (m MixtureValue) LogProb(z []float64) float64 {
	var sum LogSumExp
	for c, p := range m.Parts {
		sum.Add(math.Log(m.Weights[c]) + p.LogProb(z))
	}
	return sum.Value()
}

// Mean implements Value: Σ_c π_c·mu_c.
func (m MixtureValue) Mean() []float64 {
	mean := make([]float64, len(m.Parts[0].Mu))
	for c, p := range m.Parts {
		for j, v := range p.Mu {
			mean[j] += m.Weights[c] * v
		}
	}
	return mean
}

// Sample implements Value: a draw from a component that is drawn by its weight.
func (m MixtureValue) Sample(src rand.Source) []float64 {
	return m.Parts[pick(m.Weights, rand.New(src))].Sample(src)
}

// pick draws a component by its weight.
func pick(weights []float64, r *rand.Rand) int {
	c, u := 0, r.Float64()
	for u -= weights[0]; u >= 0 && c < len(weights)-1; u -= weights[c] {
		c++
	}
	return c
}

// SampleN draws n codes [n,Z]: first a component for each, then the codes, with each
// standard deviation multiplied by temperature.
func (m MixtureValue) SampleN(n int, temperature float64, src rand.Source) []float32 {
	dim := len(m.Parts[0].Mu)
	h := make([]float32, 2*n*dim)
	r := rand.New(src)
	for i := range n {
		p := m.Parts[pick(m.Weights, r)]
		mu, logvar := halves(h, i, dim)
		for j := range mu {
			mu[j], logvar[j] = float32(p.Mu[j]), float32(p.Logvar[j])
		}
	}
	return SampleNormals(h, dim, temperature, src)
}

// MixtureNode computes the log-density of z [R,Z] under a mixture of C
// Gaussians with means mu and log-variances logvar [C,Z], whose weights are the
// softmax of logits [C]: [R], in nats,
//
//	log Σ_c π_c · N(z; mu_c, diag exp logvar_c)
//
// with gradients to all four. The squares are multiplied out, so that the work is
// in matrix products: z²/σ² − 2z·mu/σ² + mu²/σ², whose terms cancel. The error in
// float32 is about 6e-8·Σ_j mu_j²/σ_j² nats.
func MixtureNode(z, mu, logvar, logits *G.Node) (*G.Node, error) {
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

// expNeg computes exp(−logvar).
func expNeg[T graph.Float](p, logvar []T) {
	for i, v := range logvar {
		p[i] = -v
	}
	simd.Exp(p, p)
}
