package dist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// all is one likelihood of each kind.
func all(t testing.TB, dt tensor.Dtype) (liks []Family) {
	t.Helper()
	return []Family{Bernoulli{}, ContinuousBernoulli{}, Gaussian{0.7}, learned(t, 0.7, dt), GaussianPixel{0.7}, LaplacePixel{0.7}, Logistic256{}}
}

func learned(t testing.TB, sigma float64, dt tensor.Dtype) GaussianLearned {
	t.Helper()
	g, err := NewGaussianLearned(sigma, dt)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What a likelihood can't be of is an error, which names the likelihood and the number.
func TestLikelihoodValidate(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, tt := range []struct {
		family Family
		err    string
	}{
		{Gaussian{0.3}, ""}, {GaussianPixel{0.3}, ""}, {GaussianPixel{}, ""}, {LaplacePixel{0.3}, ""}, {LaplacePixel{}, ""}, {Bernoulli{}, ""},
		{LaplacePixel{-1}, "laplace likelihood with a least scale of -1"}, {LaplacePixel{nan}, "least scale of NaN"},
		{Gaussian{}, "gaussian likelihood with sigma 0"}, {Gaussian{inf}, "sigma +Inf"}, {GaussianPixel{-1}, "gaussian-pixel likelihood with a least sigma of -1"}, {GaussianPixel{inf}, "sigma of +Inf"},
		{Categorical{1}, "categorical: 1 classes"}, {Transformed{}, "a flow <nil> on a base <nil>, want both"},
		{Transformed{Base: coinCode{}, Flow: &RealNVP{}}, "a flow on the bernoulli posterior, which is of bits: want one of real numbers"},
		{MixtureOf{}, "a mixture of 0 components"},
	} {
		err := validate(tt.family)
		if (err == nil) != (tt.err == "") || err != nil && (!strings.HasPrefix(err.Error(), "dist: ") || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%#v: error %v, want %q", tt.family, err, tt.err)
		}
	}
	for want, prior := range map[string]Prior{
		"dist: a flow prior of 0 dimensions with the flow <nil>":                             FlowPrior{},
		"dist: a flow on the coins prior, which is of bits: want one of real numbers":        FlowPrior{2, &RealNVP{}, coins{}},
		"dist: a flow prior of 0 dimensions with the flow <nil>, want at least 1 and a flow": FlowPrior{2, &RealNVP{}, FlowPrior{}},
	} {
		if err := validate(prior); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%#v: error %v, want %q", prior, err, want)
		}
	}
	for _, sigma := range []float64{0, -1, nan} {
		if _, err := NewGaussianLearned(sigma, tensor.Float32); err == nil || !strings.Contains(err.Error(), fmt.Sprint("sigma ", sigma)) {
			t.Errorf("gaussian-learned that starts at %v: %v", sigma, err)
		}
	}
	if _, err := NewGaussianLearned(1, tensor.Int); err == nil {
		t.Error("gaussian-learned of integers")
	}
	for _, n := range [][2]int{{0, 2}, {-1, 2}, {2, 0}} {
		if _, err := NewMixture(n[0], n[1], tensor.Float32, seeded(1)); err == nil || !strings.Contains(err.Error(), "want at least 1 of each") {
			t.Errorf("a mixture of %v: %v", n, err)
		}
	}
}

// coins is a prior of bits.
type coins struct{ StandardNormal }

func (coins) Name() string   { return "coins" }
func (coins) Domain() Domain { return Binary }

// coinCode is a code of bits.
type coinCode struct{ Bernoulli }

func (coinCode) Noise(dim int) int { return dim }

