package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFlow trains a model whose posterior has a flow, goes on with it, and gives it
// to the other commands.
func TestFlow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flags := []string{"-flow", "2", "-objective", "iwae", "-k", "3", "-limit", "64"}
	out := must(t, dir, tinyModel(flags...)...)
	if !strings.Contains(out, "flow of 2; iwae, k=3") {
		t.Errorf("train prints\n%s", out)
	}
	must(t, dir, tinyModel(append(flags, "-out", "long", "-epochs", "2", "-quiet")...)...)
	must(t, dir, "train", "-resume", "-out", "run", "-epochs", "2", "-quiet")
	if model := filepath.Join(dir, "run", "model.safetensors"); sum(t, model) != sum(t, filepath.Join(dir, "long", "model.safetensors")) {
		t.Error("the resumed run has other weights than the long one")
	}
	if !strings.Contains(string(read(t, filepath.Join(dir, "run", "config.json"))), `"flow": 2`) {
		t.Error("config.json lacks the flow")
	}
	const model = "-model run/model.safetensors "
	report := must(t, dir, strings.Fields("evaluate "+model+"-k 5 -n 20 -dims -json")...)
	if strings.Contains(report, "rate_per_dim") || !strings.Contains(report, `"flow": 2`) {
		t.Errorf("the report is\n%s", report)
	}
	kinds := []string{"traverse", "prior", "reconstruct", "interpolate", "manifold", "scatter"}
	if testing.Short() { // a flow matters to this one; TestSampleKinds has all
		kinds = kinds[:1]
	}
	for _, kind := range kinds {
		must(t, dir, strings.Fields("sample "+model+"-n 4 -kind "+kind)...)
	}
	for _, more := range []string{"-surgery", "-gap 2"} {
		wantFailure(t, run(t, dir, strings.Fields("evaluate "+model+more)...), 1, "flow", "Gaussian")
	}
}

// TestEvaluateMore takes rate and gap apart, and compares with a report.
func TestEvaluateMore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-limit", "64")...)
	args := strings.Fields("evaluate -model run/model.safetensors -k 5 -n 20")
	if err := os.WriteFile(filepath.Join(dir, "r.json"), []byte(must(t, dir, append(args, "-json")...)), 0o666); err != nil {
		t.Fatal(err)
	}
	text := must(t, dir, append(args, "-surgery", "-gap", "2", "-dims", "-compare", "r.json")...)
	for _, words := range []string{"information", "log N = 4.852", "marginal KL", "approximation", "amortisation", "on 2 images", "compared", "0.000 ±", "\nz1 "} {
		if !strings.Contains(text, words) {
			t.Errorf("the report lacks %q:\n%s", words, text)
		}
	}
	priors, layers := []string{"vamp", "mixture"}, []string{"3:2"}
	if testing.Short() { // evaluate's own tests have each
		priors, layers = priors[:1], nil
	}
	for _, prior := range priors {
		must(t, dir, tinyModel("-quiet", "-limit", "64", "-prior", prior, "-components", "3", "-objective", "stl", "-out", prior)...)
		text := must(t, dir, strings.Fields("evaluate -k 5 -n 20 -surgery -gap 2 -model "+prior+"/model.safetensors")...)
		if !strings.Contains(text, "marginal KL") || !strings.Contains(text, "amortisation") {
			t.Errorf("%s prior: the report is\n%s", prior, text)
		}
		wantFailure(t, run(t, dir, "sample", "-kind", "manifold", "-model", prior+"/model.safetensors"), 1, "N(0,I)", prior+" prior", "-kind prior or scatter")
	}
	for _, above := range layers {
		must(t, dir, tinyModel("-quiet", "-limit", "64", "-above", above, "-objective", "stl", "-out", "two")...)
		if text := must(t, dir, strings.Fields("evaluate -k 5 -n 20 -surgery -gap 2 -model two/model.safetensors")...); !strings.Contains(text, "marginal KL") || !strings.Contains(text, "amortisation") {
			t.Errorf("two layers: the report is\n%s", text)
		}
	}
	for more, words := range map[string]string{"-binarize threshold": "binarisation", "-k 6": "the k is 6 here and 5 there", "-n 21": "the n is 21"} {
		wantFailure(t, run(t, dir, append(append(args, "-compare", "r.json"), strings.Fields(more)...)...), 1, "not compared", words)
	}
}

// TestSamplePixels draws images of each likelihood.
func TestSamplePixels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	likelihoods := []string{"logistic256", "bernoulli", "continuous-bernoulli", "gaussian", "gaussian-learned", "gaussian-pixel", "laplace"}
	if testing.Short() {
		likelihoods = likelihoods[:1]
	}
	for _, likelihood := range likelihoods {
		must(t, dir, tinyModel("-quiet", "-limit", "64", "-binarize", "none", "-likelihood", likelihood, "-out", likelihood)...)
		out := must(t, dir, "sample", "-model", likelihood+"/model.safetensors", "-n", "4", "-pixels", "-out", "p.png")
		means := must(t, dir, "sample", "-model", likelihood+"/model.safetensors", "-n", "4", "-out", "m.png")
		if !strings.Contains(out, "pixels from p(x|z)") || strings.Contains(means, "pixels") || sum(t, filepath.Join(dir, "p.png")) == sum(t, filepath.Join(dir, "m.png")) {
			t.Errorf("%s: prints %q and %q", likelihood, out, means)
		}
		if text := must(t, dir, "evaluate", "-model", likelihood+"/model.safetensors", "-k", "2", "-n", "4"); strings.Contains(text, "bits per dim") != (likelihood == "logistic256") ||
			!strings.Contains(text, "likelihood "+likelihood) {
			t.Errorf("%s: the report is\n%s", likelihood, text)
		}
		if likelihood != "bernoulli" {
			wantFailure(t, run(t, dir, "evaluate", "-model", likelihood+"/model.safetensors", "-binarize", "dynamic"), 2, likelihood, "grey pixels", "dynamic")
		}
	}
}
