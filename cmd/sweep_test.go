package cmd_test

import (
	"bytes"
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/train"
)

// TestSweep: a model for each beta, of falling rate, a plot, and what is done is not
// done again.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := strings.Fields("sweep -betas 4,0.5,40 -epochs 3 -latent 2 -hidden 16 -k 3 -n 20 -out s")
	out := must(t, dir, args...)
	var points []train.SweepPoint
	if err := json.Unmarshal(read(t, filepath.Join(dir, "s", "sweep.json")), &points); err != nil {
		t.Fatal(err)
	}
	var betas []float64
	for i, p := range points {
		betas = append(betas, p.Beta)
		if p.Epochs != 3 || p.Report.Protocol.K != 3 || p.Report.Protocol.N != 20 || p.Report.Model.Latent != 2 {
			t.Errorf("point %+v", p)
		}
		if i > 0 && p.Report.Rate.Mean >= points[i-1].Report.Rate.Mean {
			t.Errorf("rate %v with beta %v, %v with a smaller one", p.Report.Rate.Mean, p.Beta, points[i-1].Report.Rate.Mean)
		}
	}
	if !slices.Equal(betas, []float64{0.5, 4, 40}) || strings.Count(out, " of 2\n") != 3 {
		t.Errorf("betas %v; it prints\n%s", betas, out)
	}
	if img, err := png.Decode(bytes.NewReader(read(t, filepath.Join(dir, "s", "rate-distortion.png")))); err != nil || img.Bounds().Dx() < 300 {
		t.Errorf("the plot: %v", err)
	}

	// Again: the same; after the loss of a run: the same; with more betas: only those.
	before := snapshot(t, dir)
	again := func(what string, more ...string) string {
		out := must(t, dir, append(args, more...)...)
		after := snapshot(t, dir)
		for name, sum := range before {
			if after[name] != sum && (len(more) == 0 || strings.HasPrefix(name, "s/beta-")) && !strings.HasSuffix(name, "metrics.jsonl") {
				t.Errorf("%s: %s has changed", what, name)
			}
		}
		return out
	}
	again("once more")
	if testing.Short() {
		return
	}
	if err := os.RemoveAll(filepath.Join(dir, "s", "beta-4")); err != nil {
		t.Fatal(err)
	}
	again("a run anew")
	if out := again("one more", "-betas", "0.5,4,8,40"); !exists(filepath.Join(dir, "s", "beta-8")) {
		t.Errorf("no run with beta 8:\n%s", out)
	}
	for more, words := range map[string]string{"-latent 3": "its latent is 2, here 3", "-epochs 2": "of 3 epochs, not 2", "-data " + filepath.Join(dir, "nowhere"): "nowhere"} {
		wantFailure(t, run(t, dir, append(args, strings.Fields(more)...)...), 1, words)
	}
}

// TestSweepFlags: a sweep is of any model and objective that train has.
func TestSweepFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, strings.Fields("sweep -betas 0.5 -epochs 1 -limit 64 -latent 2 -hidden 16 -k 2 -n 4 -out s -objective iwae -train-k 3 -prior mixture -components 3 "+
		"-likelihood gaussian -sigma 0.5 -binarize none -posterior laplace -optimizer sgd -momentum 0.5 -lr 1e-4 -activation tanh")...)
	s, err := train.ReadSettings(filepath.Join(dir, "s", "beta-0.5"))
	if err != nil {
		t.Fatal(err)
	}
	m, c := s.Model, s.Train
	if m.Prior != "mixture" || m.Components != 3 || m.Likelihood != "gaussian" || m.Sigma != 0.5 || m.Posterior != "laplace" || m.Activation != "tanh" {
		t.Errorf("the model is %+v", m)
	}
	if c.Objective.Name != "iwae" || c.Objective.K != 3 || c.Beta != 0.5 || c.Binarize != "none" || c.Optimizer != "sgd" || c.Momentum != 0.5 || c.LR != 1e-4 || c.Limit != 64 {
		t.Errorf("the training is %+v", c)
	}
	// What is the default by another name changes nothing of a run that is there.
	must(t, dir, strings.Fields("sweep -config s/beta-0.5/config.json -betas 0.5 -k 2 -n 4 -out s -encoder mlp -decoder mlp")...)
	// From the settings of a run, too.
	must(t, dir, strings.Fields("sweep -config s/beta-0.5/config.json -betas 2 -k 2 -n 4 -out again -latent 3")...)
	if s, err := train.ReadSettings(filepath.Join(dir, "again", "beta-2")); err != nil || s.Model.Latent != 3 || s.Model.Prior != "mixture" || s.Train.Objective.K != 3 || s.Train.Limit != 64 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestSweepBadFlags(t *testing.T) {
	t.Parallel()
	check(t, t.TempDir(), "sweep", append(slices.Clone(flagCases), []badCase{
		{"-betas one", 2, []string{"-betas", `"one"`, "0.5,1,4"}},
		{"-betas 1,,2", 2, []string{"-betas", "0.5,1,4"}},
		{"-betas=", 2, []string{"-betas", "0.5,1,4"}},
		{"-betas 1,-1", 2, []string{"beta -1", "at least 0"}},
		{"-betas 1,2,1", 2, []string{"beta 1 twice"}},
		{"-epochs 0", 2, []string{"epochs is 0", "at least 1"}},
		{"-k 0", 2, []string{"k is 0"}},
		{"-train-k 0 -objective iwae", 2, []string{"sweep: train-k is 0"}},
		{"-train-k 5", 2, []string{"elbo takes one draw", "choose iwae"}},
		{"-sigma 0.1", 2, []string{"sweep: -sigma 0.1 without -likelihood gaussian"}},
		{"-likelihood gaussian", 2, []string{"sweep: ", "-binarize none", "dynamic"}},
		{"-prior vamp", 2, []string{"0 components"}},
		{"-option a=1", 2, []string{"sweep: -option a=1"}},
		{"-beta 1", 2, []string{"-beta", "did you mean -betas?"}},
		{"-config nowhere", 1, []string{"nowhere", "no such file"}},
		{"-latent 0", 2, []string{"latent", "at least 1"}},
		{"-preset best", 2, []string{`"best"`, "choose one of"}},
		{"-threads -1", 2, []string{"-1 threads"}},
		{"-out=", 2, []string{"directory"}},
		{"-data nowhere", 1, []string{"nowhere", "not a directory"}},
		{"-preset vae-1 -data nowhere", 1, []string{"nowhere", "not a directory"}},
	}...))
}
