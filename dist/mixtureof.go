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

// MixtureOf is the family of mixtures of C distributions of one family:
//
//	p(x) = Σ_c π_c·p_c(x)     π = softmax of the logits
//
// A whole row is of one component. The parameters of a row are the C logits, then those of
// each component, P = Base.Outputs(dim) numbers each. As a prior it is a Learned one; Mixture is
// a faster one of diagonal Gaussians.
//
// Source: Bishop 2006, Pattern Recognition and Machine Learning, eq. 9.47.
type MixtureOf struct {
	Base       Family // of each component
	Components int    // C, at least 1
}

// Validate returns an error if there is no Base, or no component, or what is wrong with Base.
func (m MixtureOf) Validate() error {
	if m.Base == nil {
		return fmt.Errorf("dist: a mixture of %d components without a Base, want a family", m.Components)
	}
	if err := validate(m.Base); err != nil {
		return err
	}
	if m.Components < 1 {
		return fmt.Errorf("dist: a mixture of %d components of family %s, want at least 1", m.Components, m.Base.Name())
	}
	return nil
}

// Name implements Family: that of Base, and "-mixture".
func (m MixtureOf) Name() string { return m.Base.Name() + "-mixture" }

// Domain implements Family: that of Base.
func (m MixtureOf) Domain() Domain { return m.Base.Domain() }

// CheckRows returns the error of Base, if it has that method.
func (m MixtureOf) CheckRows(x []float32) error {
	if c, ok := m.Base.(interface{ CheckRows(x []float32) error }); ok {
		return c.CheckRows(x)
	}
	return nil
}

// Outputs implements Family: C·(1 + Base.Outputs(dim)).
func (m MixtureOf) Outputs(dim int) int { return m.Components * (1 + m.Base.Outputs(dim)) }

// Params implements Family: those of Base.
func (m MixtureOf) Params() []*nn.Param { return m.Base.Params() }

// On implements Family; it is a *MixtureOfBatch.
func (m MixtureOf) On(params *G.Node) (Dist, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	s := params.Shape()
	if s.Dims() != 2 || s[1]%m.Components != 0 || s[1] <= m.Components {
		return nil, fmt.Errorf("dist: %s: parameters of shape %v, want logits and components [R,%d·(1+P)]", m.Name(), s, m.Components)
	}
	logits, err := graph.Columns(params, 0, m.Components)
	if err != nil {
		return nil, err
	}
	b, width := &MixtureOfBatch{Logits: logits}, s[1]/m.Components-1
	for c := range m.Components {
		from := m.Components + c*width
		part, err := graph.Columns(params, from, from+width)
		if err != nil {
			return nil, err
		}
		d, err := m.Base.On(part)
		if err != nil {
			return nil, err
		}
		b.Parts = append(b.Parts, d)
	}
	return b, nil
}

// At implements Family; it is a MixtureOfValue.
func (m MixtureOf) At(params []float64) Value {
	if m.Components < 1 || len(params)%m.Components != 0 || len(params) <= m.Components {
		panic(fmt.Sprintf("dist: %d parameters of a mixture of %d components", len(params), m.Components))
	}
	v, width := MixtureOfValue{Weights: make([]float64, m.Components)}, len(params)/m.Components-1
	norm := logSumExp(params[:m.Components])
	for c := range v.Weights {
		v.Weights[c] = math.Exp(params[c] - norm)
		from := m.Components + c*width
		v.Parts = append(v.Parts, m.Base.At(params[from:from+width:from+width]))
	}
	return v
}

// MixtureOfBatch is a batch of mixtures on a graph.
type MixtureOfBatch struct {
	Logits *G.Node // [R,C], whose softmax are the weights
	Parts  []Dist  // C batches of R rows
}

// Rows is the number of rows R.
func (m *MixtureOfBatch) Rows() int { return m.Logits.Shape()[0] }

