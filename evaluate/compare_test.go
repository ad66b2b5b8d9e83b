package evaluate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"govae/decoder"
	"govae/dist"
	"govae/encoder"
	"govae/evaluate"
	"govae/internal/stream"
	"govae/mnist"
	"govae/nn"
	"govae/vae"
)

// Reports of one protocol are compared, of two refused: the error names what differs.
func TestCompare(t *testing.T) {
	a := &evaluate.Report{LogLikelihood: evaluate.Mean{Mean: -90, StdErr: 3}, Protocol: evaluate.Protocol{
		Data: "MNIST test", Images: 100, Binarization: "dynamic", Likelihood: "bernoulli", Estimator: "iw", K: 50, N: 20, Seed: 1}}
	a.Rate = evaluate.Mean{Mean: 20, StdErr: 1}
	b := *a
	b.LogLikelihood, b.Protocol.Seed = evaluate.Mean{Mean: -92, StdErr: 4}, 2
	b.Protocol.Binarization = "dynamic (in other words)"
	d, err := evaluate.Compare(a, &b)
	if err != nil || d.LogLikelihood != (evaluate.Mean{Mean: 2, StdErr: 5}) || d.Rate != (evaluate.Mean{Mean: 0, StdErr: math.Sqrt2}) {
		t.Errorf("differences %v, %v", d, err)
	}
	for want, change := range map[string]func(p *evaluate.Protocol){
		"the likelihood is bernoulli here and logistic256 there": func(p *evaluate.Protocol) { p.Likelihood = "logistic256" },
		"the binarisation is dynamic here and fixed there":       func(p *evaluate.Protocol) { p.Binarization = "fixed" },
		"the data is MNIST test here and other there":            func(p *evaluate.Protocol) { p.Data = "other" },
		"the number of images is 100 here and 99 there":          func(p *evaluate.Protocol) { p.Images = 99 },
		"the estimator is iw here and elbo there":                func(p *evaluate.Protocol) { p.Estimator = "elbo" },
		"the k is 50 here and 5000 there":                        func(p *evaluate.Protocol) { p.K = 5000 },
		"the n is 20 here and 100 there":                         func(p *evaluate.Protocol) { p.N = 100 },
	} {
		other := b
		change(&other.Protocol)
		if _, err := evaluate.Compare(a, &other); !errors.Is(err, evaluate.ErrProtocol) || !strings.HasPrefix(err.Error(), "evaluate: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// A report of all figures has the parts of the rate and of the gap, each with its
// protocol, and a difference of zero to itself; the text says so, and JSON brings it
// back.
func TestReportOfAll(t *testing.T) {
	m, set := fixture(t, 60)
	gap := evaluate.GapOptions{Images: 4, Steps: 20, Noise: 2, LR: 0.05, Draws: 20}
	o := evaluate.Options{K: 5, N: 10, Binarize: mnist.Threshold, Seed: 3}
	first := run(t, m, set, o)
	o.Surgery, o.Gap, o.Against = &evaluate.SurgeryOptions{Images: 30, Draws: 2}, &gap, first
	r := run(t, m, set, o)
	if p := r.Surgery.Protocol; p != (evaluate.SurgeryOptions{Images: 30, Draws: 2, Seed: 3}) {
		t.Errorf("protocol of the surgery %v", p)
	}
	if p := r.Gap.Protocol; p != (evaluate.GapProtocol{Images: 4, Steps: 20, Noise: 2, LR: 0.05, Draws: 20, Binarization: mnist.Threshold.Label(), Seed: 3}) {
		t.Errorf("protocol of the gap %v", p)
	}
	if d := math.Abs(r.Surgery.Rate - r.Rate.Mean); d > 1e-5*r.Rate.Mean {
		t.Errorf("rate %v, taken apart %v", r.Rate.Mean, r.Surgery.Rate)
	}
	if r.Comparison.ELBO.Mean != 0 || r.Comparison.LogLikelihood.Mean != 0 || r.Comparison.ELBO.StdErr == 0 {
		t.Errorf("a model differs from itself by %v", r.Comparison)
	}
	var text, dims bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"information", "2 draws of each of 30 images", "marginal KL", "approximation", "importance weights of 60 draws", "below 100 for 4 of 4 images", "lower bound only", "amortisation", "after 20 steps", "on 4 images", "compared"} {
		if !strings.Contains(text.String(), words) {
			t.Errorf("the text lacks %q:\n%s", words, text.String())
		}
	}
	if err := r.WriteDims(&dims); err != nil || strings.Count(dims.String(), "\nz") != 20 {
		t.Errorf("dimensions, %v:\n%s", err, dims.String())
	}
	path := filepath.Join(t.TempDir(), "r.json")
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if back, err := evaluate.ReadReport(path); err != nil || *back.Gap != *r.Gap || *back.Surgery != *r.Surgery || back.Protocol != r.Protocol {
		t.Errorf("read back: %v, %v", back, err)
	}
	for _, text := range []string{"", "[]", "{}", `{"epoch":1}`} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := evaluate.ReadReport(path); err == nil || !strings.Contains(err.Error(), "r.json is no report") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := os.Truncate(path, 20<<30); err == nil { // a hole, which takes no space
		if _, err := evaluate.ReadReport(path); err == nil || !strings.Contains(err.Error(), "r.json has 21474836480 bytes") {
			t.Errorf("a report of 20 GB: %v", err)
		}
	}
	o.Binarize = mnist.Fixed
	if _, err := evaluate.Run(context.Background(), m, set, o); !errors.Is(err, evaluate.ErrProtocol) {
		t.Errorf("another binarisation: %v", err)
	}
}

// Pixels of 256 levels have bits per dimension, and binarised ones are refused.
func TestLikelihoodOfGreyPixels(t *testing.T) {
	_, set := fixture(t, 20)
	cfg := vae.DefaultConfig()
	cfg.Hidden, cfg.Latent, cfg.Likelihood = []int{8}, 2, "logistic256"
	m, err := vae.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	o := evaluate.Options{K: 3, N: 10, Binarize: mnist.None, Seed: 1}
	r := run(t, m, set, o)
	if r.BitsPerDim == nil || math.Abs(r.BitsPerDim.Mean*784*math.Ln2+r.LogLikelihood.Mean) > 1e-9*math.Abs(r.LogLikelihood.Mean) || r.BitsPerDim.StdErr <= 0 {
		t.Errorf("%v bits per dimension, log p %v", r.BitsPerDim, r.LogLikelihood)
	}
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), "bits per dim") {
		t.Errorf("%v:\n%s", err, text.String())
	}
	o.Binarize = mnist.Dynamic
	if _, err := evaluate.Run(context.Background(), m, set, o); err == nil || !strings.Contains(err.Error(), "grey pixels") {
		t.Errorf("binarised: %v", err)
	}
}

