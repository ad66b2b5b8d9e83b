//go:build unix

package cmd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"govae/internal/torture"
)

// tortured is the run that these tests disturb: of three epochs, each of which saves model,
// best model, metrics and state.
func tortured(out string, more ...string) []string {
	return tinyModel(append([]string{"-quiet", "-limit", "256", "-validation", "64", "-batch", "16", "-epochs", "3", "-out", out}, more...)...)
}

// contents are the files of a run that must be those of an undisturbed one: all but the
// times in the metrics, and the state before the last, which a kill may skip.
func contents(t *testing.T, run string) map[string]string {
	t.Helper()
	c := map[string]string{}
	for _, name := range []string{"config.json", "model.safetensors", "best.safetensors", "state.safetensors", "samples.png", "reconstructions.png"} {
		c[name] = sum(t, filepath.Join(run, name))
	}
	for i, line := range bytes.Split(bytes.TrimSpace(read(t, filepath.Join(run, "metrics.jsonl"))), []byte("\n")) {
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			t.Fatalf("line %d of the metrics: %v", i+1, err)
		}
		delete(fields, "seconds")
		delete(fields, "images_per_second")
		c[fmt.Sprint("metrics ", i+1)] = fmt.Sprint(fields)
	}
	return c
}

// lost reports whether a run differs from an undisturbed one, and logs how.
func lost(t *testing.T, run string, want map[string]string) bool {
	t.Helper()
	got := contents(t, run)
	for name := range want {
		if got[name] != want[name] {
			t.Logf("%s: %s differs from that of an undisturbed run", run, name)
		}
	}
	litter, _ := filepath.Glob(filepath.Join(run, "*.tmp"))
	hidden, _ := filepath.Glob(filepath.Join(run, ".checkpoint-*"))
	if left := append(litter, hidden...); len(left) > 0 {
		t.Logf("%s: left over: %v", run, left)
		return true
	}
	return !maps.Equal(got, want)
}

// undisturbed makes the run that the others are compared with, and returns its contents and
// how long it took.
func undisturbed(t *testing.T, dir string) (map[string]string, time.Duration) {
	t.Helper()
	begin := time.Now()
	must(t, dir, tortured("whole")...)
	return contents(t, filepath.Join(dir, "whole")), time.Since(begin)
}

// again is the command line that starts a run, or goes on with it if there is one.
func again(dir, out string) []string {
	if exists(filepath.Join(dir, out, "config.json")) {
		return []string{"train", "-quiet", "-resume", "-out", out}
	}
	return tortured(out)
}

// A run that is killed at random instants, in training, in saves and in resumes, ends with
// the files of one that never was.
func TestTortureKills(t *testing.T) {
	t.Parallel()
	const perRun = 8
	dir, r := t.TempDir(), rand.New(rand.NewPCG(1, 0))
	want, took := undisturbed(t, dir)
	row := torture.Row{Fault: "SIGKILL at random instants of a run, several a run, then resume"}
	for all := torture.N(t, 200); row.Tried < all; {
		out := fmt.Sprint("run", row.Tried)
		for range min(perRun, all-row.Tried) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.Float64()*float64(took)))
			if err := prepare(ctx, dir, again(dir, out)...).Run(); err == nil {
				t.Logf("%s was done before its kill", out)
			}
			cancel()
			row.Tried++
		}
		if res := run(t, dir, again(dir, out)...); res.code != 0 {
			t.Logf("%s does not go on: %v", out, res)
			row.Lost++
		} else if lost(t, filepath.Join(dir, out), want) {
			row.Lost++
		}
		os.RemoveAll(filepath.Join(dir, out))
	}
	torture.Record(t, row)
}

// A signal at a random instant stops a run within a step, with its exit code and a checkpoint
// that goes on to the same files.
func TestTortureSignals(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), rand.New(rand.NewPCG(2, 0))
	want, took := undisturbed(t, dir)
	row := torture.Row{Fault: "SIGINT, SIGTERM, SIGHUP at random instants, then resume"}
	codes := map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129}
	for i := range max(3, torture.N(t, 150)) {
		sig := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}[i%3]
		out := fmt.Sprint("run", i)
		c := prepare(t.Context(), dir, tortured(out)...)
		var stderr strings.Builder
		c.Stderr = &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50*time.Millisecond + time.Duration(r.Float64()*float64(took))) // a signal before main listens is a death
		_ = c.Process.Signal(sig)
		_ = c.Wait()
		row.Tried++
		switch code := c.ProcessState.ExitCode(); {
		case code == 0:
		case code != codes[sig] || strings.Count(stderr.String(), "\n") != 1 || !strings.HasPrefix(stderr.String(), "train: interrupted"):
			t.Logf("%v: exit code %d, %q", sig, code, stderr.String())
			row.Lost++
			continue
		default:
			if res := run(t, dir, again(dir, out)...); res.code != 0 {
				t.Logf("%s does not go on: %v", out, res)
				row.Lost++
				continue
			}
		}
		if lost(t, filepath.Join(dir, out), want) {
			row.Lost++
		}
		os.RemoveAll(filepath.Join(dir, out))
	}
	torture.Record(t, row)
}