// LogProb implements Dist: log Σ_c π_c·p_c(x) of x [R,D], with the gradients that the parts have,
// each times the component's share of p(x), and p(c|x) − π_c for the logits.
func (m *MixtureOfBatch) LogProb(x *G.Node) (*G.Node, error) {
	in, shape := []*G.Node{m.Logits}, m.Logits.Shape()
	if shape.Dims() != 2 || shape[1] != len(m.Parts) || len(m.Parts) == 0 {
		return nil, fmt.Errorf("dist: a mixture of %d components with logits of shape %v, want [R,%[1]d]", len(m.Parts), shape)
	}
	for _, p := range m.Parts {
		l, err := p.LogProb(x) // [R]
		if err != nil {
			return nil, err
		}
		if s := l.Shape(); s.Dims() != 1 || s[0] != shape[0] {
			return nil, fmt.Errorf("dist: mixture: a component's log-density of shape %v, want [%d]", s, shape[0])
		}
		in = append(in, l)
	}
	grads := []graph.Kernel{graph.Both(mixedLogits[float32], mixedLogits[float64])}
	for c := range m.Parts {
		grads = append(grads, graph.Both(mixedPart[float32](c), mixedPart[float64](c)))
	}
	return graph.Op{Name: "mixtureOf", Shape: tensor.Shape{shape[0]}, Run: graph.Both(mixed[float32], mixed[float64]), Grads: grads}.Apply(in...)
}

// mixed is log Σ_c π_c·exp(l_c), from the logits and the l_c.
func mixed[T graph.Float](l []T, in [][]T) {
	logits, parts := in[0], in[1:]
	n := len(parts)
	for r := range l {
		row := logits[r*n : (r+1)*n]
		norm := logSumExp(row)
		var sum LogSumExp
		for c, p := range parts {
			sum.Add(float64(row[c]) - norm + float64(p[r]))
		}
		l[r] = T(sum.Value())
	}
}

// mixedLogits is dl·(p(c|x) − π_c), from dl, l, the logits and the l_c.
func mixedLogits[T graph.Float](d []T, in [][]T) {
	l, logits, parts := in[1], in[2], in[3:]
	n := len(parts)
	for r, g := range in[0] {
		row := logits[r*n : (r+1)*n]
		norm := logSumExp(row)
		for c, p := range parts {
			log := float64(row[c]) - norm
			d[r*n+c] = T(float64(g) * (math.Exp(log+float64(p[r])-float64(l[r])) - math.Exp(log)))
		}
	}
}

// mixedPart is dl·p(c|x), from the same.
func mixedPart[T graph.Float](c int) func(d []T, in [][]T) {
	return func(d []T, in [][]T) {
		l, logits, parts := in[1], in[2], in[3:]
		n := len(parts)
		for r, g := range in[0] {
			row := logits[r*n : (r+1)*n]
			d[r] = T(float64(g) * math.Exp(float64(row[c])-logSumExp(row)+float64(parts[c][r])-float64(l[r])))
		}
	}
}

// MixtureOfValue is a mixture as plain numbers.
type MixtureOfValue struct {
	Weights []float64 // [C], which sum to 1
	Parts   []Value
}

// LogProb implements Value: log Σ_c π_c·p_c(x).
func (m MixtureOfValue) LogProb(x []float64) float64 {
	var sum LogSumExp
	for c, p := range m.Parts {
		sum.Add(math.Log(m.Weights[c]) + p.LogProb(x))
	}
	return sum.Value()
}

// Mean implements Value: Σ_c π_c·E_c[x].
func (m MixtureOfValue) Mean() []float64 {
	var mean []float64
	for c, p := range m.Parts {
		part := p.Mean()
		if mean == nil {
			mean = make([]float64, len(part))
		}
		for j, v := range part {
			mean[j] += m.Weights[c] * v
		}
	}
	return mean
}

// Sample implements Value: a draw from a component that is drawn by its weight.
func (m MixtureOfValue) Sample(src rand.Source) []float64 {
	return m.Parts[pick(m.Weights, rand.New(src))].Sample(src)
}