// What a likelihood says of itself: outputs, and parameters under their names.
func TestOutputsAndParams(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		for _, lik := range all(t, dt) {
			outputs, params := 7, 0
			switch lik.Name() {
			case "gaussian-pixel", "laplace", "logistic256":
				outputs = 14
			case "gaussian-learned":
				params = 1
			}
			if got := lik.Outputs(7); got != outputs {
				t.Errorf("%s: %d outputs, want %d", lik.Name(), got, outputs)
			}
			if n := len(lik.Params()); n != params {
				t.Errorf("%s: %d parameters, want %d", lik.Name(), n, params)
			}
			for _, p := range lik.Params() {
				if p.Names[0] != "likelihood.logvar" || p.Value.Dtype() != dt || !p.Value.Shape().Eq(tensor.Shape{1}) {
					t.Errorf("%s: parameter %v of %v, %v", lik.Name(), p.Names, p.Value.Dtype(), p.Value.Shape())
				}
			}
		}
	}
}

func TestCheck(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	levels := []float32{0}
	for i := range 256 {
		levels = append(levels, float32(i)/255, float32(i)*(1/float32(255)))
	}
	levels[len(levels)-1] = 1 // 255 times the rounded 1/255 may be above
	unit := []float32{0, 1, 0.5, 1e-30}
	for _, lik := range all(t, tensor.Float32) {
		good, bad := []float32{-3, 0, 1e30}, []float32{nan, inf, -inf}
		switch lik.Name() {
		case "bernoulli", "continuous-bernoulli":
			good, bad = append(unit, levels...), []float32{nan, inf, -inf, -1e-6, 1.00001, 255}
		case "logistic256":
			good, bad = levels, []float32{nan, inf, -inf, -1.0 / 255, 256.0 / 255, 0.5, 1.001 / 255, 0.999, 1e-5, 255}
		}
		if err := Check(lik, good); err != nil {
			t.Errorf("%s: %v", lik.Name(), err)
		}
		for _, v := range bad {
			err := Check(lik, []float32{1, v, 0})
			if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("dist: %s likelihood: pixel 1 is %v, want ", lik.Name(), v)) {
				t.Errorf("%s of %v: error %v", lik.Name(), v, err)
			}
		}
	}
}

// logits are those at which the continuous Bernoulli is tested.
var logits = []float64{0, 1e-6, -1e-6, 1e-3, -1e-3, 0.3, -0.3, 1, -1, 10, -10, 50, -50}

// simpson integrates f over [a,b]: the error is (b−a)·h⁴/180·max|f⁗|.
func simpson(a, b float64, n int, f func(x float64) float64) float64 {
	h, sum := (b-a)/float64(n), 0.0
	for i := range n {
		l := a + float64(i)*h
		sum += f(l) + 4*f(l+h/2) + f(l+h)
	}
	return sum * h / 6
}

// Densities have the integral 1, and the mean that Mean gives. At l = 50 the fourth
// derivative is 50⁵, which with h = 1/40000 makes an error of 1e-12.
func TestContinuousBernoulliIntegral(t *testing.T) {
	for _, l := range logits {
		density := func(x float64) float64 {
			return math.Exp(-distortion(ContinuousBernoulli{}, []float64{l}, []float64{x}))
		}
		within(t, fmt.Sprintf("integral at %v", l), []float64{simpson(0, 1, 20000, density)}, []float64{1}, 1e-11, 0)
		mean := simpson(0, 1, 20000, func(x float64) float64 { return x * density(x) })
		l32 := []float32{float32(l)}
		within(t, fmt.Sprintf("mean at %v", l), []float64{float64(meansOf(ContinuousBernoulli{}, l32)[0])}, []float64{mean}, 1e-6, 0)
	}
}

