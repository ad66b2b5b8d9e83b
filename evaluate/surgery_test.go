package evaluate_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"govae/evaluate"
	"govae/klreg"
	"govae/mnist"
	"govae/vae"
)

func split(t *testing.T, mu, logvar []float32, latent int, o evaluate.SurgeryOptions) evaluate.RateParts {
	t.Helper()
	p, err := evaluate.SplitRate(context.Background(), mu, logvar, latent, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// All posteriors at the prior: a code tells nothing, and the codes are the prior.
func TestSurgeryAtPrior(t *testing.T) {
	const n, z = 50, 7
	p := split(t, make([]float32, n*z), make([]float32, n*z), z, evaluate.DefaultSurgeryOptions())
	for name, v := range map[string]float64{"rate": p.Rate, "mutual information": p.MutualInformation.Mean, "its standard error": p.MutualInformation.StdErr,
		"marginal KL": p.MarginalKL.Mean} {
		if math.Abs(v) > 1e-12 {
			t.Errorf("%s is %v, want 0", name, v)
		}
	}
}

// Posteriors that do not overlap: a code names its image, and tells log N nats.
func TestSurgerySeparated(t *testing.T) {
	const n, z = 64, 5
	mu, lv := make([]float32, n*z), make([]float32, n*z)
	for i := range n {
		mu[i*z+i%z] = float32(100 * (i + 1))
		lv[i*z] = -1
	}
	p := split(t, mu, lv, z, evaluate.DefaultSurgeryOptions())
	if math.Abs(p.MutualInformation.Mean-math.Log(n)) > 1e-12 || p.MutualInformation.StdErr > 1e-12 || p.LogN != math.Log(n) {
		t.Errorf("mutual information %+v, want log %d = %v", p.MutualInformation, n, math.Log(n))
	}
}

// cloud is N posteriors that overlap, with their rate.
func cloud(n, z int, seed uint64) (mu, lv []float32, rate float64) {
	r := rand.New(rand.NewPCG(seed, 5))
	for range n * z {
		m, l := r.NormFloat64(), -2+r.NormFloat64()
		mu, lv = append(mu, float32(m)), append(lv, float32(l))
		rate += klreg.Gaussian([]float64{float64(float32(m))}, []float64{float64(float32(l))}) / float64(n)
	}
	return mu, lv, rate
}

// logs returns log q(z|x_i), log q(z) and log p(z), by their definitions.
func logs(mu, lv []float32, i int, z []float64) (own, marginal, prior float64) {
	n, logTau := len(mu)/len(z), math.Log(2*math.Pi)
	density := 0.0
	for k := range n {
		d := 0.0
		for j, v := range z {
			l := float64(lv[k*len(z)+j])
			d -= (logTau + l + math.Pow(v-float64(mu[k*len(z)+j]), 2)/math.Exp(l)) / 2
		}
		if k == i {
			own = d
		}
		density += math.Exp(d) / float64(n)
	}
	for _, v := range z {
		prior -= (logTau + v*v) / 2
	}
	return own, math.Log(density), prior
}

// The mutual information, and the marginal KL as the test itself estimates it from
// log q(z) − log p(z), add up to the analytic rate; and the two estimates of the
// marginal KL agree. Within 4 standard errors: of all seeds 1 in 16000 fails at one
// comparison, and there are 4. The numbers of dimensions have every remainder by 4.
func TestSurgeryAddsUp(t *testing.T) {
	for _, z := range []int{3, 6} {
		const n, draws = 40, 200
		mu, lv, rate := cloud(n, z, uint64(z))
		p := split(t, mu, lv, z, evaluate.SurgeryOptions{Draws: draws, Seed: 1})
		if math.Abs(p.Rate-rate) > 1e-12*rate {
			t.Errorf("Z=%d: rate %v, want %v", z, p.Rate, rate)
		}
		r := rand.New(rand.NewPCG(9, 9))
		var sum, sq float64
		code := make([]float64, z)
		for i := range n * draws {
			for j := range code {
				at := i%n*z + j
				code[j] = float64(mu[at]) + math.Exp(float64(lv[at])/2)*r.NormFloat64()
			}
			_, marginal, prior := logs(mu, lv, i%n, code)
			sum += marginal - prior
			sq += (marginal - prior) * (marginal - prior)
		}
		m := sum / (n * draws)
		stderr := math.Hypot(math.Sqrt((sq/(n*draws)-m*m)/(n*draws)), p.MutualInformation.StdErr)
		if stderr > rate/50 {
			t.Errorf("Z=%d: standard error %v of a rate of %v says little", z, stderr, rate)
		}
		if d := p.MutualInformation.Mean + m - rate; math.Abs(d) > 4*stderr {
			t.Errorf("Z=%d: mutual information %v and marginal KL %v add up to %v ± %v, the rate is %v", z, p.MutualInformation.Mean, m, d+rate, stderr, rate)
		}
		if d := p.MarginalKL.Mean - m; math.Abs(d) > 4*stderr {
			t.Errorf("Z=%d: marginal KL %v, the test's own estimate is %v ± %v", z, p.MarginalKL.Mean, m, stderr)
		}
		if p.MutualInformation.Mean < 0 || p.MutualInformation.Mean > p.LogN {
			t.Errorf("Z=%d: mutual information %v, want 0 to %v", z, p.MutualInformation.Mean, p.LogN)
		}
	}
}

// integrate returns mutual information and marginal KL of one-dimensional
// posteriors by the trapezoid rule, which is exact to far below 1e-9 here.
func integrate(mu, lv []float32) (mi, marginal float64) {
	const h = 0.002
	for x := -15.0; x <= 15; x += h {
		for i := range mu {
			own, mix, prior := logs(mu, lv, i, []float64{x})
			w := h * math.Exp(own) / float64(len(mu))
			mi += w * (own - mix)
			marginal += w * (mix - prior)
		}
	}
	return mi, marginal
}

// In one dimension both parts are known by numerical integration. For each of 200
// seeds the distance from there in standard errors is noted, for all images and
// for a random choice of them. The mean of such a distance is 0 ± 1/√200, its
// mean square 1 ± √(2/200), a little more as the standard errors are estimates;
// with bounds of 4 of these, 1 seed in 8000 would fail.
func TestSurgeryAgainstIntegration(t *testing.T) {
	mu, lv, _ := cloud(12, 1, 3)
	mi, marginal := integrate(mu, lv)
	for _, o := range []evaluate.SurgeryOptions{{Draws: 50}, {Images: 12, Draws: 50}, {Images: 8, Draws: 50}} {
		const seeds = 200
		var sum, sq float64
		for seed := range uint64(seeds) {
			o.Seed = seed
			p := split(t, mu, lv, 1, o)
			if d := p.Rate - mi - marginal; math.Abs(d) > 1e-6 {
				t.Fatalf("rate %v, integration gives %v", p.Rate, mi+marginal)
			}
			if d := p.MarginalKL.Mean - (p.Rate - p.MutualInformation.Mean); d != 0 || p.MarginalKL.StdErr != p.MutualInformation.StdErr {
				t.Fatalf("the parts do not add up: %+v", p)
			}
			d := (p.MutualInformation.Mean - mi) / p.MutualInformation.StdErr
			sum += d / seeds
			sq += d * d / seeds
		}
		if math.Abs(sum) > 4/math.Sqrt(seeds) || math.Abs(sq-1) > 4*math.Sqrt(2.0/seeds) {
			t.Errorf("%+v: in standard errors the distance from %v has mean %v and mean square %v", o, mi, sum, sq)
		}
	}
}

// With a single draw the standard error is that of the images' spread: no smaller
// than what the distances show. 200 seeds, as above; 1 in 16000 would fail.
func TestSurgerySingleDraw(t *testing.T) {
	mu, lv, _ := cloud(30, 1, 4)
	mi, _ := integrate(mu, lv)
	const seeds = 200
	sq := 0.0
	for seed := range uint64(seeds) {
		p := split(t, mu, lv, 1, evaluate.SurgeryOptions{Draws: 1, Seed: seed})
		sq += math.Pow((p.MutualInformation.Mean-mi)/p.MutualInformation.StdErr, 2) / seeds
	}
	if sq > 1+4*math.Sqrt(2.0/seeds) || sq < 0.1 {
		t.Errorf("the mean square distance is %v standard errors, want up to 1", sq)
	}
}

func TestSurgeryIsDeterministic(t *testing.T) {
	mu, lv, _ := cloud(60, 4, 5)
	o := evaluate.SurgeryOptions{Images: 20, Draws: 3, Seed: 7}
	all := split(t, mu, lv, 4, o)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if one := split(t, mu, lv, 4, o); one != all {
		t.Errorf("on one core %+v, on all %+v", one, all)
	}
	o.Seed++
	if other := split(t, mu, lv, 4, o); other.MutualInformation == all.MutualInformation || other.Rate != all.Rate {
		t.Errorf("another seed: %+v, after %+v", other, all)
	}
}

// The rate of a trained model is the one that the ELBO has; its codes nearly name
// one of a few images, and are far from telling one of the prior's.
func TestSurgeryOfModel(t *testing.T) {
	const n = 600
	m, set := fixture(t, n)
	set = set.Prepare(mnist.Threshold, nil)
	bound, err := evaluate.ELBO(context.Background(), m, set, mnist.Threshold, 1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := evaluate.Surgery(context.Background(), m, set, mnist.Threshold, evaluate.SurgeryOptions{Images: 200, Draws: 2, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(p.Rate-bound.Rate.Mean) > 1e-5*p.Rate {
		t.Errorf("rate %v, the ELBO's is %v", p.Rate, bound.Rate.Mean)
	}
	if i := p.MutualInformation.Mean; i < 0.95*math.Log(n) || i > math.Log(n) {
		t.Errorf("mutual information %v, want nearly log %d = %v", i, n, math.Log(n))
	}
}

func TestSurgeryErrors(t *testing.T) {
	mu, lv, _ := cloud(10, 2, 1)
	for _, tt := range []struct {
		mu, lv []float32
		latent int
		o      evaluate.SurgeryOptions
		want   string
	}{
		{mu, lv, 2, evaluate.SurgeryOptions{}, "draws is 0"},
		{mu, lv, 2, evaluate.SurgeryOptions{Draws: 1, Images: -1}, "images is -1"},
		{mu, lv, 3, evaluate.DefaultSurgeryOptions(), "20 means and 20 log-variances of posteriors of 3"},
		{mu, lv[:18], 2, evaluate.DefaultSurgeryOptions(), "18 log-variances"},
		{nil, nil, 2, evaluate.DefaultSurgeryOptions(), "0 means"},
		{mu, lv, 0, evaluate.DefaultSurgeryOptions(), "of 0 dimensions"},
	} {
		if _, err := evaluate.SplitRate(context.Background(), tt.mu, tt.lv, tt.latent, nil, tt.o); err == nil || !strings.HasPrefix(err.Error(), "evaluate: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := evaluate.SplitRate(ctx, mu, lv, 2, nil, evaluate.DefaultSurgeryOptions()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	m, set := fixture(t, 10)
	if _, err := evaluate.Surgery(ctx, m, set, mnist.None, evaluate.DefaultSurgeryOptions()); !errors.Is(err, context.Canceled) {
		t.Errorf("a model, cancelled: %v", err)
	}
	if _, err := evaluate.SplitRate(context.Background(), mu, lv, 2, parts{weights: []float64{1}, mu: []float64{0}}, evaluate.DefaultSurgeryOptions()); err == nil || !strings.Contains(err.Error(), "a prior of 1 dimensions") {
		t.Errorf("a prior of another size: %v", err)
	}
}

// parts is a mixture of known components.
type parts struct{ weights, mu, logvar []float64 }

func (p parts) Noise() int { return len(p.mu) / len(p.weights) }

func (p parts) PriorGrad(z, _ []float32) (logp []float64, dz []float32, err error) {
	n := p.Noise()
	for i := 0; i < len(z); i += n {
		total, grad := 0.0, make([]float64, n)
		for c, w := range p.weights {
			density := w
			for j, v := range z[i : i+n] {
				mu, variance := p.mu[c*n+j], math.Exp(p.logvar[c*n+j])
				density *= math.Exp(-math.Pow(float64(v)-mu, 2)/variance/2) / math.Sqrt(2*math.Pi*variance)
			}
			total += density
			for j, v := range z[i : i+n] {
				grad[j] -= density * (float64(v) - p.mu[c*n+j]) / math.Exp(p.logvar[c*n+j])
			}
		}
		logp = append(logp, math.Log(total))
		for _, g := range grad {
			dz = append(dz, float32(g/total))
		}
	}
	return logp, dz, nil
}

// With N(0,I) given as a mixture the parts are what they are without, and the rate of
// the draws is the exact one, within 4 standard errors; of all seeds 1 in 16000 fails.
func TestSurgeryUnderStandardMixture(t *testing.T) {
	mu, lv, rate := cloud(40, 3, 8)
	o := evaluate.SurgeryOptions{Draws: 200, Seed: 2}
	plain := split(t, mu, lv, 3, o)
	standard := parts{weights: []float64{0.3, 0.7}, mu: make([]float64, 6), logvar: make([]float64, 6)}
	p, err := evaluate.SplitRate(context.Background(), mu, lv, 3, standard, o)
	if err != nil {
		t.Fatal(err)
	}
	if p.MutualInformation != plain.MutualInformation {
		t.Errorf("mutual information %v, of a mixture %v", plain.MutualInformation, p.MutualInformation)
	}
	stderr := math.Hypot(p.MutualInformation.StdErr, p.MarginalKL.StdErr)
	if math.Abs(p.Rate-rate) > 4*stderr || stderr > rate/50 || p.Rate == plain.Rate {
		t.Errorf("rate %v ± %v of the draws, exactly %v", p.Rate, stderr, rate)
	}
}

// Under a mixture in one dimension both parts are those of numerical integration, over
// 100 seeds as in TestSurgeryAgainstIntegration: 1 in 8000 would fail.
func TestSurgeryUnderMixture(t *testing.T) {
	mu, lv, _ := cloud(12, 1, 3)
	prior := parts{weights: []float64{0.2, 0.8}, mu: []float64{-1, 0.5}, logvar: []float64{0.3, 1}}
	const h, seeds = 0.002, 100
	want := 0.0
	for x := -15.0; x <= 15; x += h {
		_, mix, _ := logs(mu, lv, 0, []float64{x})
		p := 0.0
		for c, w := range prior.weights {
			p += w * math.Exp(-(math.Pow(x-prior.mu[c], 2)*math.Exp(-prior.logvar[c])+prior.logvar[c]+math.Log(2*math.Pi))/2)
		}
		want += h * math.Exp(mix) * (mix - math.Log(p))
	}
	sum, sq := 0.0, 0.0
	for seed := range uint64(seeds) {
		p, err := evaluate.SplitRate(context.Background(), mu, lv, 1, prior, evaluate.SurgeryOptions{Draws: 50, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		d := (p.MarginalKL.Mean - want) / p.MarginalKL.StdErr
		sum += d / seeds
		sq += d * d / seeds
	}
	if math.Abs(sum) > 4/math.Sqrt(seeds) || math.Abs(sq-1) > 4*math.Sqrt(2.0/seeds) {
		t.Errorf("in standard errors the distance of the marginal KL from %v has mean %v and mean square %v", want, sum, sq)
	}
}

// The rate of a model under another prior or with further layers, taken apart, is the
// sampled one of its ELBO; its information is that of the first code.
func TestSurgeryOfModels(t *testing.T) {
	_, set := fixture(t, 300)
	set = set.Prepare(mnist.Threshold, nil)
	for name, change := range map[string]func(c *vae.Config){
		"vamp":       func(c *vae.Config) { c.Prior, c.Components = "vamp", 5 },
		"two layers": func(c *vae.Config) { c.Above = []vae.Stochastic{{Hidden: []int{5}, Latent: 3}} },
		"three layers, mixture": func(c *vae.Config) {
			c.Above, c.Prior, c.Components = []vae.Stochastic{{Hidden: []int{5}, Latent: 3}, {Hidden: []int{5}, Latent: 2}}, "mixture", 3
		},
	} {
		cfg := vae.DefaultConfig()
		cfg.Hidden, cfg.Latent, cfg.Activation = []int{30}, 4, "tanh"
		change(&cfg)
		m, err := vae.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w := m.Params()[2].Value.Data().([]float32) // of mu, [4,30]
		for i := range w[:4*30] {
			w[i] *= 10
		}
		const draws = 20
		rate := 0.0
		for seed := range uint64(draws) {
			bound, err := evaluate.ELBO(context.Background(), m, set, mnist.Threshold, seed)
			if err != nil {
				t.Fatal(err)
			}
			rate += bound.Rate.Mean / draws
		}
		o := evaluate.SurgeryOptions{Draws: draws, Seed: 1}
		p, err := evaluate.Surgery(context.Background(), m, set, mnist.Threshold, o)
		if err != nil {
			t.Fatal(err)
		}
		// Both are of the same images: what differs is the noise of 20 draws of each. The two
		// parts may be correlated, so their standard errors add up at worst: 4 of the
		// difference's are exceeded by less than 1 seed in 16000, for each of 3 models.
		noise := (p.MutualInformation.StdErr + p.MarginalKL.StdErr) * math.Sqrt2
		if d := math.Abs(p.Rate - rate); d > 4*noise || noise > 0.03*p.Rate {
			t.Errorf("%s: rate %v, the ELBO's is %v; noise of %v", name, p.Rate, rate, noise)
		}
		x := make([]float32, set.Len()*set.Size())
		index := make([]int, set.Len())
		for i := range index {
			index[i] = i
		}
		set.Fill(x, index, mnist.Threshold, nil)
		mu, logvar, err := m.Encode(x)
		if err != nil {
			t.Fatal(err)
		}
		if first := split(t, mu, logvar, 4, o); first.MutualInformation != p.MutualInformation {
			t.Errorf("%s: information %v, of the first code %v", name, p.MutualInformation, first.MutualInformation)
		}
	}
}
