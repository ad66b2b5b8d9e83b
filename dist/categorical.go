package dist

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/graph"
	"govae/nn"
)

// Categorical is the family of rows of N variables with K classes each. A row x [N·K] holds
// the K numbers of each variable side by side, one of which is 1 and the others 0. The
// parameters are logits l [N·K] in the same order, with p = softmax(l) over each K:
//
//	log p(x) = Σ_n Σ_k x_nk·log p_nk     log p_nk = l_nk − log Σ_i exp(l_ni)
//
// The gradient along l is x_nk − p_nk·Σ_i x_ni. A constant added to all K logits changes nothing. On and
// At don't check that a row has one 1 for each variable; CheckRows does.
//
// Source: Bishop 2006, Pattern Recognition and Machine Learning, eq. 4.104 to 4.109.
type Categorical struct {
	Classes int // K, at least 2
}

// Validate returns an error if Classes is below 2.
func (c Categorical) Validate() error {
	if c.Classes < 2 {
		return fmt.Errorf("dist: categorical: %d classes, want at least 2", c.Classes)
	}
	return nil
}

// Name implements Family.
func (Categorical) Name() string { return "categorical" }

// Domain implements Family.
func (Categorical) Domain() Domain { return OneHot }

// CheckRows returns an error that names the first variable of rows x [R,N·K] that is not of one
// class.
func (c Categorical) CheckRows(x []float32) error {
	for v := 0; v+c.Classes <= len(x); v += c.Classes {
		sum := float32(0)
		for _, k := range x[v : v+c.Classes] {
			sum += k
		}
		if sum != 1 {
			return fmt.Errorf("numbers %d to %d are %v, want one 1 and else 0", v, v+c.Classes-1, x[v:v+c.Classes])
		}
	}
	return nil
}

// Outputs implements Family: dim, which is N·K.
func (Categorical) Outputs(dim int) int { return dim }

// Params implements Family: none.
func (Categorical) Params() []*nn.Param { return nil }

// On implements Family; it is a *CategoricalBatch.
func (c Categorical) On(logits *G.Node) (Dist, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if s := logits.Shape(); s.Dims() != 2 || s[1]%c.Classes != 0 {
		return nil, fmt.Errorf("dist: categorical: logits of shape %v, want [R,N·%d]", s, c.Classes)
	}
	return &CategoricalBatch{logits, c.Classes}, nil
}

// At implements Family; it is a CategoricalValue.
func (c Categorical) At(logits []float64) Value {
	if c.Classes < 2 || len(logits)%c.Classes != 0 {
		panic(fmt.Sprintf("dist: %d logits of variables with %d classes", len(logits), c.Classes))
	}
	return CategoricalValue{logits, c.Classes}
}

// CategoricalBatch is a batch of rows of categorical variables on a graph.
type CategoricalBatch struct {
	Logits  *G.Node // [R,N·K]
	Classes int     // K
}

// Rows is the number of rows R.
func (c *CategoricalBatch) Rows() int { return c.Logits.Shape()[0] }

// NegLogProb adds −log p(x) of x [R,N·K]: [R], in nats. It passes a gradient to the logits and
// none to x.
func (c *CategoricalBatch) NegLogProb(x *G.Node) (*G.Node, error) { return c.node(x) }

// LogProb implements Dist, with gradients to the logits and to x, of which it is log p_nk.
func (c *CategoricalBatch) LogProb(x *G.Node) (*G.Node, error) {
	d, err := c.node(x, graph.Both(categoricalDX[float32](c.Classes), categoricalDX[float64](c.Classes)))
	if err != nil {
		return nil, err
	}
	return graph.Combine([]float64{-1}, d)
}

func (c *CategoricalBatch) node(x *G.Node, dx ...graph.Kernel) (*G.Node, error) {
	return likelihoodNode(fmt.Sprintf("categorical(%d)", c.Classes), 1, graph.Both(categorical[float32](c.Classes), categorical[float64](c.Classes)), c.Logits, x, dx...)
}

// categorical is −log p(x), from the logits and x. It leaves p·Σx − x where there is room.
func categorical[T graph.Float](classes int) func(d []T, in [][]T) {
	return func(d []T, in [][]T) {
		logits, x, grad := in[0], in[1], in[2]
		width := len(x) / len(d)
		for r := range d {
			sum := 0.0
			for v := r * width; v < (r+1)*width; v += classes {
				norm, mass := logSumExp(logits[v:v+classes]), 0.0
				for k := v; k < v+classes; k++ {
					sum += float64(x[k]) * (norm - float64(logits[k]))
					mass += float64(x[k])
				}
				if grad == nil {
					continue
				}
				for k := v; k < v+classes; k++ {
					grad[k] = T(math.Exp(float64(logits[k])-norm)*mass - float64(x[k]))
				}
			}
			d[r] = T(sum)
		}
	}
}

// categoricalDX is −dd·log p_nk, from dd, d and the logits.
func categoricalDX[T graph.Float](classes int) func(dx []T, in [][]T) {
	return func(dx []T, in [][]T) {
		dd, logits := in[0], in[2]
		width := len(dx) / len(dd)
		for v := 0; v < len(dx); v += classes {
			norm, g := logSumExp(logits[v:v+classes]), float64(dd[v/width])
			for k := v; k < v+classes; k++ {
				dx[k] = T(g * (norm - float64(logits[k])))
			}
		}
	}
}

// logSumExp is log Σ exp(a_i).
func logSumExp[T graph.Float](a []T) float64 {
	var sum LogSumExp
	for _, v := range a {
		sum.Add(float64(v))
	}
	return sum.Value()
}

// CategoricalValue is a row of categorical variables as plain numbers.
type CategoricalValue struct {
	Logits  []float64 // [N·K]
	Classes int       // K
}

// LogProb implements Value: Σ_n Σ_k x_nk·log p_nk.
func (c CategoricalValue) LogProb(x []float64) float64 {
	perNumber(1, c.Logits, x)
	l := 0.0
	for v := 0; v < len(x); v += c.Classes {
		norm := logSumExp(c.Logits[v : v+c.Classes])
		for k := v; k < v+c.Classes; k++ {
			l += x[k] * (c.Logits[k] - norm)
		}
	}
	return l
}

// Mean implements Value: p [N·K].
func (c CategoricalValue) Mean() []float64 {
	p := make([]float64, len(c.Logits))
	for v := 0; v < len(p); v += c.Classes {
		norm := logSumExp(c.Logits[v : v+c.Classes])
		for k := v; k < v+c.Classes; k++ {
			p[k] = math.Exp(c.Logits[k] - norm)
		}
	}
	return p
}

// Sample implements Value: for each variable a 1 at the class that is drawn, 0 elsewhere.
func (c CategoricalValue) Sample(src rand.Source) []float64 {
	r, x, p := rand.New(src), make([]float64, len(c.Logits)), c.Mean()
	for v := 0; v < len(x); v += c.Classes {
		k, u := v, r.Float64()
		for u -= p[k]; u >= 0 && k < v+c.Classes-1; u -= p[k] {
			k++
		}
		x[k] = 1
	}
	return x
}