func TestGaussianIntegrals(t *testing.T) {
	for _, sigma := range []float64{0.05, 0.7, 3} {
		lv := 2 * math.Log(sigma)
		for name, d := range map[string]func(x float64) float64{
			"learned": func(x float64) float64 {
				return distortion(learned(t, sigma, tensor.Float64), []float64{0.4}, []float64{x})
			},
			"pixel":       func(x float64) float64 { return distortion(GaussianPixel{}, []float64{0.4, lv}, []float64{x}) },
			"pixel, both": func(x float64) float64 { return distortion(GaussianPixel{0.1}, []float64{0.4, lv}, []float64{x}) },
		} {
			w := 12 * (sigma + 0.1)
			got := simpson(0.4-w, 0.4+w, 20000, func(x float64) float64 { return math.Exp(-d(x)) })
			within(t, fmt.Sprint(name, sigma), []float64{got}, []float64{1}, 1e-11, 0)
		}
	}
}

// The 256 probabilities sum to 1, at any mean and scale, and Mean is their mean.
func TestLogistic256Sum(t *testing.T) {
	for _, m := range []float64{0.5, 0.25, 0, 1, 100.0 / 255, -0.5, 3, -1e4, 1e4} {
		for _, l := range []float64{-80, -20, -10, -7, -5, -3, -1, 0, 3, 40, 600} {
			m, l := float64(float32(m)), float64(float32(l))
			var sum, mean float64
			for i := range 256 {
				x := float64(i) / 255
				p := math.Exp(-distortion(Logistic256{}, []float64{m, l}, []float64{x}))
				sum, mean = sum+p, mean+x*p
			}
			what := fmt.Sprintf("mean %v, log-scale %v", m, l)
			within(t, what, []float64{sum}, []float64{1}, 1e-11, 0)
			within(t, what+": Mean", []float64{float64(meansOf(Logistic256{}, []float32{float32(m), float32(l)})[0])}, []float64{mean}, 1e-6, 1e-6)
		}
	}
}

// Means is Mean to 1e-8, below and above the scale of one level where the formula changes, and NaN
// for what is none.
func TestLogistic256Means(t *testing.T) {
	for _, s := range []float64{1e-30, 0.01, 0.3, 0.9, 0.999, 0.99999, 1.00001, 1.001, 1.3, 2, 7, 60, 300, 1e4, 1e9, 1e290} { // in levels
		for _, m := range []float64{-1e6, -300, -30, -3, -0.5, 0, 0.2, 0.5, 3, 100.3, 127.5, 200, 254, 254.7, 255, 258, 290, 600, 1e6} {
			got, want := logisticMean(m/255, s/255), LogisticValue{[]float64{m / 255}, []float64{math.Log(s / 255)}}.Mean()[0]
			if !(math.Abs(got-want) < 1e-8) {
				t.Errorf("mean of level %v, scale of %v levels: %.12f, want %.12f", m, s, got, want)
			}
		}
	}
	x := Means(Logistic256{}, []float32{0.25, 0.875, -1, -9, 0.5, 0.125, -3, 2}, 2)
	for i, v := range [][2]float64{{0.25, -1}, {0.875, -9}, {0.5, -3}, {0.125, 2}} { // m and log-scale of each pixel
		if want := (Logistic256{}).At(v[:]).Mean()[0]; math.Abs(float64(x[i])-want) > 1e-7 {
			t.Errorf("pixel %d: %v, want %v", i, x[i], want)
		}
	}
	nan := float32(math.NaN())
	for i, v := range Means(Logistic256{}, []float32{nan, nan, 0, -9, 0, nan}, 3) {
		if v == v {
			t.Errorf("pixel %d of NaN: %v", i, v)
		}
	}
}

