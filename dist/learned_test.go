package dist

import (
	"math"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/nn"
)

// learnable are families of a prior, with the number of dimensions.
func learnable() map[int][]Family {
	return map[int][]Family{
		2: {Normal{}, Laplace{}, FullNormal{}, Bernoulli{}, MixtureOf{Laplace{}, 3}, MixtureOf{Bernoulli{}, 2}},
		6: {Categorical{3}},
	}
}

// A learned prior has the same density in each row, with the sum of the rows' gradients along
// the parameters, and that of each row along x.
func TestLearnedBatch(t *testing.T) {
	const rows = 4
	for dim, families := range learnable() {
		for _, f := range families {
			nodeCheck{name: f.Name(), shapes: []tensor.Shape{{1, f.Outputs(dim)}, {rows, dim}}, wrt: []int{0, 1},
				build: func(in []*G.Node) (*G.Node, error) { return (&RepeatedBatch{f, in[0]}).LogProb(in[1]) },
				value: func(in, _ [][]float64) []float64 {
					v := f.At(in[0])
					return rowsOf(rows, in[1], nil, func(x, _ []float64) []float64 { return []float64{v.LogProb(x)} })
				}}.check(t)
		}
	}
}

// The prior on a graph is that of its own parameters, which training is able to change, and
// Sample draws from the value, at 20000 draws with its mean within 4 standard errors: 24
// comparisons, of which of all seeds 1 in 660 fails.
func TestLearnedPrior(t *testing.T) {
	const n = 20_000
	for dim, families := range learnable() {
		for _, f := range families {
			for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
				p, err := NewLearned(f, dim, 1, dt, seeded(21))
				if err != nil {
					t.Fatal(err)
				}
				var _ Prior = p
				if p.Name() != f.Name() || len(p.Params()) != 1 || p.Params()[0].Names[0] != "prior.params" {
					t.Errorf("%s of %s: %d parameters", p.Name(), f.Name(), len(p.Params()))
				}
				v, err := p.At(nil)
				if err != nil {
					t.Fatal(err)
				}
				x := normals(22, dim)
				g := G.NewGraph()
				d, err := p.On(g, nil)
				if err != nil {
					t.Fatal(err)
				}
				in := tensor.New(tensor.Of(dt), tensor.WithShape(1, dim))
				set(in, x)
				l, err := d.LogProb(G.NewMatrix(g, dt, G.WithName("x"), G.WithShape(1, dim), G.WithValue(in)))
				if err != nil {
					t.Fatal(err)
				}
				grads, err := G.Grad(G.Must(G.Sum(l)), p.Row.Node(g))
				if err != nil {
					t.Fatal(err)
				}
				var got, grad G.Value
				G.Read(l, &got)
				G.Read(grads[0], &grad)
				vm := G.NewTapeMachine(g)
				if err := vm.RunAll(); err != nil {
					t.Fatal(err)
				}
				vm.Close()
				within(t, f.Name(), numbers(t, got), []float64{v.LogProb(x)}, precisionsOf[dt], 1)
				if len(numbers(t, grad)) != f.Outputs(dim) {
					t.Errorf("%s: gradient %v", f.Name(), grad)
				}
				if dt == tensor.Float64 {
					continue
				}
				z, err := p.Sample(n, nil, 1, seeded(23))
				if err != nil || len(z) != n*dim {
					t.Fatalf("%s: %d numbers, %v", f.Name(), len(z), err)
				}
				for j, want := range v.Mean() {
					var sum, squares float64
					for i := j; i < len(z); i += dim {
						sum += float64(z[i]) / n
						squares += float64(z[i]) * float64(z[i]) / n
					}
					if se := math.Sqrt((squares - sum*sum) / n); !(math.Abs(sum-want) <= 4*se) {
						t.Errorf("%s: mean of number %d is %v ± %v, want %v", f.Name(), j, sum, se, want)
					}
				}
			}
		}
	}
}