// Of two processes that start in one directory at once, one does the whole run, and the other
// is refused and changes nothing.
func TestTortureRaces(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), rand.New(rand.NewPCG(3, 0))
	want, took := undisturbed(t, dir)
	row := torture.Row{Fault: "two runs, or two resumes, in one directory"}
	for i := range max(2, torture.N(t, 50)) {
		out := fmt.Sprint("run", i)
		if i%2 == 1 { // a run that was killed: the lock of a dead process, and two resumes
			ctx, cancel := context.WithTimeout(t.Context(), took*2/3)
			_ = prepare(ctx, dir, tortured(out)...).Run()
			cancel()
		}
		var codes []int
		var said [2]strings.Builder
		a, b := prepare(t.Context(), dir, again(dir, out)...), prepare(t.Context(), dir, again(dir, out)...)
		a.Stderr, b.Stderr = &said[0], &said[1]
		if err := a.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(r.Float64() * float64(took) / 2))
		if err := b.Start(); err != nil {
			t.Fatal(err)
		}
		_, _ = a.Wait(), b.Wait()
		codes = append(codes, a.ProcessState.ExitCode(), b.ProcessState.ExitCode())
		slices.Sort(codes)
		row.Tried++
		text := said[0].String() + said[1].String()
		refused := codes[1] == 1 && (strings.Contains(text, "another process is at work") || strings.Contains(text, "another run"))
		if done := codes[1] == 0 && i%2 == 1; codes[0] != 0 || !refused && !done { // the second may resume what the first has ended
			t.Logf("%s: exit codes %v: %s", out, codes, text)
			row.Lost++
		} else if lost(t, filepath.Join(dir, out), want) {
			row.Lost++
		}
		os.RemoveAll(filepath.Join(dir, out))
	}
	torture.Record(t, row)
}

// The bits of a run do not depend on the number of threads.
func TestTortureThreads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want, _ := undisturbed(t, dir)
	row := torture.Row{Fault: "the same seed under GOMAXPROCS 1, 2, 3 and 8"}
	for i := range max(4, torture.N(t, 40)) {
		out := fmt.Sprint("run", i)
		c := prepare(t.Context(), dir, tortured(out)...)
		c.Env = append(c.Env, fmt.Sprint("GOMAXPROCS=", []int{1, 2, 3, 8}[i%4]))
		row.Tried++
		if err := c.Run(); err != nil || lost(t, filepath.Join(dir, out), want) {
			t.Logf("GOMAXPROCS %d: %v", []int{1, 2, 3, 8}[i%4], err)
			row.Lost++
		}
		os.RemoveAll(filepath.Join(dir, out))
	}
	torture.Record(t, row)
}

// A disk that is full at any part of what a save needs leaves the checkpoint before whole: the
// command fails, and the run goes on to the same files once there is room.
func TestTortureDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want, _ := undisturbed(t, dir)
	must(t, dir, tortured("one", "-epochs", "1")...)
	largest := 0
	for _, name := range []string{"model.safetensors", "state.safetensors"} {
		largest = max(largest, len(read(t, filepath.Join(dir, "whole", name)))/512)
	}
	row := torture.Row{Fault: "a disk that is full at 1 to 99 % of what a save needs"}
	all := max(3, torture.N(t, 60))
	for i := range all {
		out := fmt.Sprint("run", i)
		if err := os.CopyFS(filepath.Join(dir, out), os.DirFS(filepath.Join(dir, "one"))); err != nil {
			t.Fatal(err)
		}
		blocks := largest * (1 + 98*i/(all-1)) / 100
		r := fullAt(t, dir, blocks, "train", "-quiet", "-resume", "-epochs", "3", "-out", out)
		row.Tried++
		if r.code != 1 || strings.Count(r.stderr, "\n") != 1 || !strings.Contains(r.stderr, "file too large") {
			t.Logf("%d blocks: %v", blocks, r)
			row.Lost++
		} else if res := run(t, dir, "train", "-quiet", "-resume", "-epochs", "3", "-out", out); res.code != 0 {
			t.Logf("%s does not go on: %v", out, res)
			row.Lost++
		} else if lost(t, filepath.Join(dir, out), want) {
			row.Lost++
		}
		os.RemoveAll(filepath.Join(dir, out))
	}
	torture.Record(t, row)
}
