package evaluate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"

	"govae/dist"
	"govae/evaluate"
	"govae/mnist"
	"govae/samples"
	"govae/vae"
)

var loaded = sync.OnceValues(func() (*mnist.Set, error) {
	_, test, err := mnist.Load("")
	return test, err
})

// fixture is the trained model of samples and n real test images.
func fixture(t *testing.T, n int) (*vae.Model, *mnist.Set) {
	t.Helper()
	test, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	m, err := samples.Model()
	if err != nil {
		t.Fatal(err)
	}
	return m, test.Slice(0, n)
}

func run(t *testing.T, m *vae.Model, set *mnist.Set, o evaluate.Options) *evaluate.Report {
	t.Helper()
	r, err := evaluate.Run(context.Background(), m, set, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Mean and standard error are those of the images' own terms, over chunks of any
// number.
func TestBoundAgainstDefinition(t *testing.T) {
	const n = 1200
	m, set := fixture(t, n)
	set = set.Prepare(mnist.Threshold, nil)
	got, err := evaluate.ELBO(context.Background(), m, set, mnist.Threshold, 1)
	if err != nil {
		t.Fatal(err)
	}
	// The rate does not depend on the noise, so it is known exactly.
	x := make([]float32, n*784)
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	set.Fill(x, index, mnist.Threshold, nil)
	terms, err := m.ELBO(x, make([]float32, n*20))
	if err != nil {
		t.Fatal(err)
	}
	var sum, sq float64
	for _, e := range terms {
		sum += e.Rate
	}
	for _, e := range terms {
		sq += (e.Rate - sum/n) * (e.Rate - sum/n)
	}
	if want := sum / n; math.Abs(got.Rate.Mean-want) > 1e-9*want {
		t.Errorf("rate %v, want %v", got.Rate.Mean, want)
	}
	if want := math.Sqrt(sq / (n - 1) / n); math.Abs(got.Rate.StdErr-want) > 1e-9*want {
		t.Errorf("standard error of the rate %v, want %v", got.Rate.StdErr, want)
	}
	if d := got.ELBO.Mean + got.Rate.Mean + got.Distortion.Mean; math.Abs(d) > 1e-9 {
		t.Errorf("ELBO + rate + distortion = %v", d)
	}
}

// The figures of the trained model are of the size that they must be, and the
// importance-weighted estimate rises with K from the ELBO on.
func TestReport(t *testing.T) {
	m, set := fixture(t, 500)
	o := evaluate.DefaultOptions()
	o.N, o.K = 100, 1
	last := 0
	o.Progress = func(done, of int) {
		if of != 100 || done > of || done <= last {
			t.Errorf("progress %d of %d after %d", done, of, last)
		}
		last = done
	}
	one := run(t, m, set, o)
	if last != 100 {
		t.Errorf("progress ends at %d of 100 images", last)
	}
	o.Progress = nil
	o.K = 50
	fifty := run(t, m, set, o)
	if one.ELBO != fifty.ELBO {
		t.Errorf("K changes the ELBO: %v, %v", one.ELBO, fifty.ELBO)
	}
	// At K=50 the bound of a trained model is several nats above that at K=1, on
	// the same images: far beyond chance.
	if rise := fifty.LogLikelihood.Mean - one.LogLikelihood.Mean; rise < 1 || rise > 20 {
		t.Errorf("log p(x) is %v at K=1 and %v at K=50", one.LogLikelihood.Mean, fifty.LogLikelihood.Mean)
	}
	if e := fifty.ELBO.Mean; e < -130 || e > -80 {
		t.Errorf("ELBO %v of a trained model", e)
	}
	if fifty.Protocol.K != 50 || fifty.Protocol.N != 100 || fifty.Protocol.Seed != 1 || fifty.Protocol.Images != 500 ||
		!strings.Contains(fifty.Protocol.Binarization, "dynamic") || !strings.Contains(fifty.Protocol.Data, "MNIST test") {
		t.Errorf("protocol %+v", fifty.Protocol)
	}
	sum := 0.0
	for _, kl := range fifty.RatePerDim {
		sum += kl
	}
	if math.Abs(sum-fifty.Rate.Mean) > 1e-4*sum {
		t.Errorf("the dimensions' rates add up to %v, the rate is %v", sum, fifty.Rate.Mean)
	}

	// With K=1 there is one weight, and with 50 the effective number is between.
	if one.ESS.Mean != 1 || one.ESS.StdErr != 0 || !(fifty.ESS.Mean > 1 && fifty.ESS.Mean < 50) {
		t.Errorf("effective sample sizes %v of 1 and %v of 50", one.ESS, fifty.ESS)
	}

	var back evaluate.Report
	b, err := json.Marshal(fifty)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(*fifty, back) {
		t.Errorf("JSON and back: %+v, %v", back, err)
	}
	var text bytes.Buffer
	if err := fifty.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"ELBO", "rate", "distortion", "log p(x)", "K=50", "100 images", "active units", "seed 1"} {
		if !strings.Contains(text.String(), word) {
			t.Errorf("the text lacks %q:\n%s", word, text.String())
		}
	}
}

// Each dimension has its own mean over images: ½(mu² + exp(logvar) − 1 − logvar).
func TestRatePerDim(t *testing.T) {
	ln4 := float32(math.Log(4))
	got := evaluate.RatePerDim([]float32{1, 0, 2, -3, 0, 0}, []float32{0, ln4, 0, 0, -ln4, 0}, 3)
	want := []float64{(0.5 + 4.5) / 2, ((1.5 - math.Ln2) + (math.Ln2 - 0.375)) / 2, 1}
	for j := range want {
		if len(got) != 3 || math.Abs(got[j]-want[j]) > 1e-6 {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// The seed fixes every draw, and another seed draws anew.
func TestSeed(t *testing.T) {
	m, set := fixture(t, 100)
	o := evaluate.Options{K: 5, N: 20, Binarize: mnist.Dynamic, Seed: 3}
	a, b := run(t, m, set, o), run(t, m, set, o)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("one seed, two reports: %+v, %+v", a, b)
	}
	o.Seed = 4
	c := run(t, m, set, o)
	if a.ELBO == c.ELBO || a.LogLikelihood == c.LogLikelihood {
		t.Error("another seed gives the same figures")
	}
}

// An image draws other noise at another place in the set.
func TestNoiseIsFresh(t *testing.T) {
	m, set := fixture(t, 500)
	twice := &mnist.Set{Name: "twice", Rows: set.Rows, Cols: set.Cols, Labels: append(append([]uint8{}, set.Labels...), set.Labels...),
		Pixels: append(append([]uint8{}, set.Pixels...), set.Pixels...)}
	once, err := evaluate.ELBO(context.Background(), m, set, mnist.None, 1)
	if err != nil {
		t.Fatal(err)
	}
	both, err := evaluate.ELBO(context.Background(), m, twice, mnist.None, 1)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(once.Distortion.Mean-both.Distortion.Mean) < 1e-6 {
		t.Errorf("two passes over the images give %v, as one does", both.Distortion.Mean)
	}
}

// A latent dimension whose posterior mean is constant is not active.
func TestActiveUnits(t *testing.T) {
	m, set := fixture(t, 300)
	o := evaluate.Options{K: 1, N: 1, Binarize: mnist.None, Seed: 1}
	before := run(t, m, set, o)
	if before.ActiveUnits < 10 {
		t.Fatalf("%d active units in a trained model", before.ActiveUnits)
	}
	heads := m.Params()[2].Value // [2Z,H], mu's rows first
	w, width := heads.Data().([]float32), heads.Shape()[1]
	for _, j := range []int{0, 7} {
		clear(w[j*width : (j+1)*width])
	}
	for i := 3 * width; i < 4*width; i++ {
		w[i] /= 100 // the mean of z3 still varies, but by less than counts
	}
	// The threshold is 0.01: these two are made to lie on either side of it.
	for j, variance := range map[int]float64{5: 0.011, 6: 0.009} {
		for i := j * width; i < (j+1)*width; i++ {
			w[i] *= float32(math.Sqrt(variance / before.Variance[j]))
		}
	}
	wantLess := 0
	for _, j := range []int{0, 3, 6, 7} {
		if before.Variance[j] > 0.01 {
			wantLess++
		}
	}
	after := run(t, m, set, o)
	if after.ActiveUnits != before.ActiveUnits-wantLess || after.Variance[7] > 1e-12 || after.Variance[3] == 0 {
		t.Errorf("%d active units, then %d, with variances %v", before.ActiveUnits, after.ActiveUnits, after.Variance)
	}
}

func TestErrors(t *testing.T) {
	m, set := fixture(t, 100)
	for name, o := range map[string]evaluate.Options{
		"k is 0":  {K: 0, N: 1, Binarize: mnist.None},
		"n is -1": {K: 1, N: -1, Binarize: mnist.None},
	} {
		if _, err := evaluate.Run(context.Background(), m, set, o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	small := &mnist.Set{Name: "small", Rows: 8, Cols: 8, Pixels: make([]uint8, 64), Labels: make([]uint8, 1)}
	if _, err := evaluate.Run(context.Background(), m, small, evaluate.DefaultOptions()); err == nil || !strings.Contains(err.Error(), "8×8") {
		t.Errorf("images of another size: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := evaluate.Run(ctx, m, set, evaluate.DefaultOptions()); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// inDomain is a likelihood of pixels 0 and 1 that says another domain.
type inDomain struct {
	dist.Bernoulli
	domain dist.Domain
}

func (d inDomain) Domain() dist.Domain { return d.domain }

// A likelihood goes with the pixels that it is of, in ELBO as in Run: bits and counts with
// binarised ones, the others with grey ones.
func TestDomains(t *testing.T) {
	m, set := fixture(t, 3)
	for _, domain := range []dist.Domain{dist.Real, dist.Binary, dist.Unit, dist.Grey, dist.Counts, dist.OneHot} {
		m, err := vae.Assemble(vae.Parts{Encoder: m.Encoder(), Decoder: m.Decoder(), Likelihood: inDomain{domain: domain}, Rows: set.Rows, Cols: set.Cols})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []mnist.Binarization{mnist.None, mnist.Dynamic, mnist.Threshold} {
			want := ""
			switch bits := domain == dist.Binary || domain == dist.Counts; {
			case !bits && b != mnist.None:
				want = "evaluate: a bernoulli likelihood is of grey pixels: binarize must be none, not " + string(b)
			case domain == dist.Counts && b == mnist.None:
				want = "want a whole number of at least 0"
			case domain == dist.OneHot:
				want = "want 0 or 1"
			}
			_, err := evaluate.ELBO(context.Background(), m, set.Prepare(b, nil), b, 1)
			_, all := evaluate.Run(context.Background(), m, set, evaluate.Options{K: 1, N: 2, Binarize: b, Seed: 1})
			for _, err := range []error{err, all} {
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("domain %d, %s: error %v, want %q", domain, b, err, want)
				}
			}
		}
	}
}
