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
		{"-latent 0", 2, []string{"latent", "at least 1"}},
		{"-preset best", 2, []string{`"best"`, "choose one of"}},
		{"-threads -1", 2, []string{"-1 threads"}},
		{"-out=", 2, []string{"directory"}},
		{"-data nowhere", 1, []string{"nowhere", "not a directory"}},
		{"-preset vae-1 -data nowhere", 1, []string{"nowhere", "not a directory"}},
	}...))
}
