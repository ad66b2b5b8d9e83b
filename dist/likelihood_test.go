package dist

import (
	"fmt"
	"math"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Distortions whose value is known from elsewhere: probabilities of coins, and the
// density of the normal distribution.
func TestDistortionKnownAnswers(t *testing.T) {
	logit := func(p float64) float64 { return math.Log(p / (1 - p)) }
	halfLog2Pi := math.Log(2*math.Pi) / 2 // 0.918938533204672742, OEIS A075700
	for _, tt := range []struct {
		what      string
		lik       Family
		params, x []float64
		want      float64
	}{
		{"no pixels", Bernoulli{}, nil, nil, 0},
		{"fair coin", Bernoulli{}, []float64{0}, []float64{1}, math.Ln2},
		{"two fair coins", Bernoulli{}, []float64{0, 0}, []float64{1, 0}, 2 * math.Ln2},
		{"p = 0.9, heads", Bernoulli{}, []float64{logit(0.9)}, []float64{1}, -math.Log(0.9)},
		{"p = 0.9, tails", Bernoulli{}, []float64{logit(0.9)}, []float64{0}, -math.Log(0.1)},
		{"grey: cross-entropy", Bernoulli{}, []float64{logit(0.9)}, []float64{0.25}, -0.25*math.Log(0.9) - 0.75*math.Log(0.1)},
		{"certain and right", Bernoulli{}, []float64{800, -800}, []float64{1, 0}, 0},
		{"certain and wrong", Bernoulli{}, []float64{800, -800}, []float64{0, 1}, 1600},
		{"nearly certain", Bernoulli{}, []float64{-40}, []float64{0}, math.Exp(-40)},
		{"standard normal at 0", Gaussian{1}, []float64{0}, []float64{0}, halfLog2Pi},
		{"standard normal at 2", Gaussian{1}, []float64{0}, []float64{2}, halfLog2Pi + 2},
		{"sigma 0.1 at its mean", Gaussian{0.1}, []float64{0.5}, []float64{0.5}, halfLog2Pi + math.Log(0.1)},
		{"sigma 2, two pixels", Gaussian{2}, []float64{1, 0}, []float64{3, -2}, 2*halfLog2Pi + 2*math.Log(2) + 1},
	} {
		// The logit of 0.9 is itself rounded, by 1e-16 of 2.2.
		within(t, tt.what, []float64{distortion(tt.lik, tt.params, tt.x)}, []float64{tt.want}, 4e-15, 0)
	}
}

// likelihoodPoints are parameters and pixels: ordinary, then extreme.
func likelihoodPoints(run, n int) (params, x []float64) {
	params, x = normals(uint64(run), n), make([]float64, n)
	for i, v := range normals(uint64(100+run), n) {
		x[i] = []float64{0, 1, 0.25}[i%3]
		if run >= 3 {
			params[i] = []float64{-800, 800, 1e4, -1e4, 0, v}[(i+run)%6]
		}
	}
	return params, x
}

// The node has the value of Distortion, and the gradient that the doc comments
// state, in both precisionsOf, run after run, at extremes too.
func TestDistortionNode(t *testing.T) {
	const b, w = 4, 5
	for _, tt := range []struct {
		lik  Family
		grad func(p, x float64) (g, scale float64)
	}{
		{Bernoulli{}, func(l, x float64) (float64, float64) { return 1/(1+math.Exp(-l)) - x, 1 }},
		{Gaussian{0.3}, func(m, x float64) (float64, float64) { return (m - x) / 0.09, math.Abs(m-x) / 0.09 }},
	} {
		for dt, rel := range precisionsOf {
			t.Run(fmt.Sprintf("%s/%v", tt.lik.Name(), dt), func(t *testing.T) {
				gr := newGraph(t, dt, b, []int{w, w}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
					d, err := distortionNode(tt.lik, in[0], in[1])
					return d, G.Nodes{in[0]}, err
				})
				for run := range 12 {
					params, x := likelihoodPoints(run, b*w)
					weights := normals(uint64(200+run), b)
					out := gr.run(t, params, x, weights)
					for i := range b {
						want := distortion(tt.lik, params[i*w:(i+1)*w], x[i*w:(i+1)*w])
						within(t, fmt.Sprintf("run %d, image %d", run, i), out[0][i:i+1], []float64{want}, rel, 0)
						for j := i * w; j < (i+1)*w; j++ {
							g, scale := tt.grad(params[j], x[j])
							within(t, fmt.Sprintf("run %d, gradient %d", run, j), out[1][j:j+1], []float64{weights[i] * g}, rel, math.Abs(weights[i])*scale)
						}
					}
				}
			})
		}
	}
}

