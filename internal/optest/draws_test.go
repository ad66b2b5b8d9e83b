package optest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/nn"
)

// drawsCases are the operations between draws and a bound.
func drawsCases() []opCase {
	return []opCase{repeatCase(1), repeatCase(3), logMeanExpCase(1), logMeanExpCase(3), logMeanExpCase(50),
		softmaxCase(1), softmaxCase(3), softmaxCase(50), clipCase(), combineCase(1), combineCase(3), scaleCase(), fromOneCase()}
}

// estimatorCases have a gradient by definition, which is not that of their value.
func estimatorCases() []opCase { return []opCase{pathDensityCase(), scaleGradCase()} }

// repeatCase passes its input through Columns first: data has no gradient.
func repeatCase(k int) opCase {
	s := []int{testB, testN}
	return opCase{name: fmt.Sprintf("repeat %d", k), shapes: [][]int{s}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) {
			a, err := graph.Columns(in[0], 0, testN)
			if err != nil {
				return nil, err
			}
			return graph.Repeat(a, k)
		},
		value: func(in [][]float64) (out, scale []float64) {
			for i := range testB * k {
				out = append(out, in[0][i/k*testN:(i/k+1)*testN]...)
			}
			return out, make([]float64, len(out)) // exact
		},
		grad: func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			g, s := make([]float64, len(in[0])), make([]float64, len(in[0]))
			for i, v := range cot {
				g[i/testN/k*testN+i%testN] += v
				s[i/testN/k*testN+i%testN] += math.Abs(v)
			}
			return [][]float64{g}, [][]float64{s}
		},
		points: normals([][]int{s})}
}

const testGroups = 4

// extremeLogWeight are log weights, with ties; all fit float32, and so do their
// differences of up to 1e4.
var extremeLogWeight = []float64{-1e4, 1e4, -9999, 9999, 0, -100, -100.5}

// weights are the normalised weights of each k neighbours: what is below 2⁻⁶⁴ of
// them is zero.
func weights(a []float64, k int) (w []float64) {
	for lo := 0; lo < len(a); lo += k {
		sum := logSumExp(a[lo : lo+k])
		for _, v := range a[lo : lo+k] {
			p := math.Exp(v - sum)
			if p < 0x1p-64 {
				p = 0
			}
			w = append(w, p)
		}
	}
	return w
}

func logMeanExpCase(k int) opCase {
	s := []int{testGroups * k}
	return opCase{name: fmt.Sprintf("logMeanExp %d", k), shapes: [][]int{s}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) { return graph.LogMeanExp(in[0], k) },
		value: func(in [][]float64) (out, scale []float64) {
			for lo := 0; lo < len(in[0]); lo += k {
				l := logSumExp(in[0][lo : lo+k])
				out, scale = append(out, l-math.Log(float64(k))), append(scale, math.Abs(l)+math.Log(float64(k)))
			}
			return out, scale
		},
		grad: func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			g := weights(in[0], k)
			for i := range g {
				g[i] *= cot[i/k]
			}
			return [][]float64{g}, [][]float64{g}
		},
		points: normals([][]int{s}),
		edge:   func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, size(s), extremeLogWeight...)} }}
}

func softmaxCase(k int) opCase {
	s := []int{testGroups * k}
	return opCase{name: fmt.Sprintf("softmax %d", k), shapes: [][]int{s},
		build: func(in []*G.Node) (*G.Node, error) { return graph.Softmax(in[0], k) },
		value: func(in [][]float64) (out, scale []float64) {
			out = weights(in[0], k)
			return out, out
		},
		grad:   func([][]float64, []float64) (grads, scale [][]float64) { return nil, nil },
		points: normals([][]int{s}),
		edge:   func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, size(s), extremeLogWeight...)} }}
}

// clipCase has the gradient of the identity at 0 and at 1, where a pseudo-input may
// start.
func clipCase() opCase {
	s := []int{testB, testN}
	c := opCase{name: "clip", shapes: [][]int{s}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) { return graph.Clip(in[0]) }}
	c.value, c.grad = elementwise(func(v []float64) (float64, float64) { return math.Min(math.Max(v[0], 0), 1), 0 },
		func(v []float64) (d, scale []float64) {
			if v[0] < 0 || v[0] > 1 {
				return []float64{0}, []float64{0}
			}
			return []float64{1}, []float64{0}
		})
	c.points = func(r *rand.Rand) [][]float64 {
		return [][]float64{pick(r, size(s), -3, -0.01, 0.01, 0.5, 0.99, 1.01, 7)}
	}
	c.edge = func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, size(s), 0, 1, -1e-8, 1+1e-6, 1e20, -1e20)} }
	return c
}