// The active units of a model with a flow are counted on draws that went through it.
// A new flow is the identity, so they are those of the model without it: E[z|x] is
// mu then. The variance v of the posterior means is estimated as the covariance over n
// images of two means of 4 draws, whose noise of variance s/4, s about 1, leaves it a
// standard error of √((v·s/2 + s²/16)/n). Three comparisons, 4 of it: of all seeds 1 in
// 5000 fails.
func TestActiveUnitsWithFlow(t *testing.T) {
	_, set := fixture(t, 500)
	cfg := vae.DefaultConfig()
	cfg.Hidden, cfg.Latent = []int{30}, 4
	plain, err := vae.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Flow = 2
	m, err := vae.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*vae.Model{plain, m} { // mu varies more than its draws, but for the last dimension
		w := m.Params()[2].Value.Data().([]float32)
		for i := range w[:3*30] {
			w[i] *= 30
		}
		clear(w[3*30 : 4*30])
	}
	o := evaluate.Options{K: 1, N: 1, Binarize: mnist.Threshold, Seed: 1}
	a, b := run(t, plain, set, o), run(t, m, set, o)
	if a.ActiveUnits != 3 || b.Variance[3] > 0.2 || len(b.RatePerDim) > 0 {
		t.Errorf("%d active units, variance %v with a flow, rates %v", a.ActiveUnits, b.Variance, b.RatePerDim)
	}
	const why = "\n–: the KL to N(0,1) by dimension is that of a normal posterior without a flow\n"
	for r, want := range map[*evaluate.Report]bool{a: false, b: true} {
		var dims strings.Builder
		if err := r.WriteDims(&dims); err != nil || strings.HasSuffix(dims.String(), why) != want {
			t.Errorf("%v: dimensions\n%s", err, dims.String())
		}
	}
	for j, v := range a.Variance[:3] {
		if math.Abs(b.Variance[j]-v) > 4*math.Sqrt((v/2+1.0/16)/500) {
			t.Errorf("z%d: variance %v, with a new flow %v", j, v, b.Variance[j])
		}
	}
	shift := m.Params()[len(m.Params())-1].Value.Data().([]float32) // of the second layer: dimensions 0 and 1
	scale := m.Params()[len(m.Params())-3].Value.Data().([]float32)
	scale[0], shift[1] = -10, 5 // tanh(−10) = −1: z0 is divided by e, z1 moves by a constant
	c := run(t, m, set, o)
	if r := c.Variance[0] / b.Variance[0]; math.Abs(r-math.Exp(-2)) > 1e-4 {
		t.Errorf("the variance of z0 changes by a factor of %v, want e⁻²", r)
	}
	if r := c.Variance[1] / b.Variance[1]; math.Abs(r-1) > 1e-4 {
		t.Errorf("the variance of z1 changes by a factor of %v, want 1", r)
	}
	for _, change := range []func(*evaluate.Options){
		func(o *evaluate.Options) { o.Surgery = &evaluate.SurgeryOptions{Draws: 1} },
		func(o *evaluate.Options) { g := evaluate.DefaultGapOptions(); o.Gap = &g },
	} {
		o := o
		change(&o)
		if _, err := evaluate.Run(context.Background(), m, set, o); err == nil || !strings.Contains(err.Error(), "with the normal+flow posterior") {
			t.Errorf("error %v", err)
		}
	}
}

