package cmd_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestReproduceBad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), []byte("someone's file"))
	write(t, filepath.Join(dir, "bad", "results", "vae-1-1.json"), []byte(`{"row":"vae-1"`))
	write(t, filepath.Join(dir, "other", "results", "vae-1-1.json"), []byte(`{"weather":"fine"}`))
	smallImages(t, filepath.Join(dir, "8x8"))
	check(t, dir, "reproduce", append(slices.Clone(flagCases[:2]), []badCase{
		{"-row best", 2, []string{`"best"`, "choose one of pytorch, flax, vae-1"}},
		{"-row pytorch -k 0", 2, []string{"k is 0", "want 1 to"}},
		{"-row pytorch -k -1", 2, []string{"k is -1", "want 1 to"}},
		{"-row pytorch -k many", 2, []string{"-k", `"many"`, "whole number"}},
		{"-row pytorch -n 0", 2, []string{"n is 0", "at least 1"}},
		{"-row pytorch -seeds one", 2, []string{"-seeds", `"one"`, "whole numbers"}},
		{"-row pytorch -seeds 1,-1", 2, []string{"-seeds 1,-1", "at least 0"}},
		{"-row pytorch -seeds=", 2, []string{"-seeds", "at least 0"}},
		{"-row pytorch -epochs -1", 2, []string{"-1 epochs", "at least 0"}},
		{"-row pytorch -epochs 11 -docs more", 1, []string{"11 epochs of a recipe that has 10"}},
		{"-row pytorch -threads -1", 2, []string{"-1 threads", "at least 0"}},
		{"-k 0", 2, []string{"k is 0"}},
		{"-threads -1", 2, []string{"-1 threads"}},
		{"-row pytorch -data nowhere", 1, []string{"nowhere", "not a directory"}},
		{"-row pytorch -epochs 1 -docs file", 1, []string{"file", "not a directory"}},
		{"-docs file", 1, []string{"file", "not a directory"}},
		{"-docs nowhere", 1, []string{"nowhere/results.md", "there is no directory nowhere"}},
		{"-docs bad", 1, []string{"bad/results/vae-1-1.json", "no record of a run"}},
		{"-docs other", 1, []string{"other/results/vae-1-1.json", "no record of a run"}},
	}...))
	// These have made the directory of the records.
	r := run(t, dir, "reproduce", "-row", "pytorch", "-epochs", "1", "-docs", "docs", "-runs", "file")
	wantFailure(t, r, 1, "file", "not a directory")
	r = run(t, dir, "reproduce", "-row", "pytorch", "-epochs", "1", "-docs", "docs", "-data", "8x8")
	wantFailure(t, r, 1, "8×8", "28×28")
}

// TestReproduce runs a shortened row on the tiny data set: report, record, page.
func TestReproduce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "docs"), 0o777); err != nil {
		t.Fatal(err)
	}
	args := []string{"reproduce", "-row", "pytorch", "-epochs", "2", "-seeds", "7,8", "-k", "3", "-n", "4"}
	out := must(t, dir, args...)
	for _, words := range []string{"seed 7  epoch 1  train ", "seed 7  epoch 2  train ", "seed 8  epoch 2  train ", "nats per image", "K=3, 4 images", "seed 1"} {
		if !strings.Contains(out, words) {
			t.Errorf("the output lacks %q:\n%s", words, out)
		}
	}
	for _, seed := range []uint64{7, 8} {
		var record struct {
			Row    string
			Seed   uint64
			Full   bool
			Report json.RawMessage
		}
		if err := json.Unmarshal(read(t, filepath.Join(dir, "docs", "results", fmt.Sprintf("pytorch-%d-2epochs.json", seed))), &record); err != nil {
			t.Fatal(err)
		}
		if record.Row != "pytorch" || record.Seed != seed || record.Full || record.Report == nil {
			t.Errorf("record %+v", record)
		}
	}
	page := filepath.Join(dir, "docs", "results.md")
	if got := string(read(t, page)); !strings.Contains(got, "written by cmd/reproduce") || !strings.Contains(got, "2 (shortened)") || !strings.Contains(got, "`go run ./cmd/reproduce -row pytorch -seeds 7,8 -epochs 2`") {
		t.Errorf("the page is\n%s", got)
	}

	// The run is not done again, and the page alone needs no run.
	if again := must(t, dir, args...); strings.Contains(again, "epoch ") || !sameReports(out, again) {
		t.Errorf("the same command again prints\n%s", again)
	}
	before := sum(t, page)
	if err := os.Remove(page); err != nil {
		t.Fatal(err)
	}
	if out := must(t, dir, "reproduce"); out != "" || sum(t, page) != before {
		t.Errorf("without -row it prints %q, or writes another page", out)
	}
	leftovers(t, dir)
}

// sameReports reports whether two outputs hold the same lines, those of epochs apart.
func sameReports(a, b string) bool {
	reports := func(out string) []string {
		return slices.DeleteFunc(strings.Split(out, "\n"), func(l string) bool { return strings.Contains(l, "  epoch ") })
	}
	return slices.Equal(reports(a), reports(b))
}