func combineCase(n int) opCase {
	s := []int{testB}
	factors := []float64{-1, 2.5, 0}[:n]
	c := opCase{name: fmt.Sprintf("combine %d", n), build: func(in []*G.Node) (*G.Node, error) { return graph.Combine(factors, in...) }}
	for i := range n {
		c.shapes, c.wrt = append(c.shapes, s), append(c.wrt, i)
	}
	c.value, c.grad = elementwise(func(v []float64) (sum, scale float64) {
		for i, f := range factors {
			sum += f * v[i]
			scale += math.Abs(f * v[i])
		}
		return sum, scale
	}, func([]float64) (d, scale []float64) { return factors, factors })
	c.points = normals(c.shapes)
	c.edge = func(r *rand.Rand) (in [][]float64) {
		for range n {
			in = append(in, pick(r, size(s), 1e8, -1e8, 1e-8, 1e20))
		}
		return in
	}
	return c
}

// scaleCase makes its scalar by a Mean, of a vector that gets no gradient.
func scaleCase() opCase {
	s := []int{testB, testN}
	factor := func(b []float64) (f float64) {
		for _, v := range b {
			f += v / float64(len(b))
		}
		return f
	}
	return opCase{name: "scale", shapes: [][]int{s, {2}}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) {
			f, err := graph.Mean(in[1])
			if err != nil {
				return nil, err
			}
			return graph.Scale(in[0], f)
		},
		value: func(in [][]float64) (out, scale []float64) {
			for _, v := range in[0] {
				out, scale = append(out, v*factor(in[1])), append(scale, math.Abs(v)*(math.Abs(in[1][0])+math.Abs(in[1][1])))
			}
			return out, scale
		},
		grad: func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			var g, s []float64
			for _, v := range cot {
				g, s = append(g, v*factor(in[1])), append(s, v*(math.Abs(in[1][0])+math.Abs(in[1][1])))
			}
			return [][]float64{g}, [][]float64{s}
		},
		points: normals([][]int{s, {2}}),
		edge:   func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, size(s), 1e8, 1e-8, 0), pick(r, 2, 0, 4)} }}
}

// fromOneCase makes its scalar by a Mean, as scaleCase does.
func fromOneCase() opCase {
	shapes := [][]int{{testB}, {2}}
	return opCase{name: "fromOne", shapes: shapes, grad: noGradient,
		build: func(in []*G.Node) (*G.Node, error) {
			s, err := graph.Mean(in[1])
			if err != nil {
				return nil, err
			}
			return graph.FromOne(in[0], s)
		},
		value: func(in [][]float64) (out, scale []float64) {
			s := (in[1][0] + in[1][1]) / 2
			for _, v := range in[0] {
				out, scale = append(out, 1-s*(1-v)), append(scale, 1+math.Abs(in[1][0])+math.Abs(in[1][1]))
			}
			return out, scale
		},
		points: func(r *rand.Rand) [][]float64 {
			return [][]float64{pick(r, testB, 0, 1, 0.25, 1e-20), normal(r, 2, 1)}
		},
		edge: func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, testB, 0, 1, 1e-20), pick(r, 2, 0, 1)} }}
}

func scaleGradCase() opCase {
	s := []int{testB, testN}
	return opCase{name: "scaleGrad", shapes: [][]int{s, {testB}}, wrt: []int{0},
		build: func(in []*G.Node) (*G.Node, error) { return graph.ScaleGrad(in[0], func() *G.Node { return in[1] }) },
		value: func(in [][]float64) (out, scale []float64) { return in[0], make([]float64, len(in[0])) }, // exact
		grad: func(in [][]float64, cot []float64) (grads, scale [][]float64) {
			g := make([]float64, len(in[0]))
			for i := range g {
				g[i] = cot[i] * in[1][i/testN]
			}
			return [][]float64{g}, [][]float64{g}
		},
		points: normals([][]int{s, {testB}}),
		edge: func(r *rand.Rand) [][]float64 {
			return [][]float64{pick(r, size(s), extremeMu...), pick(r, testB, 0, 1, 1e-20)}
		}}
}