// A model that was assembled from parts is evaluated by what its parts are: its layers,
// its flow, its prior.
func TestAssembled(t *testing.T) {
	_, set := fixture(t, 40)
	src := stream.New(1, stream.Weights, 0)
	net := func(name string, in, out int) nn.Network {
		e, err := encoder.NewMLP(encoder.Config{Name: name, In: in, Latent: out, Activation: "relu", Init: "glorot"}, tensor.Float32, src)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	dec, err := decoder.NewMLP(decoder.Config{Outputs: 784, Latent: 4, Activation: "relu", Init: "glorot"}, tensor.Float32, src)
	if err != nil {
		t.Fatal(err)
	}
	flow, err := dist.NewRealNVP(dist.FlowConfig{Name: "encoder.flow", Cond: 8, Layers: 1, Latent: 4, Hidden: 3, Init: "glorot"}, tensor.Float32, src)
	if err != nil {
		t.Fatal(err)
	}
	n := set.Len()
	flat := &mnist.Set{Name: set.Name, Rows: 1, Cols: 784, Pixels: set.Pixels, Labels: set.Labels}
	cfg := vae.DefaultConfig()
	cfg.Hidden, cfg.Latent, cfg.Prior, cfg.Components = nil, 4, "mixture", 3
	mixed, err := vae.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		parts        vae.Parts
		units, wrong string // of surgery
	}{
		{vae.Parts{}, "of 4 ", ""},
		{vae.Parts{Prior: mixed.Prior()}, "of 4 ", ""},
		{vae.Parts{Posterior: dist.Transformed{Base: dist.Normal{}, Flow: flow}}, "of 4 ", "a model with the normal+flow posterior"},
		{vae.Parts{Above: []vae.Layer{{Up: net("up", 4, 2), Down: net("down", 2, 4)}}}, "of 2 ", ""},
	} {
		tt.parts.Encoder, tt.parts.Decoder, tt.parts.Likelihood = net("encoder", 784, 4), dec, dist.Bernoulli{}
		m, err := vae.Assemble(tt.parts)
		if err != nil {
			t.Fatal(err)
		}
		o := evaluate.Options{K: 2, N: n, Binarize: mnist.Threshold, Seed: 1}
		r := run(t, m, flat, o)
		var text strings.Builder
		if err := r.WriteText(&text); err != nil || !strings.Contains(text.String(), tt.units+"  Var") {
			t.Errorf("%v: %v\n%s", tt.parts, err, text.String())
		}
		if (len(r.RatePerDim) == 0) != (tt.parts.Posterior != nil) {
			t.Errorf("%v: KL of each dimension: %v", tt.parts, r.RatePerDim)
		}
		o.Surgery = &evaluate.SurgeryOptions{Draws: 200}
		r, err = evaluate.Run(context.Background(), m, flat, o)
		switch {
		case tt.wrong != "":
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%v: error %v", tt.parts, err)
			}
		case err != nil:
			t.Error(err)
		case math.Abs(r.Surgery.Rate-r.Rate.Mean) > 4*r.Surgery.MarginalKL.StdErr+4*r.Rate.StdErr:
			t.Errorf("%v: rate %v in the surgery, %v without", tt.parts, r.Surgery.Rate, r.Rate.Mean)
		}
	}
}

// Data are known by what is in them: the same images under two names are compared, and others
// under one name are not, also if only their sizes differ. Reports from before that was noted
// are known by the name.
func TestComparableData(t *testing.T) {
	images := func(rows, cols int, seed byte) *mnist.Set {
		p := make([]uint8, 4*14*14)
		p[0] = seed
		return &mnist.Set{Name: "raw test", Rows: rows, Cols: cols, Pixels: p}
	}
	protocol := func(name, id string) evaluate.Protocol { return evaluate.Protocol{Data: name, DataID: id} }
	a, b, wide := images(14, 14, 1).ID(), images(14, 14, 2).ID(), images(7, 28, 1).ID()
	for _, tt := range []struct {
		a, b evaluate.Protocol
		same bool
	}{
		{protocol("raw test", a), protocol("raw test", a), true},
		{protocol("raw test", a), protocol("copy test", a), true},
		{protocol("raw test", a), protocol("raw test", b), false},
		{protocol("raw test", a), protocol("raw test", wide), false},
		{protocol("raw test", a), protocol("raw test", ""), true},
		{protocol("raw test", ""), protocol("copy test", a), false},
	} {
		if err := evaluate.Comparable(tt.a, tt.b); (err == nil) != tt.same {
			t.Errorf("%+v and %+v: %v", tt.a, tt.b, err)
		}
	}
}