// At a spread of 0 it is the plain one.
func TestLearnedStart(t *testing.T) {
	x := []float64{0.3, -1}
	for _, f := range []Family{Normal{}, FullNormal{}} {
		p, err := NewLearned(f, 2, 0, tensor.Float64, seeded(24))
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.At(nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := StandardNormal{2}.At(nil)
		if err != nil {
			t.Fatal(err)
		}
		within(t, f.Name(), []float64{v.LogProb(x)}, []float64{want.LogProb(x)}, 1e-15, 0)
	}
	// Spread is the standard deviation of the start: of 1100 numbers within 10 %, more than 4
	// standard errors of 2 %.
	p, err := NewLearned(MixtureOf{Normal{}, 100}, 5, 3, tensor.Float32, seeded(25))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, v := range p.Row.Numbers() {
		sum += v * v / 1100
	}
	within(t, "spread", []float64{math.Sqrt(sum)}, []float64{3}, 0.1, 0)
}

// untempered is a value of nobody's family.
type untempered struct{ Value }

type untemperedFamily struct{ Family }

func (f untemperedFamily) At(params []float64) Value { return untempered{f.Family.At(params)} }

func TestLearnedErrors(t *testing.T) {
	nan := math.NaN()
	for want, f := range map[string]func() (Learned, error){
		"dist: a learned prior of 0 numbers with a spread of 1 and family {}, want at least 1": func() (Learned, error) { return NewLearned(Normal{}, 0, 1, tensor.Float32, seeded(1)) },
		"dist: a learned prior of 2 numbers with a spread of -1":                               func() (Learned, error) { return NewLearned(Normal{}, 2, -1, tensor.Float32, seeded(1)) },
		"dist: a learned prior of 2 numbers with a spread of NaN":                              func() (Learned, error) { return NewLearned(Normal{}, 2, nan, tensor.Float32, seeded(1)) },
		"dist: a learned prior of 2 numbers with a spread of 1 and family <nil>":               func() (Learned, error) { return NewLearned(nil, 2, 1, tensor.Float32, seeded(1)) },
		"dist: a learned prior of int":                                                         func() (Learned, error) { return NewLearned(Normal{}, 2, 1, tensor.Int, seeded(1)) },
		"dist: categorical: 1 classes":                                                         func() (Learned, error) { return NewLearned(Categorical{1}, 2, 1, tensor.Float32, seeded(1)) },
		"dist: categorical: logits of shape (1, 4), want [R,N·3]":                              func() (Learned, error) { return NewLearned(Categorical{3}, 4, 1, tensor.Float32, seeded(1)) },
		"dist: a mixture of 0 components of family normal, want at least 1":                    func() (Learned, error) { return NewLearned(MixtureOf{Normal{}, 0}, 4, 1, tensor.Float32, seeded(1)) },
		"dist: a mixture of 3 components without a Base, want a family": func() (Learned, error) {
			return NewLearned(MixtureOf{MixtureOf{nil, 3}, 2}, 4, 1, tensor.Float32, seeded(1))
		},
		"dist: a learned prior without a source of random numbers": func() (Learned, error) { return NewLearned(Normal{}, 4, 1, tensor.Float32, nil) },
	} {
		_, err := f()
		refused(t, want, err, want)
	}
	p := Learned{untemperedFamily{Normal{}}, 1, nn.NewParam(tensor.Float32, "prior.params", 1, 2)}
	if z, err := p.Sample(2, nil, 1, seeded(1)); err != nil || len(z) != 2 {
		t.Errorf("temperature 1: %v, %v", z, err)
	}
	_, err := p.Sample(2, nil, 0.5, seeded(1))
	refused(t, "temperature", err, "dist: temperature 0.5 of dist.untempered, which has none: want 1")
	g := G.NewGraph()
	_, err = (&RepeatedBatch{Normal{}, G.NewMatrix(g, tensor.Float64, G.WithName("p"), G.WithShape(1, 4))}).LogProb(G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithShape(2)))
	refused(t, "vector", err, "dist: normal: rows of shape (2), want [R,D]")
}