// drawnGraphs are the graphs of bounds, in which z, logvar and log w have several
// uses, among those of branchedGraphs.
func drawnGraphs() []branched {
	const b, n, x, k, c = 2, 3, 5, 3, 4
	bn, rn := []int{b, n}, []int{b * k, n}
	return []branched{
		{"IWAE under a mixture", [][]int{bn, bn, rn, {x, n}, {x}, {b * k, x}, {c, n}, {c, n}, {c}}, []int{0, 1, 3, 4, 6, 7, 8}, func(s *graph.Steps, in []*G.Node) G.Nodes {
			mu := s.Do(graph.Repeat(s.Do(graph.Columns(in[0], 0, n)), k))
			lv := s.Do(graph.Repeat(s.Do(graph.Columns(in[1], 0, n)), k))
			z := s.Do(reparameterize(mu, lv, in[2]))
			q, p := s.Do(drawDensity(mu, lv, in[2])), s.Do(dist.MixtureNode(z, in[6], in[7], in[8]))
			d := s.Do(negLogProb(dist.Bernoulli{}, s.Do(nn.Dense(z, in[3], in[4], nn.Identity)), in[5]))
			logw := s.Do(graph.Combine([]float64{-1, 1, -1}, d, p, q))
			return G.Nodes{s.Do(graph.LogMeanExp(logw, k)), mu, lv, z, q, p, d, logw, s.Do(graph.Softmax(logw, k))}
		}},
		{"two stochastic layers", [][]int{rn, rn, rn, {2 * n, n}, {2 * n}, rn, {2 * n, n}, {2 * n}}, []int{0, 1, 3, 4, 6, 7}, func(s *graph.Steps, in []*G.Node) G.Nodes {
			z := s.Do(reparameterize(in[0], in[1], in[2]))
			up := s.Do(nn.Dense(z, in[3], in[4], nn.Tanh))
			mu, lv := s.Do(graph.Columns(up, 0, n)), s.Do(graph.Columns(up, n, 2*n))
			z2 := s.Do(reparameterize(mu, lv, in[5]))
			down := s.Do(nn.Dense(z2, in[6], in[7], nn.Tanh))
			p1 := s.Do(normalDensity(z, s.Do(graph.Columns(down, 0, n)), s.Do(graph.Columns(down, n, 2*n))))
			p2, q1, q2 := s.Do(dist.StandardBatch{}.LogProb(z2)), s.Do(drawDensity(in[0], in[1], in[2])), s.Do(drawDensity(mu, lv, in[5]))
			logw := s.Do(graph.Combine([]float64{1, 1, -1, -1}, p1, p2, q1, q2))
			return G.Nodes{s.Do(graph.LogMeanExp(logw, k)), z, z2, p1, p2, q1, q2, logw}
		}},
	}
}

func TestDrawShapes(t *testing.T) {
	want := map[string]tensor.Shape{"standardLogDensity": {5}, "gaussianLogDensity": {5}, "drawLogDensity": {5}, "pathLogDensity": {5},
		"mixtureLogDensity of 4": {5}, "repeat 3": {15, 3}, "logMeanExp 3": {4}, "softmax 3": {12}, "clip": {5, 3},
		"combine 3": {5}, "scale": {5, 3}, "fromOne": {5}, "resample 2 of 3": {8}, "take 2 of 3 rows of 3": {8, 3}, "take 5 of 50 rows of 0": {20}, "scaleGrad": {5, 3}}
	for _, c := range append(allCases(), estimatorCases()...) {
		w, ok := want[c.name]
		if !ok {
			continue
		}
		delete(want, c.name)
		m := newMachine(t, tensor.Float32, c.shapes, c.build)
		m.run(t, c.points(seeded(1)), nil)
		if n, v := m.out[0].Shape(), m.out[0].Value().Shape(); !n.Eq(w) || !v.Eq(w) {
			t.Errorf("%s: shape %v, value of shape %v, want %v", c.name, n, v, w)
		}
	}
	if len(want) > 0 {
		t.Errorf("no case for %v", want)
	}
}

