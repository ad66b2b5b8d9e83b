package cmd_test

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDiverge trains models whose loss leaves the finite numbers.
func TestDiverge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, test := range []struct {
		name  string
		args  string
		words []string
	}{
		// A step size that ruins the weights, seen in the next loss.
		{"loss", "-lr 1e30 -limit 64", []string{"step 2", "nothing was saved"}},
		// The same with a step an epoch, seen in the measurement after it.
		{"measure", "-lr 1e30 -limit 32", []string{"step", "nothing was saved", "test"}},
		// A factor of the KL term beyond float32 after a first step at 0.
		{"beta", "-beta 1e300 -warmup 1000 -limit 64", []string{"step 2", "loss", "Inf", "nothing was saved"}},
		{"kept", "-beta 1e300 -warmup 1000 -limit 32 -epochs 3", []string{"step 2", "loss", "Inf", "model.safetensors of epoch 1 is kept"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append(tinyModel("-out", test.name), strings.Fields(test.args)...)
			r := run(t, dir, args...)
			wantFailure(t, r, 1, append(test.words, "train: ", "smaller lr", "clip")...)
			if !regexp.MustCompile(`the (loss|distortion|rate|gradient|weights|ELBO).* (is|are) (NaN|[+-]Inf|not finite)`).MatchString(r.stderr) {
				t.Errorf("the message names no term: %s", r.stderr)
			}
			leftovers(t, dir)
			path := filepath.Join(dir, test.name)
			if slices.Contains(test.words, "nothing was saved") {
				if exists(filepath.Join(path, "model.safetensors")) {
					t.Error("there is a model file")
				}
				// A smaller step size, as the message has it, must be free to try.
				must(t, dir, tinyModel("-quiet", "-limit", "64", "-out", test.name)...)
				return
			}
			must(t, dir, "sample", "-model", filepath.Join(path, "model.safetensors"))
			metrics(t, path, 1, 1)
			before := snapshot(t, path)
			r = run(t, dir, "train", "-resume", "-out", test.name)
			wantFailure(t, r, 1, "step 2", "model.safetensors of epoch 1 is kept")
			if after := snapshot(t, path); !maps.Equal(before, after) {
				t.Error("the second attempt changed the run")
			}
		})
	}
}

// TestPlainProgress: where there is no terminal, progress is whole lines.
func TestPlainProgress(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := must(t, dir, tinyModel("-epochs", "3", "-limit", "256")...)
	if i := strings.IndexAny(out, "\x1b\r\b"); i >= 0 {
		t.Errorf("the output has control characters: %q", out[i:])
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines, want two before the 3 epochs and one after:\n%s", len(lines), out)
	}
	epoch := regexp.MustCompile(`^epoch \d/3  train +-\d+\.\d\d  test +-\d+\.\d\d \(rate \d+\.\d\d, distortion \d+\.\d\d\)  \d+ images/s(  [0-9.hms]+ left)?$`)
	for i, l := range lines[2:5] {
		if !epoch.MatchString(l) || strings.HasSuffix(l, " left") != (i < 2) {
			t.Errorf("line of epoch %d: %q", i+1, l)
		}
	}
}
