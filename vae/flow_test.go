package vae

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"govae/encoder"
	"govae/internal/op"
	"govae/internal/stream"
)

func flowing(layers int) Config {
	cfg := tiny()
	cfg.Flow = layers
	return cfg
}

// Importance weights of a posterior with a flow give the log p(x) of a grid over z,
// which knows nothing of q (TestLogLikelihoodOnGrid). A flow whose log|det| were
// wrong, or of which it were left out, could not.
func TestFlowLogLikelihoodOnGrid(t *testing.T) {
	m := louder(noisy(new64(t, flowing(2))), 4)
	const n = 3
	x, _ := binary(m, n)
	axis, step := grid()
	var sums [n]LogSumExp
	for _, a := range axis {
		for _, b := range axis {
			params := plainNet(m.dec.Params(), []float64{a, b})
			prior := logNormal([]float64{a, b}, []float64{0, 0}, []float64{0, 0})
			for i := range sums {
				sums[i].Add(prior - m.lik.Distortion(params, widen(x[i*m.pixels:(i+1)*m.pixels])) + 2*math.Log(step))
			}
		}
	}
	checkAgainstTruth(t, m, x, func(i int) float64 { return sums[i].Value() })
}

// mutant is a flow whose log|det| is multiplied by a factor that it must not have.
type mutant struct {
	encoder.Flow
	factor float64
}

func (f mutant) Transform(z0, mu, logvar *G.Node) (z, logDet *G.Node, err error) {
	if z, logDet, err = f.Flow.Transform(z0, mu, logvar); err != nil {
		return nil, nil, err
	}
	logDet, err = op.Combine([]float64{f.factor}, logDet)
	return z, logDet, err
}

