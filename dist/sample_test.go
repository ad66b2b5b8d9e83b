package dist

import (
	"math"
	"slices"
	"testing"

	"gorgonia.org/tensor"
)

func TestMean(t *testing.T) {
	logits := []float32{0, float32(math.Log(3)), -float32(math.Log(3)), 800, -800, -40}
	meansOf(Bernoulli{}, logits)
	for i, want := range []float64{0.5, 0.75, 0.25, 1, 0, math.Exp(-40)} {
		if math.Abs(float64(logits[i])-want) > 2e-7*want {
			t.Errorf("probability %d: %v, want %v", i, logits[i], want)
		}
	}
	means := []float32{0, -1.5, 1e9}
	meansOf(Gaussian{2}, means)
	if !slices.Equal(means, []float32{0, -1.5, 1e9}) {
		t.Errorf("Gaussian: means %v", means)
	}
}

// Pixels are 0 or 1, and 1 with the frequency p, within 4 standard errors of 10⁵
// draws: 1 seed in 16000 fails at one of 5 logits. At ±800 there is no chance.
func TestBernoulliSample(t *testing.T) {
	const n = 100_000
	for _, l := range []float64{0, 1, -1, 3, -5, 800, -800} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(l)
		}
		x = sampled(Bernoulli{}, x, seeded(1))
		ones := 0.0
		for _, v := range x {
			if v != 0 && v != 1 {
				t.Fatalf("a pixel is %v", v)
			}
			ones += float64(v)
		}
		p := 1 / (1 + math.Exp(-l))
		if math.Abs(ones/n-p) > 4*math.Sqrt(p*(1-p)/n) {
			t.Errorf("logit %v: frequency %v, want %v", l, ones/n, p)
		}
	}
}

// Each pixel has its own mean; of 10⁵ draws the mean error and the mean square lie
// within 4 standard errors of 0 and σ², and so does the mean product of neighbours,
// of 0. 1 seed in 16000 fails at one of 6 comparisons.
func TestGaussianSample(t *testing.T) {
	const n = 100_000
	for _, sigma := range []float64{0.1, 2} {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i % 7)
		}
		x = sampled(Gaussian{sigma}, x, seeded(2))
		var sum, sq, product, before float64
		for i, v := range x {
			e := (float64(v) - float64(i%7)) / sigma
			sum, sq, product, before = sum+e, sq+e*e, product+e*before, e
		}
		if math.Abs(sum/n) > 4/math.Sqrt(n) {
			t.Errorf("sigma %v: mean error %v sigma", sigma, sum/n)
		}
		if math.Abs(sq/n-1) > 4*math.Sqrt(2.0/n) {
			t.Errorf("sigma %v: mean square %v sigma²", sigma, sq/n)
		}
		if math.Abs(product/n) > 4/math.Sqrt(n) {
			t.Errorf("sigma %v: neighbours' mean product %v sigma²", sigma, product/n)
		}
	}
}

// A seed determines the draw, another gives another.
func TestSampleIsOfTheSeed(t *testing.T) {
	for _, lik := range all(t, tensor.Float32) {
		draw := func(seed uint64) []float32 {
			return sampled(lik, make([]float32, lik.Outputs(100)), seeded(seed)) // logit 0, or mean 0 and scale 1
		}
		if !slices.Equal(draw(1), draw(1)) {
			t.Errorf("%s: one seed gives two draws", lik.Name())
		}
		if slices.Equal(draw(1), draw(2)) { // at most 1 in 2¹⁰⁰
			t.Errorf("%s: two seeds give one draw", lik.Name())
		}
	}
}