// With PathLogDensity in the place of DrawLogDensity the gradient differs by the score
// alone: ∂ log q/∂mu = eps/σ and ∂ log q/∂logvar = ½(eps² − 1) at fixed z.
func TestPathLeavesOutTheScore(t *testing.T) {
	s := []int{testB, testN}
	build := func(path bool) *machine {
		return newMachine(t, tensor.Float64, [][]int{s, s, s}, func(in []*G.Node) (*G.Node, error) {
			z, err := reparameterize(in[0], in[1], in[2])
			if err != nil {
				return nil, err
			}
			prior, err := dist.StandardBatch{}.LogProb(z) // so that mu has a gradient either way
			if err != nil {
				return nil, err
			}
			var q *G.Node
			if path {
				q, err = pathDensity(z, in[0], in[1], in[2])
			} else {
				q, err = drawDensity(in[0], in[1], in[2])
			}
			if err != nil {
				return nil, err
			}
			return graph.Combine([]float64{1, -1}, prior, q)
		}, 0, 1)
	}
	r := seeded(22)
	in, cot := normals([][]int{s, s, s})(r), normal(r, testB, 1)
	total, path := build(false).run(t, in, cot), build(true).run(t, in, cot)
	check(t, "value", path[0], total[0], nil, 1e-14)
	for i, c := range cot {
		for j := i * testN; j < (i+1)*testN; j++ {
			eps, sigma := in[2][j], math.Exp(in[1][j]/2)
			// The loss has −log q, so what is left out is minus its score.
			for k, score := range []float64{eps / sigma, (eps*eps - 1) / 2} {
				if got := path[1+k][j] - total[1+k][j]; math.Abs(got-c*score) > 1e-12 {
					t.Errorf("element %d: the gradients to input %d differ by %v, want the score %v", j, k, got, c*score)
				}
			}
		}
	}
}

// A node that is used twice in a Combine gets both gradients.
func TestCombineOfOne(t *testing.T) {
	m := newMachine(t, tensor.Float64, [][]int{{3}}, func(in []*G.Node) (*G.Node, error) {
		return graph.Combine([]float64{2, -0.5}, in[0], in[0])
	}, 0)
	for range 2 {
		out := m.run(t, [][]float64{{1, 2, -4}}, []float64{1, 10, 100})
		check(t, "value", out[0], []float64{1.5, 3, -6}, nil, 1e-15)
		check(t, "gradient", out[1], []float64{1.5, 15, 150}, nil, 1e-15)
	}
}

// Weights sum to 1, and so does what LogMeanExp passes, at any size of the logs, in
// float32 as well, where one ulp of a log of 1e4 is 1e-3.
func TestWeightsSumToOne(t *testing.T) {
	const k = 50
	for _, p := range precisions {
		bound := newMachine(t, p.dt, [][]int{{testGroups * k}}, logMeanExpCase(k).build, 0)
		soft := newMachine(t, p.dt, [][]int{{testGroups * k}}, softmaxCase(k).build)
		for _, at := range []float64{0, -90, 1e4, -1e4} {
			a := normal(seeded(23), testGroups*k, 1)
			for i := range a {
				a[i] = float64(float32(a[i] + at))
			}
			ones := []float64{1, 1, 1, 1}
			for what, w := range map[string][]float64{"softmax": soft.run(t, [][]float64{a}, nil)[0], "logMeanExp": bound.run(t, [][]float64{a}, ones)[1]} {
				sums := make([]float64, testGroups)
				for i, v := range w {
					sums[i/k] += v
				}
				check(t, fmt.Sprintf("%s in %v at %v", what, p.dt, at), sums, ones, nil, p.rel)
			}
		}
	}
}

