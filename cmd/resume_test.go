package cmd_test

import (
	"os"
	"path/filepath"
	"testing"

	"govae/train"
)

// A run starts from the settings of another one, which flags then change.
func TestConfigOfAnotherRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-lr", "0.01", "-likelihood", "gaussian", "-sigma", "0.5", "-binarize", "none", "-out", "a")...)
	must(t, dir, "train", "-quiet", "-config", "a/config.json", "-seed", "2", "-out", "b")
	a, err := train.ReadSettings(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := train.ReadSettings(filepath.Join(dir, "b"))
	if err != nil || b.Train.LR != 0.01 || b.Model.Sigma != 0.5 || b.Train.Seed != 2 || b.Model.Seed != 2 || b.Model.Latent != a.Model.Latent || b.Test != a.Test {
		t.Errorf("%+v, %v; want %+v but for the seed", b, err, a)
	}
	must(t, dir, "train", "-quiet", "-config", "a/config.json", "-resume", "-out", "a", "-epochs", "2")
	wantFailure(t, run(t, dir, "train", "-config", "a/config.json", "-resume", "-out", "b"), 2, "-seed 2", "1")
	wantFailure(t, run(t, dir, "train", "-config", "a/config.json", "-preset", "vae-1"), 2, "-preset vae-1", "-config")
	wantFailure(t, run(t, dir, "train", "-config", "none.json"), 1, "none.json", "no such file")
	wantFailure(t, run(t, dir, "train", "-config", "a/metrics.jsonl"), 1, "a/metrics.jsonl")
}

// A run that is resumed finds its data where they were, and says so if they are not there.
func TestResumeFindsData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(otherData(t))); err != nil {
		t.Fatal(err)
	}
	must(t, dir, tinyModel("-quiet", "-data", "data", "-out", "run")...)
	must(t, dir, "train", "-quiet", "-resume", "-epochs", "2", "-out", "run")
	if err := os.Rename(filepath.Join(dir, "data"), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, run(t, dir, "train", "-resume", "-epochs", "3", "-out", "run"), 1, filepath.Join(dir, "data"))
	must(t, dir, "train", "-quiet", "-resume", "-epochs", "3", "-out", "run", "-data", "moved")
}