// Answers known from elsewhere. With mean 127.5/255 and scale 1/255, level 128 has
// σ(1) − σ(0).
func TestMoreKnownAnswers(t *testing.T) {
	sigma := func(a float64) float64 { return 1 / (1 + math.Exp(-a)) }
	halfLog2Pi := math.Log(2*math.Pi) / 2
	logit, atanh := math.Log(0.9/0.1), math.Atanh(1-2*0.9)
	for _, tt := range []struct {
		what      string
		lik       Family
		params, x []float64
		want      float64
	}{
		{"uniform", ContinuousBernoulli{}, []float64{0, 0}, []float64{0.3, 1}, 0},
		{"paper's formula, λ = 0.9", ContinuousBernoulli{}, []float64{logit}, []float64{0.25},
			-0.25*math.Log(0.9) - 0.75*math.Log(0.1) - math.Log(2*atanh/(1-2*0.9))},
		{"exponential density", ContinuousBernoulli{}, []float64{-800}, []float64{0.25}, 200 - math.Log(800)},
		{"level 128", Logistic256{}, []float64{0.5, -math.Log(255)}, []float64{128.0 / 255}, -math.Log(sigma(1) - 0.5)},
		{"level 0 takes the tail", Logistic256{}, []float64{0, 0}, []float64{0}, -math.Log(sigma(0.5 / 255))},
		{"level 255 takes the tail", Logistic256{}, []float64{1, 0}, []float64{1}, -math.Log(sigma(0.5 / 255))},
		{"certain", Logistic256{}, []float64{0.2, 7, -30, -30}, []float64{0.2, 1}, 0},
		{"learned sigma 0.1", learned(t, 0.1, tensor.Float64), []float64{0.5}, []float64{0.5}, halfLog2Pi + math.Log(0.1)},
		{"sigmas 1 and 2", GaussianPixel{}, []float64{1, 0, 0, math.Log(4)}, []float64{3, -2}, 2*halfLog2Pi + 2 + math.Ln2 + 0.5},
		{"least sigma", GaussianPixel{0.1}, []float64{0.5, -90}, []float64{0.5}, halfLog2Pi + math.Log(0.1)},
	} {
		within(t, tt.what, []float64{distortion(tt.lik, tt.params, tt.x)}, []float64{tt.want}, 1e-13, 1e-2)
	}
	if b := BitsPerDim(784*8*math.Ln2, 784); math.Abs(b-8) > 1e-15 {
		t.Errorf("8 bits a pixel are %v", b)
	}
}

// points are parameters and pixels of n pixels: ordinary, then from run 3 on extreme.
func points(lik Family, run, b, w int) (params, x []float64) {
	params, x = normals(uint64(run), b*lik.Outputs(w)), make([]float64, b*w)
	for i := range x {
		x[i] = float64(float32([]float64{0, 1, 51.0 / 255, 254.0 / 255}[i%4]))
	}
	if run >= 3 {
		for i, v := range params {
			params[i] = []float64{-80, 80, -1e4, 1e-8, 0, v, 1}[(3*i+run)%7]
			// The sum of squares in float32 ends at 3e38.
			if lik.Name() == "gaussian-pixel" && i/w%2 == 1 {
				params[i] = max(params[i], -60)
			}
		}
	}
	return params, x
}

// The node has the value of Distortion, run after run, in both precisionsOf, and at
// extremes too.
func TestNodeIsDistortion(t *testing.T) {
	const b, w = 4, 5
	for dt, rel := range precisionsOf {
		for _, lik := range all(t, dt) {
			gr := newGraph(t, dt, b, []int{lik.Outputs(w), w}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
				d, err := distortionNode(lik, in[0], in[1])
				return d, G.Nodes{in[0]}, err
			})
			for run := range 12 {
				params, x := points(lik, run, b, w)
				out := gr.run(t, params, x, []float64{1, 1, 1, 1})
				for i := range b {
					want := distortion(lik, params[i*lik.Outputs(w):(i+1)*lik.Outputs(w)], x[i*w:(i+1)*w])
					within(t, fmt.Sprintf("%s/%v, run %d, image %d", lik.Name(), dt, run, i), out[0][i:i+1], []float64{want}, rel, w)
				}
				for i, v := range out[1] {
					if v-v != 0 {
						t.Errorf("%s/%v, run %d: gradient %d is %v", lik.Name(), dt, run, i, v)
					}
				}
			}
		}
	}
}

