package evaluate_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"govae/evaluate"
	"govae/mnist"
	"govae/vae"
)

// A posterior that is not Gaussian is evaluated with a flow and with further layers too, by
// draws. Here its scales are below e⁻²⁰, so that each draw is what the flow makes of the mean,
// and its variance over images that of Center, up to float32.
func TestOtherPosteriors(t *testing.T) {
	_, set := fixture(t, 40)
	const z = 3
	x := make([]float32, len(set.Pixels))
	index := make([]int, set.Len())
	for i := range index {
		index[i] = i
	}
	set.Prepare(mnist.Threshold, nil).Fill(x, index, mnist.Threshold, nil)
	for _, c := range []struct {
		flow  int
		above []vae.Stochastic
	}{{}, {flow: 2}, {above: []vae.Stochastic{{Latent: 2}}}} {
		cfg := vae.DefaultConfig()
		cfg.Hidden, cfg.Latent, cfg.Posterior, cfg.Flow, cfg.Above = []int{10}, z, "laplace", c.flow, c.above
		m, err := vae.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(3, 4))
		for _, p := range m.Params() {
			if strings.HasPrefix(p.Names[0], "encoder.flow") {
				p.Fill(func() float64 { return r.NormFloat64() / 4 })
			}
			if p.Names[0] == "encoder.output.bias" {
				for j := range z {
					p.Value.Data().([]float32)[z+j] = -25 // the weights add less than 5
				}
			}
		}
		report := run(t, m, set, evaluate.Options{K: 2, N: 5, Binarize: mnist.Threshold, Seed: 1})
		codes, err := m.Center(x)
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Variance) != z || len(report.RatePerDim) > 0 || len(report.ActiveAbove) != len(c.above) {
			t.Fatalf("%+v: variances %v, rates %v, active units above %v", c, report.Variance, report.RatePerDim, report.ActiveAbove)
		}
		for j := range z {
			var sum, squares float64
			for i := j; i < len(codes); i += z {
				sum += float64(codes[i])
				squares += float64(codes[i]) * float64(codes[i])
			}
			n := float64(set.Len())
			want := (squares - sum*sum/n) / (n - 1)
			if got := report.Variance[j]; !(want > 0) || math.Abs(got-want) > 1e-4*want {
				t.Errorf("%+v: variance of dimension %d is %v, of the centers %v", c, j, got, want)
			}
		}
	}
}