// A prior that is no NewLearned's says what it lacks.
func TestLearnedValidate(t *testing.T) {
	row := func(rows, n int) *nn.Param { return nn.NewParam(tensor.Float32, "prior.params", rows, n) }
	for want, p := range map[string]Learned{
		"dist: a learned prior of 2 numbers with family <nil>":                                             {nil, 2, row(1, 4)},
		"dist: a learned prior of 2 numbers with family {} and parameters <nil>":                           {Normal{}, 2, nil},
		"dist: a learned prior of 0 numbers with family {}":                                                {Normal{}, 0, row(1, 4)},
		"dist: a learned prior of 2 numbers of family normal with parameters of shape (1, 7), want (1, 4)": {Normal{}, 2, row(1, 7)},
		"dist: a learned prior of 2 numbers of family normal with parameters of shape (2, 4), want (1, 4)": {Normal{}, 2, row(2, 4)},
		"dist: a learned prior of 2 numbers of family laplace with parameters of shape (4), want (1, 4)":   {Laplace{}, 2, nn.NewParam(tensor.Float32, "prior.params", 4)},
		"dist: a mixture of 2 components without a Base":                                                   {MixtureOf{nil, 2}, 2, row(1, 10)},
	} {
		refused(t, want, p.Validate(), want)
	}
	if err := (Learned{Normal{}, 2, row(1, 4)}).Validate(); err != nil {
		t.Error(err)
	}
}

// A learned prior is of what its family is of: codes of anything else can't be compared with it,
// and no flow goes on it.
func TestLearnedDomain(t *testing.T) {
	for _, tt := range []struct {
		q, p Family
		want string
	}{
		{Normal{}, Laplace{}, ""},
		{Normal{}, Bernoulli{}, "the normal posterior is of real numbers and the bernoulli prior of bits"},
		{Laplace{}, MixtureOf{Bernoulli{}, 2}, "the laplace posterior is of real numbers and the bernoulli-mixture prior of bits"},
		{FullNormal{}, Categorical{2}, "the full-normal posterior is of real numbers and the categorical prior of one-hot rows"},
		{Normal{}, ContinuousBernoulli{}, "the normal posterior is of real numbers and the continuous-bernoulli prior of numbers from 0 to 1"},
		{ContinuousBernoulli{}, Normal{}, ""},
		{Bernoulli{}, Bernoulli{}, ""},
	} {
		p, err := NewLearned(tt.p, 2, 1, tensor.Float64, seeded(29))
		if err != nil {
			t.Fatal(err)
		}
		if err = Comparable(tt.q, p); tt.want == "" && err != nil {
			t.Errorf("%s and %s: %v", tt.q.Name(), tt.p.Name(), err)
		} else if tt.want != "" {
			refused(t, tt.q.Name(), err, tt.want)
		}
	}
	coins, err := NewLearned(Bernoulli{}, 2, 1, tensor.Float64, seeded(29))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "flow", FlowPrior{2, newPriorFlow(t, 2, tensor.Float64), coins}.Validate(), "dist: a flow on the bernoulli prior, which is of bits: want one of real numbers")
	refused(t, "flow on nothing", FlowPrior{2, newPriorFlow(t, 2, tensor.Float64), Learned{}}.Validate(), "dist: a learned prior of 0 numbers")
}