// With log|det| left out, or its sign turned, the estimate is off the true one by far
// more than its error.
func TestFlowMutants(t *testing.T) {
	const n = 3
	logp := func(factor float64) []float64 {
		m := louder(noisy(new64(t, flowing(2))), 4)
		m.flow = mutant{m.flow, factor}
		x, _ := binary(m, n)
		l, err := m.LogLikelihood(context.Background(), x, 5000, 1)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	truth := logp(1) // TestFlowLogLikelihoodOnGrid
	for _, factor := range []float64{0, -1} {
		for i, l := range logp(factor) {
			if math.Abs(l-truth[i]) < 0.1 {
				t.Errorf("log|det| times %v, image %d: %v, the truth is %v", factor, i, l, truth[i])
			}
		}
	}
}

// The gradient of stl and dreg for the encoder and the flow is the central difference
// of
//
//	Σ_i c_i·(log p(x|z_i) + log p(z_i) − log q(z_i|x)),   c_i = ŵ_i or ŵ_i²
//
// in which c and q's density, flow and all, are those of the parameters as they are,
// and only z_i moves with them (TestPathGradientsAreDifferences).
func TestFlowPathGradients(t *testing.T) {
	const batch, k, h = 2, 3, 1e-5
	for _, name := range []string{"stl", "dreg"} {
		m, frozen := noisy(new64(t, flowing(2))), noisy(new64(t, flowing(2)))
		x, _ := binary(m, batch)
		s := newStepper(t, m, batch, Objective{Name: name, K: k})
		s.run(x, 1, stream.New(2, stream.Eps, 0))
		grads := s.grads()
		density := func(img, z []float64) float64 {
			mu, logvar := plainEncode(frozen.enc, img)
			flow := frozen.flow.(*encoder.RealNVP)
			z0 := flow.InverseValue(z, mu, logvar)
			_, logDet := flow.TransformValue(z0, mu, logvar)
			return logNormal(z0, mu, logvar) - logDet
		}
		draws := func(f func(b, i int, img []float64, d terms)) {
			for b := range batch {
				img := widen(x[b*m.pixels : (b+1)*m.pixels])
				for i := range k {
					f(b, i, img, plainTerms(m, img, widen(s.eps[(b*k+i)*m.latent:(b*k+i+1)*m.latent])))
				}
			}
		}
		var c []float64
		draws(func(_, _ int, _ []float64, d terms) { c = append(c, d.logw()) })
		for lo := 0; lo < len(c); lo += k {
			sum := logSum(c[lo : lo+k])
			for i := lo; i < lo+k; i++ {
				if c[i] = math.Exp(c[i] - sum); name == "dreg" {
					c[i] *= c[i]
				}
			}
		}
		surrogate := func() (f float64) {
			draws(func(b, i int, img []float64, d terms) {
				f -= c[b*k+i] * (d.logl + d.logp - density(img, d.z[0])) / batch
			})
			return f
		}
		for i, p := range m.Params() {
			if !strings.HasPrefix(p.Names[0], "encoder") {
				continue
			}
			stride := 1 + p.Value.Shape().TotalSize()/40
			w, got, want := data64(p), []float64{}, []float64{}
			for j := 0; j < len(w); j += stride {
				was := w[j]
				w[j] = was + h
				up := surrogate()
				w[j] = was - h
				got, want = append(got, grads[i][j]), append(want, (up-surrogate())/(2*h))
				w[j] = was
			}
			if err := differs(name+": gradient of "+p.Names[0], got, want, 1e-6); err != nil {
				t.Error(err)
			}
		}
	}
}

// At one draw stl with a flow has the mean gradient of elbo-sampled, and dreg that of
// iwae, at the same noise: the projections on 4 random directions of ±1 agree within 4
// standard errors of the mean of their differences. Of all seeds 1 in 2000 fails.
func TestFlowGradientMeans(t *testing.T) {
	n := gradientRuns() / 4
	for _, pair := range [][2]Objective{{{Name: "stl"}, {Name: "elbo-sampled"}}, {{Name: "dreg", K: 4}, {Name: "iwae", K: 4}}} {
		m := noisy(new64(t, flowing(2)))
		x, _ := binary(m, 1)
		var signs [4][]float64 // one after another for all that q is made of
		var series [2][4][]float64
		for i, o := range pair {
			s, src := newStepper(t, m, 1, o), stream.New(8, stream.Eps, 0)
			for range n {
				s.run(x, 1, src)
				var q []float64
				for l, g := range s.grads() {
					if strings.HasPrefix(m.Params()[l].Names[0], "encoder") {
						q = append(q, g...)
					}
				}
				for k := range signs {
					for r := rand.New(rand.NewPCG(uint64(k), 1)); len(signs[k]) < len(q); {
						signs[k] = append(signs[k], float64(2*r.IntN(2)-1))
					}
					series[i][k] = append(series[i][k], dot(signs[k], q))
				}
			}
		}
		for k := range series[0] {
			d := minus(series[0][k], series[1][k])
			if z := zScore(d); !(math.Abs(z) <= 4) || variance(d) == 0 {
				t.Errorf("%+v and %+v, projection %d: off by %.1f standard errors", pair[0], pair[1], k, z)
			}
		}
	}
}

// A new flow changes nothing: the model of one seed has the same weights beside it,
// and the same bound.
func TestNewFlowChangesNothing(t *testing.T) {
	with, without := new64(t, flowing(3)), new64(t, tiny())
	for i, p := range without.Params() {
		if q := with.Params()[i]; !slices.Equal(p.Names, q.Names) || !slices.Equal(data64(p), data64(q)) {
			t.Errorf("%v: other weights with a flow", p.Names)
		}
	}
	const batch = 4
	x, _ := binary(with, batch)
	var loss [2]float64
	for i, m := range []*Model{with, without} {
		loss[i], _, _ = newStepper(t, m, batch, Objective{Name: "iwae", K: 3}).run(x, 1, stream.New(1, stream.Eps, 0))
	}
	if math.Abs(loss[0]-loss[1]) > 1e-13*loss[1] {
		t.Errorf("loss %v with a flow, %v without", loss[0], loss[1])
	}
}

// Transform, Center and Reconstruct go through the flow.
func TestFlowInference(t *testing.T) {
	m, err := New(flowing(2))
	if err != nil {
		t.Fatal(err)
	}
	noisy(m)
	const n = 9
	x, _ := binary(m, n)
	mu, logvar, err := m.Encode(x)
	if err != nil {
		t.Fatal(err)
	}
	center, err := m.Center(x)
	if err != nil {
		t.Fatal(err)
	}
	moved := 0.0
	for i := range n {
		lo, hi := i*m.latent, (i+1)*m.latent
		want, _ := m.flow.(*encoder.RealNVP).TransformValue(widen(mu[lo:hi]), widen(mu[lo:hi]), widen(logvar[lo:hi]))
		for j, w := range want {
			moved += math.Abs(w - float64(mu[lo+j]))
			if math.Abs(float64(center[lo+j])-w) > 1e-5 {
				t.Errorf("image %d: centre %v, want %v", i, center[lo:hi], want)
			}
		}
	}
	if moved < 0.1 {
		t.Errorf("the flow moves the means by %v in all", moved)
	}
	images, err := m.Reconstruct(x)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := m.Decode(center); err != nil || !slices.Equal(images, want) {
		t.Errorf("reconstructions are not of the centres: %v", err)
	}
	for _, bad := range [][3][]float32{{mu[1:], mu, logvar}, {mu, mu[m.latent:], logvar}, {mu, mu, logvar[m.latent:]}} {
		if _, err := m.Transform(bad[0], bad[1], bad[2]); err == nil || !strings.HasPrefix(err.Error(), "vae: ") {
			t.Errorf("numbers of other lengths: %v", err)
		}
	}
}
