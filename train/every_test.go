package train_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"govae/checkpoint"
	"govae/train"
)

func TestParseEvery(t *testing.T) {
	for text, want := range map[string]train.Every{"": {}, "500": {Steps: 500}, "10m": {Time: 10 * time.Minute}, "1h30m": {Time: 90 * time.Minute}} {
		e, err := train.ParseEvery(text)
		if err != nil || e != want {
			t.Errorf("%q is %+v, %v, want %+v", text, e, err, want)
		}
		if again, err := train.ParseEvery(e.String()); err != nil || again != e {
			t.Errorf("%q is written as %q, which is %+v, %v", text, e, again, err)
		}
	}
	for _, text := range []string{"0", "-5", "10", "x", "-10m", "0s", "10 m", "99999999999999999999"} {
		if e, err := train.ParseEvery(text); (err == nil) != (text == "10") {
			t.Errorf("%q is %+v, %v", text, e, err)
		}
	}
}

// A run that is saved within its epochs goes on from there, to the bits of a run that is
// saved at their ends alone.
func TestCheckpointEvery(t *testing.T) {
	mc, cfg := tiny()
	run := func(cfg train.Config, hooks train.Hooks) string {
		t.Helper()
		m, _, err := fit(t, context.Background(), mc, cfg, hooks)
		if err != nil {
			t.Fatal(err)
		}
		return bits(m)
	}
	dir := t.TempDir()
	cfg.Epochs, cfg.Out = 2, filepath.Join(dir, "whole")
	whole := run(cfg, train.Hooks{})

	cut := filepath.Join(dir, "cut")
	cfg.CheckpointEvery, cfg.Keep, cfg.Out = train.Every{Steps: 2}, 1, filepath.Join(dir, "often")
	often := run(cfg, train.Hooks{Step: func(p train.Progress) {
		f, err := checkpoint.Read(filepath.Join(cfg.Out, "state.safetensors"))
		if step := (p.Epoch-1)*p.Steps + p.Step - 1; step >= 2 && (err != nil || f.Metadata["govae.step"] == "") {
			t.Errorf("after %d steps: %v", step, err)
		}
		if p.Epoch == 2 && p.Step == p.Steps { // as a machine that stops here leaves it
			if err := os.CopyFS(cut, os.DirFS(cfg.Out)); err != nil {
				t.Error(err)
			}
		}
	}})
	if often != whole {
		t.Error("a run that is saved every 2 steps has other weights")
	}
	f, err := checkpoint.Read(filepath.Join(cut, "state.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := train.ReadAbout(f)
	if err != nil || !a.State || a.Step < 2 || a.Step%2 != 0 || a.Machine == "" || a.Settings == nil || len(a.Unknown) > 0 {
		t.Errorf("the state within an epoch: %+v, %v", a, err)
	}
	cfg.Out, cfg.Resume = cut, true
	steps := 0
	if went := run(cfg, train.Hooks{Step: func(train.Progress) { steps++ }}); went != whole {
		t.Error("the run that goes on from a checkpoint within an epoch has other weights")
	}
	if steps == 0 || steps > 2 {
		t.Errorf("it went on for %d steps, want 1 or 2", steps)
	}
	if _, err := os.Stat(filepath.Join(cut, "epoch-1.safetensors")); err == nil {
		t.Error("the model of epoch 1 is still there")
	}
	if _, err := os.Stat(filepath.Join(cut, "epoch-2.safetensors")); err != nil {
		t.Error(err)
	}
}
