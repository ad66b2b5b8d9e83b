package gate_test

import (
	"errors"
	"flag"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

var makeFixtures = flag.Bool("fixtures", false, "make the fixtures that are missing in testdata/models and testdata/runs")

// madeOn is the platform on which the fixtures were made.
const madeOn = "amd64/avx512"

// Every saved model loads, and every interrupted run goes on. Their results are those that
// they had when the fixtures were made: the same bits on a platform with a record, and
// elsewhere numbers close to those of madeOn.
func TestFixtures(t *testing.T) {
	all := readRecords(t)
	recorded := all[platform()]
	results := records{}
	check := func(t *testing.T, name string, got digits) {
		t.Helper()
		switch {
		case *update:
			results[name] = got
		case recorded.has("models"):
			compare(t, got, recorded[name])
		default:
			compareNumbers(t, got, all[madeOn][name])
		}
	}
	specs := readSpecs(t)
	t.Run("models", func(t *testing.T) {
		for _, s := range specs.Models {
			t.Run(s.Name, func(t *testing.T) {
				path := filepath.Join("testdata", "models", s.Name+".safetensors")
				if *makeFixtures && missing(path) {
					if err := save(s, path); err != nil {
						t.Fatal(err)
					}
				}
				got, err := load(path)
				if err != nil {
					t.Fatal(err)
				}
				check(t, "models "+s.Name, got)
			})
		}
	})
	t.Run("runs", func(t *testing.T) {
		for _, s := range specs.Runs {
			t.Run(s.Name, func(t *testing.T) {
				path := filepath.Join("testdata", "runs", s.Name)
				if *makeFixtures && missing(path) {
					if err := interrupt(s, path); err != nil {
						t.Fatal(err)
					}
				}
				dir := filepath.Join(t.TempDir(), "run")
				if err := os.CopyFS(dir, os.DirFS(path)); err != nil {
					t.Fatal(err)
				}
				got, err := resume(dir)
				if err != nil {
					t.Fatal(err)
				}
				check(t, "runs "+s.Name, got)
				if platform() != madeOn {
					return
				}
				whole, err := trainAndEvaluate(s)
				if err != nil {
					t.Fatal(err)
				}
				if got["weights"] != whole["weights"] {
					t.Errorf("resumed, it ends with weights %s, uninterrupted with %s", got["weights"], whole["weights"])
				}
			})
		}
	})
	if *update && !t.Failed() {
		writeRecords(t, results)
	}
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// compareNumbers fails the test for each number whose distance from the recorded number v is
// more than 1e-3·max(|v|, 1).
func compareNumbers(t *testing.T, got, want digits) {
	t.Helper()
	if want == nil {
		t.Errorf("nothing is recorded for %s", madeOn)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if name == "weights" {
			continue
		}
		a, err := strconv.ParseFloat(got[name], 64)
		if err != nil {
			t.Fatal(err)
		}
		b, err := strconv.ParseFloat(want[name], 64)
		if err != nil {
			t.Fatalf("%s, recorded for %s: %v", name, madeOn, err)
		}
		if !(math.Abs(a-b) <= 1e-3*max(1, math.Abs(b))) {
			t.Errorf("%s: %v, recorded for %s: %v, want within 1e-3", name, a, madeOn, b)
		}
	}
}
