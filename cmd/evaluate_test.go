package cmd_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"govae/vae"
)

func TestEvaluate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-binarize", "fixed")...)
	args := []string{"evaluate", "-model", "run/model.safetensors", "-k", "20", "-n", "100", "-seed", "3"}
	text := must(t, dir, args...)
	for _, words := range []string{"nats per image", "ELBO", "rate", "distortion", "log p(x)", "K=20, 100 images", "active units", "of 2", "tiny test, 128 images", "fixed", "seed 3"} {
		if !strings.Contains(text, words) {
			t.Errorf("the report lacks %q:\n%s", words, text)
		}
	}
	raw := must(t, dir, append(args, "-json")...)
	if again := must(t, dir, append(args, "-json")...); raw != again {
		t.Error("one seed gives two results")
	}
	if other := must(t, dir, append(args, "-json", "-seed", "4")...); raw == other {
		t.Error("two seeds give one result")
	}
	type mean struct {
		Mean   float64 `json:"mean"`
		StdErr float64 `json:"std_err"`
	}
	var r struct {
		ELBO          mean           `json:"elbo"`
		Distortion    mean           `json:"distortion"`
		Rate          mean           `json:"rate"`
		LogLikelihood mean           `json:"log_likelihood"`
		ESS           mean           `json:"ess"`
		ActiveUnits   int            `json:"active_units"`
		Variance      []float64      `json:"variance"`
		RatePerDim    []float64      `json:"rate_per_dim"`
		Protocol      map[string]any `json:"protocol"`
		Model         vae.Config     `json:"model"`
	}
	d := json.NewDecoder(strings.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	if sum := r.Rate.Mean + r.Distortion.Mean; math.Abs(r.ELBO.Mean+sum) > 1e-9*sum {
		t.Errorf("ELBO %v is not −(%v + %v)", r.ELBO.Mean, r.Rate.Mean, r.Distortion.Mean)
	}
	// Both on images of one set, which the standard errors are over.
	if slack := 4 * math.Hypot(r.LogLikelihood.StdErr, r.ELBO.StdErr); r.LogLikelihood.Mean < r.ELBO.Mean-slack {
		t.Errorf("log p(x) %v is below the ELBO %v by more than %v", r.LogLikelihood.Mean, r.ELBO.Mean, slack)
	}
	if r.ELBO.StdErr <= 0 || len(r.Variance) != 2 || len(r.RatePerDim) != 2 || r.Model.Latent != 2 {
		t.Errorf("report %+v", r)
	}
	if sum := r.RatePerDim[0] + r.RatePerDim[1]; math.Abs(sum-r.Rate.Mean) > 1e-4*sum {
		t.Errorf("rates %v of the dimensions, %v in all", r.RatePerDim, r.Rate.Mean)
	}
	if r.ESS.Mean < 1 || r.ESS.Mean > 20 {
		t.Errorf("an effective sample size of %v of 20", r.ESS.Mean)
	}
	for key, value := range map[string]any{"data": "tiny test", "images": 128., "likelihood": "bernoulli", "k": 20., "n": 100., "seed": 3.} {
		if r.Protocol[key] != value {
			t.Errorf("protocol: %s is %v, want %v", key, r.Protocol[key], value)
		}
	}
	if s := fmt.Sprint(r.Protocol["binarization"]); !strings.HasPrefix(s, "fixed") { // as the model was trained
		t.Errorf("protocol: binarization %s", s)
	}
	if s := must(t, dir, append(args, "-binarize", "threshold")...); !strings.Contains(s, "threshold") {
		t.Errorf("-binarize threshold: %s", s)
	}
	// More images than there are means all.
	if s := must(t, dir, append(args, "-n", "1000000", "-k", "1")...); !strings.Contains(s, "K=1, 128 images") {
		t.Errorf("-n 1000000: %s", s)
	}
}

// TestEvaluateDefault runs evaluate on the model that comes with govae.
func TestEvaluateDefault(t *testing.T) {
	t.Parallel()
	out := must(t, t.TempDir(), "evaluate", "-k", "2", "-n", "4")
	if !strings.Contains(out, "of 20") || !strings.Contains(out, "dynamic") {
		t.Error(out)
	}
}

// TestEvaluateGrey: a likelihood of grey pixels is not given binary ones.
func TestEvaluateGrey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out := must(t, dir, tinyModel("-limit", "64", "-likelihood", "gaussian", "-binarize", "none")...); !strings.Contains(out, "none (grey pixels)\n") {
		t.Errorf("train prints\n%s", out)
	}
	args := []string{"evaluate", "-model", "run/model.safetensors", "-k", "1", "-n", "1"}
	if out := must(t, dir, args...); !strings.Contains(out, "likelihood gaussian; binarisation none (grey pixels); seed") || !strings.Contains(out, "± n/a") || strings.Contains(out, "NaN") {
		t.Error(out)
	}
	must(t, dir, tinyModel("-quiet", "-limit", "64", "-binarize", "none", "-out", "bits")...)
	if out := must(t, dir, "evaluate", "-model", "bits/model.safetensors", "-k", "1", "-n", "1"); !strings.Contains(out, "binarisation none (grey pixels; not a likelihood of the data under Bernoulli)") {
		t.Error(out)
	}
	if out := must(t, dir, append(args, "-json")...); !strings.Contains(out, `"std_err": null`) { // of log p(x) of one image
		t.Error(out)
	}
	wantFailure(t, run(t, dir, append(args, "-binarize", "dynamic")...), 2, "gaussian", "grey pixels", "-binarize none", "dynamic")
}