// The gradients, of the likelihood's own parameters too, are the central differences
// of Distortion, with h = 1e-5·max(1, |p|) and errors as in TestDistortionDifferences.
func TestNodeDifferences(t *testing.T) {
	const w = 5
	for _, lik := range all(t, tensor.Float64) {
		own := lik.Params()
		gr := newGraph(t, tensor.Float64, 1, []int{lik.Outputs(w), w}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
			d, err := distortionNode(lik, in[0], in[1])
			wrt := G.Nodes{in[0]}
			for _, p := range own {
				wrt = append(wrt, p.Node(in[0].Graph()))
			}
			return d, wrt, err
		})
		for run := range 3 {
			params, x := points(lik, run, 1, w)
			for i := range params {
				params[i] /= 2
			}
			gr.run(t, params, x, []float64{1}) // with another value, which must not stick
			at := [][]float64{params}
			for _, p := range own {
				p.Value.Data().([]float64)[0] = float64(run)/2 - 1
				at = append(at, p.Value.Data().([]float64))
			}
			out := gr.run(t, params, x, []float64{1})[1:] // the graph sees the new value
			for k, v := range at {
				want := make([]float64, len(v))
				for j, p := range v {
					h := 1e-5 * max(1, math.Abs(p))
					v[j] = p + h
					up := distortion(lik, params, x)
					v[j] = p - h
					want[j] = (up - distortion(lik, params, x)) / (2 * h)
					v[j] = p
				}
				within(t, fmt.Sprintf("%s, parameter %d", lik.Name(), k), out[k], want, 1e-7, 1)
			}
		}
	}
}

// The best learned variance is the mean squared error: there its gradient is 0, and
// the two sides of it fall towards it. Weights of the images count.
func TestLearnedVarianceIsMeanSquare(t *testing.T) {
	const b, w = 3, 4
	lik := learned(t, 1, tensor.Float32)
	logvar := lik.Params()[0].Value.Data().([]float32)
	gr := newGraph(t, tensor.Float32, b, []int{w, w}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
		d, err := distortionNode(lik, in[0], in[1])
		return d, G.Nodes{lik.Params()[0].Node(in[0].Graph())}, err
	})
	mean, x := normals(1, b*w), normals(2, b*w)
	weights, sum, n := []float64{1, 2, 0}, 0.0, 0.0
	for i, m := range mean {
		sum, n = sum+weights[i/w]*(x[i]-m)*(x[i]-m), n+weights[i/w]
	}
	for _, off := range []float64{0, 1, -1} {
		logvar[0] = float32(math.Log(sum/n) + off)
		got := gr.run(t, mean, x, weights)[1]
		want := n / 2 * (1 - math.Exp(-off))
		within(t, fmt.Sprint("off by ", off), got, []float64{want}, 1e-5, n)
	}
}

// kolmogorov compares draws with a cumulative distribution function: the greatest
// difference times √n is above 2.23 for 1 seed in 10⁴.
func kolmogorov(t *testing.T, what string, x []float32, cdf func(x float64) float64) {
	t.Helper()
	slices.Sort(x)
	n, most := float64(len(x)), 0.0
	for i, v := range x {
		p := cdf(float64(v))
		most = max(most, math.Abs(p-float64(i)/n), math.Abs(p-float64(i+1)/n))
	}
	if !(most*math.Sqrt(n) < 2.23) {
		t.Errorf("%s: distribution function off by %v", what, most)
	}
}

// 1 seed in 10⁴ fails at one of 13 logits.
func TestContinuousBernoulliSample(t *testing.T) {
	for _, l := range append(logits, 800, -800) {
		x := make([]float32, 100_000)
		for i := range x {
			x[i] = float32(l)
		}
		x = sampled(ContinuousBernoulli{}, x, seeded(1))
		if err := Check((ContinuousBernoulli{}), x); err != nil {
			t.Errorf("logit %v: %v", l, err)
		}
		kolmogorov(t, fmt.Sprint("logit ", l), x, func(x float64) float64 {
			switch {
			case l == 0:
				return x
			case l > 0:
				return 1 - math.Expm1(-l*(1-x))/math.Expm1(-l)
			}
			return math.Expm1(l*x) / math.Expm1(l)
		})
	}
}

