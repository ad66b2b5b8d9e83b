//go:build unix

package cmd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Output that can't be written ends no run: it is done to the end, and the exit code says
// what was lost.
func TestOutputLost(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full")
	}
	defer full.Close()
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"run":   tinyModel("-out", "run"),
		"sweep": {"sweep", "-limit", "64", "-epochs", "1", "-hidden", "16", "-latent", "2", "-betas", "1", "-k", "2", "-n", "4", "-out", "sweep"},
	} {
		c := prepare(t.Context(), dir, args...)
		var stderr strings.Builder
		c.Stdout, c.Stderr = full, &stderr
		if err := c.Run(); err == nil {
			t.Errorf("%v on a full device ends with 0", args)
		}
		wantFailure(t, result{code: c.ProcessState.ExitCode(), stderr: stderr.String()}, 1, "no space left", name)
	}
	if !exists(filepath.Join(dir, "run", "state.safetensors")) || !exists(filepath.Join(dir, "sweep", "sweep.json")) {
		t.Error("the results are not there")
	}
	// The reader goes away after a line.
	c := prepare(t.Context(), dir, tinyModel("-epochs", "3", "-out", "head")...)
	line := fmt.Sprintf("'%s' | head -1", strings.Join(c.Args, "' '"))
	c.Path, c.Args = "/bin/sh", []string{"sh", "-c", line}
	if r := finish(t, c); strings.Count(r.stdout, "\n") != 1 || !strings.Contains(r.stderr, "broken pipe") {
		t.Errorf("%v", r)
	}
	metrics(t, filepath.Join(dir, "head"), 3, tinyTrain/32)
}

// SIGHUP is a SIGTERM, but under nohup it is nothing.
func TestHangUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := tinyModel("-batch", "8", "-epochs", "100", "-out", "run")
	s := start(t, dir, "epoch   1/", long...)
	s.send(t, syscall.SIGHUP)
	wantFailure(t, s.end(), 129, "train: interrupted", "-resume")
	if !exists(filepath.Join(dir, "run", "state.safetensors")) {
		t.Error("no checkpoint")
	}
	if _, err := exec.LookPath("nohup"); err != nil {
		t.Skip("no nohup")
	}
	c := prepare(t.Context(), dir, tinyModel("-batch", "8", "-epochs", "9", "-out", "nohup")...)
	line := fmt.Sprintf("nohup '%s' & p=$!; sleep 0.3; kill -HUP $p; wait $p", strings.Join(c.Args, "' '"))
	c.Path, c.Args = "/bin/sh", []string{"sh", "-c", line}
	if r := finish(t, c); r.code != 0 || !strings.Contains(r.stdout, "epoch 9/9") {
		t.Errorf("under nohup: %v", r)
	}
}

// More threads than there are cores are no more than there are, and no number is too large.
func TestThreads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, n := range []string{"1", "50000", "2147483648", "4294967297"} {
		must(t, dir, tinyModel("-quiet", "-limit", "64", "-threads", n, "-out", fmt.Sprint("run", i))...)
		if a, b := sum(t, filepath.Join(dir, "run0", "model.safetensors")), sum(t, filepath.Join(dir, fmt.Sprint("run", i), "model.safetensors")); a != b {
			t.Errorf("-threads %s gives other weights", n)
		}
	}
}

// What a user mistypes is met with what there is; a name is never obeyed by a terminal.
func TestFlagAdvice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	wantFailure(t, run(t, dir, "train", "-epoch", "3"), 2, "-epoch, did you mean -epochs?")
	wantFailure(t, run(t, dir, "sample", "-sead", "3"), 2, "did you mean -seed?")
	wantFailure(t, run(t, dir, "train", "-beta", "-1"), 2, "train: -beta -1")
	wantFailure(t, run(t, dir, "sample", "-out", "x.jpg"), 2, "-out x.jpg", ".png")
	r := run(t, dir, "sample", "-model", "a\x1b[2Jb")
	wantFailure(t, r, 1, `a\x1b[2Jb`)
	if strings.Contains(r.stderr, "\x1b") {
		t.Errorf("%q has an escape in it", r.stderr)
	}
	if v := must(t, dir, "train", "-version"); !strings.HasPrefix(v, "govae train: ") || strings.Count(v, "\n") != 1 || !strings.Contains(v, "SIMD level") {
		t.Errorf("-version prints %q", v)
	}
}

// Images of an earlier run never stand among the new ones.
func TestEachOfTwoRuns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, "sample", "-n", "12", "-each", "each")
	wantFailure(t, run(t, dir, "sample", "-n", "4", "-each", "each"), 1, "each has 000004.png", "choose another directory")
	must(t, dir, "sample", "-n", "12", "-seed", "2", "-each", "each")
	if err := os.WriteFile(filepath.Join(dir, "each", "07.png"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, run(t, dir, "sample", "-n", "12", "-each", "each"), 1, "each has 07.png")
}