// The gradient is also the central difference of Distortion: h = 1e-5·max(1, |p|).
// Its rounding error is ε·|f|/h, where |f| is up to 8 and the gradient's natural
// size 1: below 1e-9.
func TestDistortionDifferences(t *testing.T) {
	const w = 5
	for _, lik := range []Family{Bernoulli{}, Gaussian{0.7}} {
		gr := newGraph(t, tensor.Float64, 1, []int{w, w}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
			d, err := distortionNode(lik, in[0], in[1])
			return d, G.Nodes{in[0]}, err
		})
		for run := range 3 {
			params, x := likelihoodPoints(run, w)
			got := gr.run(t, params, x, []float64{1})[1]
			want := make([]float64, w)
			for j, v := range params {
				h := 1e-5 * max(1, math.Abs(v))
				params[j] = v + h
				up := distortion(lik, params, x)
				params[j] = v - h
				want[j] = (up - distortion(lik, params, x)) / (2 * h)
				params[j] = v
			}
			within(t, lik.Name(), got, want, 1e-7, 1)
		}
	}
}

// The pixels are data: they have no gradient.
func TestNoGradientForPixels(t *testing.T) {
	for _, lik := range all(t, tensor.Float64) {
		g := G.NewGraph()
		p := G.NewMatrix(g, tensor.Float64, G.WithName("p"), G.WithShape(2, lik.Outputs(3)))
		x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(2, 3))
		d, err := distortionNode(lik, p, x)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := G.Grad(G.Must(G.Sum(d)), x); err == nil {
			t.Errorf("%s: a gradient for the pixels", lik.Name())
		}
	}
}

func TestDistortionErrors(t *testing.T) {
	g := G.NewGraph()
	in := func(dt tensor.Dtype, shape ...int) *G.Node {
		return G.NewTensor(g, dt, len(shape), G.WithName(fmt.Sprint(dt, shape)), G.WithShape(shape...))
	}
	a := in(tensor.Float64, 2, 3)
	for _, tt := range []struct {
		lik    Family
		params *G.Node
		x      *G.Node
		want   string
	}{
		{Bernoulli{}, a, in(tensor.Float64, 2, 4), "shapes"}, {Bernoulli{}, a, in(tensor.Float32, 2, 3), "float32"},
		{Gaussian{1}, a, in(tensor.Float64, 3, 2), "shapes"}, {Gaussian{1}, in(tensor.Float64, 3), in(tensor.Float64, 3), "shapes"},
		{ContinuousBernoulli{}, a, in(tensor.Float64, 2, 4), "shapes"}, {Logistic256{}, a, a, "shapes"}, {GaussianPixel{}, a, a, "shapes"},
		{learned(t, 1, tensor.Float32), a, a, "float32"}, {GaussianPixel{-1}, a, a, "sigma of -1"},
		{Gaussian{}, a, a, "sigma 0"}, {Gaussian{-1}, a, a, "sigma -1"}, {Gaussian{math.NaN()}, a, a, "sigma NaN"},
	} {
		_, err := distortionNode(tt.lik, tt.params, tt.x)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%#v: error %v, want %s", tt.lik, err, tt.want)
		}
	}
	for _, lik := range all(t, tensor.Float64) {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: lengths differ, no panic", lik.Name())
				}
			}()
			distortion(lik, []float64{1, 2, 3}, []float64{1})
		}()
	}
}
