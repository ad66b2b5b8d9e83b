package dist

import (
	"fmt"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// oneHot draws rows of variables of K classes.
func oneHot(seed uint64, variables, classes int) []float64 {
	x := make([]float64, variables*classes)
	for v, u := range normals(seed, variables) {
		x[v*classes+int(math.Abs(u)*1000)%classes] = 1
	}
	return x
}

// By hand: logits log 1, log 2, log 5 are the probabilities 1/8, 2/8 and 5/8, whatever is
// added to them, and a thousand is no overflow.
func TestCategoricalKnownAnswers(t *testing.T) {
	for _, shift := range []float64{0, 1000, -1000} {
		logits := []float64{shift, shift + math.Log(2), shift + math.Log(5), 0, 0, 0}
		v := Categorical{3}.At(logits)
		within(t, "mean", v.Mean(), []float64{0.125, 0.25, 0.625, 1.0 / 3, 1.0 / 3, 1.0 / 3}, 1e-12, 0)
		within(t, "log-probability", []float64{v.LogProb([]float64{0, 1, 0, 0, 0, 1})}, []float64{-math.Log(4) - math.Log(3)}, 1e-12, 0)
	}
}

// The graph has the value of the definition and its gradient, for one variable and many.
func TestCategoricalBatch(t *testing.T) {
	const rows = 3
	for _, n := range [][2]int{{1, 2}, {4, 3}, {2, 7}} {
		variables, classes := n[0], n[1]
		f, width := Categorical{classes}, variables*classes
		nodeCheck{name: fmt.Sprint("Categorical ", n), shapes: []tensor.Shape{{rows, width}, {rows, width}}, wrt: []int{0, 1},
			build: func(in []*G.Node) (*G.Node, error) {
				d, err := f.On(in[0])
				if err != nil {
					return nil, err
				}
				return d.LogProb(in[1])
			},
			value: func(in, _ [][]float64) []float64 {
				return rowsOf(rows, in[0], in[1], func(l, x []float64) []float64 { return []float64{f.At(l).LogProb(x)} })
			},
			inputs: func(run int) [][]float64 {
				x := oneHot(uint64(run+70), rows*variables, classes)
				if run == 2 { // rows that are no choice, where the definition still holds
					x = normals(73, len(x))
				}
				return [][]float64{normals(uint64(run), rows*width), x}
			}}.check(t)
	}
}

// The probabilities of all rows sum to 1.
func TestCategoricalSumsToOne(t *testing.T) {
	v, sum := Categorical{3}.At(normals(74, 6)), 0.0
	for a := range 3 {
		for b := range 3 {
			x := make([]float64, 6)
			x[a], x[3+b] = 1, 1
			sum += math.Exp(v.LogProb(x))
		}
	}
	within(t, "sum", []float64{sum}, []float64{1}, 1e-14, 0)
}

// Each variable of a draw has one 1, at the frequency of its probability, within 4 standard
// errors; its mean square is its mean. A class of probability 0 is never drawn.
func TestCategoricalSample(t *testing.T) {
	v := Categorical{3}.At([]float64{0, 1, -1, -2000, 0, -2000})
	next := sampler(v, seeded(75))
	moments(t, "categorical", 100_000, func() []float64 {
		x := next()
		for n := range 2 {
			ones := 0
			for _, e := range x[3*n : 3*n+3] {
				if e == 1 {
					ones++
				} else if e != 0 {
					t.Fatalf("a draw has %v", x)
				}
			}
			if ones != 1 {
				t.Fatalf("a draw has %v", x)
			}
		}
		return x
	}, v.Mean(), v.Mean())
}

func TestCategoricalFamily(t *testing.T) {
	f := Categorical{3}
	if f.Name() != "categorical" || f.Domain() != OneHot || f.Outputs(6) != 6 || len(f.Params()) != 0 {
		t.Errorf("%s, %v, %d outputs", f.Name(), f.Domain(), f.Outputs(6))
	}
	g := G.NewGraph()
	node := func(shape ...int) *G.Node { return G.NewTensor(g, tensor.Float64, len(shape), G.WithShape(shape...)) }
	_, err := Categorical{1}.On(node(2, 4))
	refused(t, "one class", err, "dist: categorical: 1 classes, want at least 2")
	_, err = f.On(node(2, 4))
	refused(t, "width", err, "dist: categorical: logits of shape (2, 4), want [R,N·3]")
	_, err = f.On(node(6))
	refused(t, "vector", err, "dist: categorical: logits of shape (6), want")
	_, err = (&CategoricalBatch{node(2, 6), 3}).LogProb(node(2, 3))
	refused(t, "x", err, "dist: categorical(3): shapes (2, 6) and (2, 3), want one shape [B,N]")
	defer func() {
		if r := recover(); r != "dist: 4 logits of variables with 3 classes" {
			t.Errorf("panic %v", r)
		}
	}()
	f.At(make([]float64, 4))
}

// Rows that are not of one class for each variable are no data of the family, nor of a mixture of
// it.
func TestCategoricalRows(t *testing.T) {
	three := Categorical{3}
	for _, f := range []Family{three, MixtureOf{three, 2}} {
		if err := Check(f, []float32{0, 1, 0, 0, 0, 1}); err != nil {
			t.Errorf("%s: %v", f.Name(), err)
		}
		for want, x := range map[string][]float32{
			"likelihood: numbers 3 to 5 are [0 0 0], want one 1 and else 0": {0, 1, 0, 0, 0, 0},
			"likelihood: numbers 0 to 2 are [0 1 1], want one 1 and else 0": {0, 1, 1, 0, 0, 1},
			"likelihood: pixel 1 is 0.5, want 0 or 1":                       {0, 0.5, 0.5},
		} {
			refused(t, f.Name(), Check(f, x), "dist: "+f.Name()+" "+want)
		}
	}
	if err := Check(MixtureOf{Bernoulli{}, 2}, []float32{1, 1}); err != nil {
		t.Error(err)
	}
}
