//go:build unix

package cmd_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// fullAt runs a command line that can write no file of more than so many blocks
// of 512 bytes, as on a disk that fills up. Go ignores the signal that comes
// with it, so that the write fails.
func fullAt(t *testing.T, dir string, blocks int, args ...string) result {
	t.Helper()
	c := prepare(t.Context(), dir, args...)
	c.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -f %d; exec "$0" "$@"`, blocks), c.Path}, args[1:]...)
	c.Path = "/bin/sh"
	return finish(t, c)
}

// TestDiskFull fills the disk at each of the files that a run writes: what was
// there stays whole, and the run goes on once there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-limit", "64", "-out", "full", "-epochs", "2")...)
	must(t, dir, tinyModel("-quiet", "-limit", "64", "-out", "from")...)
	size := func(name string) int { return len(read(t, filepath.Join(dir, "full", name))) / 512 }
	for _, test := range []struct {
		file   string // that does not fit
		blocks int
	}{
		{"config.json", 0},
		{"model.safetensors", size("model.safetensors")},
		{"state.safetensors", size("state.safetensors")},
	} {
		if testing.Short() && test.file != "model.safetensors" {
			continue
		}
		t.Run(test.file, func(t *testing.T) {
			run := filepath.Join(dir, "run-"+test.file)
			if err := os.CopyFS(run, os.DirFS(filepath.Join(dir, "from"))); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, run)
			r := fullAt(t, dir, test.blocks, "train", "-resume", "-epochs", "2", "-out", run)
			wantFailure(t, r, 1, test.file, "file too large")
			leftovers(t, run)
			after := snapshot(t, run)
			if before[test.file] != after[test.file] {
				t.Errorf("%s has changed", test.file)
			}
			for name := range before {
				if _, ok := after[name]; !ok {
					t.Errorf("%s is gone", name)
				}
			}
			must(t, dir, "sample", "-model", filepath.Join(run, "model.safetensors"))
			must(t, dir, "train", "-quiet", "-resume", "-epochs", "2", "-out", run)
			for _, name := range []string{"model.safetensors", "config.json"} {
				if sum(t, filepath.Join(run, name)) != sum(t, filepath.Join(dir, "full", name)) {
					t.Errorf("%s of the run that went on differs", name)
				}
			}
		})
	}

	t.Run("new run", func(t *testing.T) {
		wantFailure(t, fullAt(t, dir, 20, tinyModel("-out", "new")...), 1, "model.safetensors", "file too large")
		leftovers(t, dir)
		// It left nothing that keeps the same command from starting anew.
		must(t, dir, tinyModel("-out", "new", "-quiet")...)
	})
	t.Run("sample", func(t *testing.T) {
		must(t, dir, "sample", "-npy", "x.npy", "-out", "x.png")
		before := snapshot(t, dir)
		wantFailure(t, fullAt(t, dir, 10, "sample", "-seed", "2", "-out", "x.png"), 1, "x.png", "file too large")
		wantFailure(t, fullAt(t, dir, 300, "sample", "-npy", "x.npy", "-out", "x.png"), 1, "x.npy", "file too large")
		wantFailure(t, fullAt(t, dir, 10, "sample", "-seed", "2", "-out", "y.png"), 1, "y.png", "file too large")
		if after := snapshot(t, dir); !maps.Equal(before, after) {
			t.Error("files have changed, or were left behind")
		}
	})
	t.Run("stdout", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Skip(err)
		}
		defer full.Close()
		for _, args := range [][]string{
			{"evaluate", "-k", "1", "-n", "1"}, {"evaluate", "-k", "1", "-n", "1", "-json"}, {"sample"},
		} {
			c := prepare(t.Context(), dir, args...)
			var stderr bytes.Buffer
			c.Stdout, c.Stderr = full, &stderr
			_ = c.Run()
			wantFailure(t, result{c.ProcessState.ExitCode(), "", stderr.String(), c.ProcessState}, 1, "no space left")
		}
	})
}