// The tempered values, at t = ½ and 0, by hand: 1 seed in 16000 fails at one of 30 comparisons.
func TestTemper(t *testing.T) {
	third := []float64{0, math.Log(2), 0, -1, -1, -3}
	for _, tt := range []struct {
		name string
		v    Value
		t    float64
		mean []float64
		std  []float64 // nil for not looked at
	}{
		{"normal", NormalValue{[]float64{1, -2}, []float64{0, math.Log(16)}}, 0.5, []float64{1, -2}, []float64{0.5, 2}},
		{"normal, mode", NormalValue{[]float64{1, -2}, []float64{0, 3}}, 0, []float64{1, -2}, []float64{0, 0}},
		{"laplace", LaplaceValue{[]float64{1}, []float64{0}}, 0.5, []float64{1}, []float64{math.Sqrt2 / 2}},
		{"laplace, mode", LaplaceValue{[]float64{1}, []float64{0}}, 0, []float64{1}, []float64{0}},
		{"full", FullNormalValue{[]float64{1, 2}, []float64{0, 3, math.Log(4)}}, 0.5, []float64{1, 2}, []float64{0.5, 2.5}},
		{"full, mode", FullNormalValue{[]float64{1, 2}, []float64{0, 3, 1}}, 0, []float64{1, 2}, []float64{0, 0}},
		{"bernoulli", BernoulliValue{[]float64{math.Log(2), 0}}, 0.5, []float64{0.8, 0.5}, nil},
		{"bernoulli, mode", BernoulliValue{[]float64{0.1, -0.1, 0}}, 0, []float64{1, 0, 0.5}, nil},
		{"categorical", CategoricalValue{[]float64{0, math.Log(2), math.Log(2)}, 3}, 0.5, []float64{1.0 / 9, 4.0 / 9, 4.0 / 9}, nil},
		{"categorical, mode", CategoricalValue{third, 3}, 0, []float64{0, 1, 0, 0.5, 0.5, 0}, nil},
		{"mixture", MixtureOfValue{[]float64{0.25, 0.75}, []Value{LaplaceValue{[]float64{1}, []float64{0}}, LaplaceValue{[]float64{5}, []float64{0}}}}, 0,
			[]float64{4}, []float64{math.Sqrt(3)}},
		{"gaussian mixture", MixtureValue{[]float64{0.25, 0.75}, []NormalValue{{[]float64{1}, []float64{0}}, {[]float64{5}, []float64{0}}}}, 0,
			[]float64{4}, []float64{math.Sqrt(3)}},
		{"as it is", untempered{NormalValue{[]float64{1}, []float64{0}}}, 1, []float64{1}, []float64{1}},
	} {
		v, err := Temper(tt.v, tt.t)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		within(t, tt.name+": mean", v.Mean(), tt.mean, 1e-14, 0)
		// The standard deviation of 10⁴ draws of what has a kurtosis of at most 6 is off by √(5/4·10⁴)
		// = 1.1 % of it, or 4.5 % at 4 standard errors.
		const n = 10_000
		next, sums := sampler(v, seeded(26)), make([][2]float64, len(tt.mean))
		for range n {
			for j, x := range next() {
				sums[j][0] += (x - tt.mean[j]) / n
				sums[j][1] += (x - tt.mean[j]) * (x - tt.mean[j]) / n
			}
		}
		for j, sum := range sums {
			want := math.Sqrt(max(0, tt.mean[j]*(1-tt.mean[j]))) // of what is 0 or 1
			if tt.std != nil {
				want = tt.std[j]
			}
			if math.Abs(sum[0]) > 4*want/100 || math.Abs(math.Sqrt(sum[1])-want) > 0.045*want {
				t.Errorf("%s: draws of number %d are off by %v, with a standard deviation of %v, want 0 and %v", tt.name, j, sum[0], math.Sqrt(sum[1]), want)
			}
		}
	}
	flow := newPriorFlow(t, 2, tensor.Float64)
	v, err := Temper(TransformedValue{NormalValue{[]float64{1, 2}, []float64{0, 0}}, flow, nil}, 0)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "flow", v.Sample(seeded(28)), v.Mean(), 0, 0)
	for what, f := range map[string]func() (Value, error){
		"dist: temperature -1, want a finite number of at least 0": func() (Value, error) { return Temper(NormalValue{}, -1) },
		"dist: temperature +Inf":                                   func() (Value, error) { return Temper(NormalValue{}, math.Inf(1)) },
		"dist: temperature NaN":                                    func() (Value, error) { return Temper(NormalValue{}, math.NaN()) },
		"dist: temperature 2 of dist.untempered":                   func() (Value, error) { return Temper(untempered{}, 2) },
		"dist: temperature 3 of dist.untempered":                   func() (Value, error) { return Temper(MixtureOfValue{[]float64{1}, []Value{untempered{}}}, 3) },
		"dist: temperature 4 of dist.untempered":                   func() (Value, error) { return Temper(TransformedValue{untempered{}, flow, nil}, 4) },
	} {
		if _, err := f(); err == nil || !strings.HasPrefix(err.Error(), what) {
			t.Errorf("error %v, want %s", err, what)
		}
	}
}