func TestDrawErrors(t *testing.T) {
	g := G.NewGraph()
	in := func(dt tensor.Dtype, shape ...int) *G.Node {
		return G.NewTensor(g, dt, len(shape), G.WithShape(shape...), G.WithName(fmt.Sprint(dt, shape)))
	}
	f := func(shape ...int) *G.Node { return in(tensor.Float64, shape...) }
	f32 := func(shape ...int) *G.Node { return in(tensor.Float32, shape...) }
	mixture := func(z, mu, logvar, logits *G.Node) func() (*G.Node, error) {
		return func() (*G.Node, error) { return dist.MixtureNode(z, mu, logvar, logits) }
	}
	scaled := func(z, w *G.Node) func() (*G.Node, error) {
		return func() (*G.Node, error) {
			s, err := graph.ScaleGrad(z, func() *G.Node { return w })
			if err != nil {
				return nil, err
			}
			_, err = G.Grad(G.Must(graph.Mean(G.Must(graph.RowSums(s)))), z)
			return s, err
		}
	}
	for _, tt := range []struct {
		what, want string
		build      func() (*G.Node, error)
	}{
		{"means alone", "normal", func() (*G.Node, error) { return dist.NormalNode(f(2, 3), f(2, 3)) }},
		{"other rows", "normal", func() (*G.Node, error) { return dist.NormalNode(f(3, 3), f(2, 6)) }},
		{"two precisions", "normal", func() (*G.Node, error) { return dist.NormalNode(f(2, 3), f32(2, 6)) }},
		{"a vector", "standardNormal", func() (*G.Node, error) { return dist.StandardBatch{}.LogProb(f(3)) }},
		{"z of another width", "mixtureLogDensity", mixture(f(2, 4), f(5, 3), f(5, 3), f(5))},
		{"z a vector", "mixtureLogDensity", mixture(f(3), f(5, 3), f(5, 3), f(5))},
		{"fewer log-variances", "mixtureLogDensity", mixture(f(2, 3), f(5, 3), f(4, 3), f(5))},
		{"fewer logits", "mixtureLogDensity", mixture(f(2, 3), f(5, 3), f(5, 3), f(4))},
		{"logits in a matrix", "mixtureLogDensity", mixture(f(2, 3), f(5, 3), f(5, 3), f(5, 1))},
		{"logits in float32", "mixtureLogDensity", mixture(f(2, 3), f(5, 3), f(5, 3), f32(5))},
		{"a vector", "repeat", func() (*G.Node, error) { return graph.Repeat(f(3), 2) }},
		{"no time", "repeat", func() (*G.Node, error) { return graph.Repeat(f(2, 3), 0) }},
		{"a matrix", "log-mean-exp", func() (*G.Node, error) { return graph.LogMeanExp(f(2, 3), 3) }},
		{"not whole groups", "log-mean-exp", func() (*G.Node, error) { return graph.LogMeanExp(f(7), 3) }},
		{"none", "log-mean-exp", func() (*G.Node, error) { return graph.LogMeanExp(f(6), 0) }},
		{"a matrix", "from one", func() (*G.Node, error) { return graph.FromOne(f(2, 3), G.NewScalar(g, tensor.Float64)) }},
		{"by a vector", "from one", func() (*G.Node, error) { return graph.FromOne(f(3), f(3)) }},
		{"a matrix", "softmax", func() (*G.Node, error) { return graph.Softmax(f(2, 3), 3) }},
		{"not whole groups", "softmax", func() (*G.Node, error) { return graph.Softmax(f(7), 3) }},
		{"none", "softmax", func() (*G.Node, error) { return graph.Softmax(f(6), -1) }},
		{"a vector", "scale", scaled(f(3), f(3))},
		{"fewer weights", "scale", scaled(f(2, 3), f(3))},
		{"weights in a matrix", "scale", scaled(f(2, 3), f(2, 1))},
		{"no weights", "scale", scaled(f(2, 3), nil)},
		{"a vector", "clip", func() (*G.Node, error) { return graph.Clip(f(3)) }},
		{"no nodes", "combine", func() (*G.Node, error) { return graph.Combine(nil) }},
		{"two shapes", "combine", func() (*G.Node, error) { return graph.Combine([]float64{1, 1}, f(3), f(4)) }},
		{"fewer factors", "combine", func() (*G.Node, error) { return graph.Combine([]float64{1}, f(3), f(3)) }},
		{"more factors", "combine", func() (*G.Node, error) { return graph.Combine([]float64{1, 1}, f(3)) }},
		{"two precisions", "combine", func() (*G.Node, error) { return graph.Combine([]float64{1, 1}, f(3), f32(3)) }},
		{"a vector", "scale", func() (*G.Node, error) { return graph.Scale(f(3), f(3)) }},
		{"no nodes", "join", func() (*G.Node, error) { return graph.Join() }},
		{"a vector", "join", func() (*G.Node, error) { return graph.Join(f(2, 3), f(2)) }},
		{"fewer rows", "join", func() (*G.Node, error) { return graph.Join(f(2, 3), f(1, 3)) }},
		{"two precisions", "join", func() (*G.Node, error) { return graph.Join(f(2, 3), f32(2, 3)) }},
		{"scales of another shape", "affine", func() (*G.Node, error) { return graph.Affine(f(2, 3), f(2, 2), f(2, 3)) }},
		{"two precisions", "affine", func() (*G.Node, error) { return graph.Affine(f(2, 3), f(2, 3), f32(2, 3)) }},
		{"a scalar in float32", "scale", func() (*G.Node, error) { return graph.Scale(f(3), G.NewScalar(g, tensor.Float32, G.WithName("s"))) }},
	} {
		n, err := tt.build()
		if err == nil {
			t.Errorf("%s of %s: no error, result %v", tt.want, tt.what, n.Shape())
		} else if !strings.Contains(err.Error(), ": ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s of %s: error %q does not name the operation", tt.want, tt.what, err)
		}
	}
}

// Data that is repeated has no gradient, as in Linear.
func TestRepeatedDataHasNoGradient(t *testing.T) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(2, 3))
	r, err := graph.Repeat(x, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(G.Must(G.Sum(r)), x); err == nil {
		t.Error("a gradient for data")
	}
}