// 1 seed in 10⁴ fails at one of 3 variances, of two likelihoods.
func TestLearnedVarianceSample(t *testing.T) {
	const n = 100_000
	for _, sigma := range []float64{0.1, 1, 5} {
		cdf := func(x float64) float64 { return math.Erfc((0.5-x)/sigma/math.Sqrt2) / 2 }
		mean, params := make([]float32, n), make([]float32, 2*n)
		for i := range n {
			mean[i], params[i], params[n+i] = 0.5, 0.5, float32(2*math.Log(sigma))
		}
		kolmogorov(t, "learned", sampled(learned(t, sigma, tensor.Float32), mean, seeded(2)), cdf)
		kolmogorov(t, "pixel", sampled(GaussianPixel{}, params, seeded(3)), cdf)
	}
}

// Each level has the frequency of its probability, within 5 standard errors, and
// three draws where it is rare: 1 seed in 1000 fails in any of some 500 levels. The mean
// square, which a wrong scale moves, is within 4: 1 seed in 16000 fails, of each of 5.
func TestLogistic256Sample(t *testing.T) {
	const n = 100_000
	for _, p := range [][2]float64{{0.5, -3}, {0.02, -4}, {0.99, -7}, {1.5, -1}, {0.5, 600}} {
		params := make([]float32, 2*n)
		for i := range n {
			params[i], params[n+i] = float32(p[0]), float32(p[1])
		}
		x := sampled(Logistic256{}, params, rand.NewPCG(4, 4))
		if err := Check((Logistic256{}), x); err != nil || len(x) != n {
			t.Fatalf("%v: %d pixels, error %v", p, len(x), err)
		}
		var count [256]float64
		for _, v := range x {
			count[int(math.Round(float64(v)*255))]++
		}
		var square, fourth, got float64 // moments about m
		for i, c := range count {
			e := float64(i)/255 - p[0]
			want := n * math.Exp(-distortion(Logistic256{}, []float64{float64(float32(p[0])), float64(float32(p[1]))}, []float64{float64(i) / 255}))
			if math.Abs(c-want) > 5*math.Sqrt(want)+3 {
				t.Errorf("%v: level %d drawn %v times, want %v", p, i, c, want)
			}
			square, fourth, got = square+e*e*want/n, fourth+e*e*e*e*want/n, got+e*e*c/n
		}
		if math.Abs(got-square) > 4*math.Sqrt((fourth-square*square)/n) {
			t.Errorf("%v: mean square %v, want %v", p, got, square)
		}
	}
}

// Where a pixel has two parameters, the means come first, and the mean image is as
// long as an image. The continuous Bernoulli's mean is not the sigmoid.
func TestMeans(t *testing.T) {
	for _, lik := range all(t, tensor.Float32) {
		params := []float32{0.2, 0.8, 0.2, 0.8}[:lik.Outputs(2)]
		if lik.Outputs(2) == 4 {
			params[2], params[3] = -9, -9
		}
		want := []float32{0.2, 0.8}
		switch lik.Name() {
		case "bernoulli":
			want = []float32{0.5498340, 0.6899745}
		case "continuous-bernoulli": // 1/(1−e⁻ˡ) − 1/l, by mpmath
			want = []float32{0.5166556, 0.5659662}
		}
		got := meansOf(lik, params)
		if len(got) != 2 || math.Abs(float64(got[0]-want[0])) > 1e-3/255 || math.Abs(float64(got[1]-want[1])) > 1e-3/255 {
			t.Errorf("%s: mean %v, want %v", lik.Name(), got, want)
		}
	}
}
