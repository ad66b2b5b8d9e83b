package train_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"govae/checkpoint"
	"govae/internal/torture"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

// smallest trains a model of a few weights for an epoch, in a run directory.
func smallest(t *testing.T, dir string, resume bool) error {
	t.Helper()
	mc, c := tiny()
	mc.Rows, mc.Cols, mc.Hidden, mc.Latent = 1, 2, []int{1}, 1
	c.Limit, c.Batch, c.Epochs, c.Out, c.Resume = 0, 4, 1, dir, resume
	m, err := vae.New(mc)
	if err != nil {
		t.Fatal(err)
	}
	set := &mnist.Set{Name: "dots", Rows: 1, Cols: 2, Pixels: []uint8{0, 255, 255, 0, 255, 255, 9, 99}}
	_, err = train.Run(context.Background(), m, train.Data{Train: set, Test: set}, c, train.Hooks{})
	return err
}

// Model and state, cut short at every byte and with every bit flipped: each is refused, in
// one line that names the file, and takes no memory to speak of.
func TestEveryDamage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := smallest(t, dir, false); err != nil {
		t.Fatal(err)
	}
	readers := map[string]func(path string) error{
		"model.safetensors": func(path string) error { _, err := vae.Load(path); return err },
		"state.safetensors": func(path string) error { _, err := checkpoint.Read(path); return err },
	}
	step := 1
	if testing.Short() {
		step = 10
	}
	cases := 0
	for name, read := range readers {
		whole, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		try := func(b []byte, what string, at int) {
			cases++
			if cases%16 != 0 { // most in memory, which is faster
				if _, err := checkpoint.Decode(b); err == nil || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s %s %d: %v", name, what, at, err)
				}
				return
			}
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := read(path)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s %s %d: %v", name, what, at, err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > uint64(2*len(b)+1<<20) {
				t.Errorf("%s %s %d: %d bytes allocated", name, what, at, n)
			}
		}
		for n := 0; n < len(whole); n += step {
			try(whole[:n], "cut at", n)
		}
		for bit := 0; bit < 8*len(whole); bit += step {
			b := bytes.Clone(whole)
			b[bit/8] ^= 1 << (bit % 8)
			try(b, "bit", bit)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := read(path); err != nil {
			t.Error(err)
		}
	}
	torture.Count(t, "model and state, cut at every byte and every bit flipped: refused in one line, in bounded memory", cases)
	if least := 37_000 / step; cases < least {
		t.Errorf("%d cases, want at least %d", cases, least)
	}
}

// A run's files that are no files, or as large as no run writes them.
func TestEndlessFiles(t *testing.T) {
	for _, tt := range []struct{ file, words string }{
		{"config.json", "want at most 1048576"},
		{"metrics.jsonl", "want at most 268435456"},
		{"state.safetensors", "altered"},
	} {
		for _, endless := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.file, endless), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "run")
				if err := smallest(t, dir, false); err != nil {
					t.Fatal(err)
				}
				path, words := filepath.Join(dir, tt.file), tt.words
				if endless {
					words = "not a regular file"
					if err := os.Remove(path); err != nil {
						t.Fatal(err)
					}
					if _, err := os.Stat("/dev/zero"); err != nil || os.Symlink("/dev/zero", path) != nil {
						t.Skip("no /dev/zero here")
					}
				} else if err := os.Truncate(path, 40<<30); err != nil { // a hole, which takes no space
					t.Skip(err)
				}
				err := smallest(t, dir, true)
				if err == nil || !strings.Contains(err.Error(), tt.file) || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
					t.Errorf("resumed: %v, want %q", err, words)
				}
			})
		}
	}
}

// A state of more than this run's tensors is refused before they are read, and one that
// holds a hole of 40 GB too.
func TestStateOfOtherTensors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if err := smallest(t, dir, false); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "state.safetensors")
	f, err := checkpoint.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	all := f.Tensors
	stray := checkpoint.Tensor{Name: "stray", Shape: []int{1}, Data: []float32{1}}
	for _, tt := range []struct {
		words   string
		tensors []checkpoint.Tensor
	}{
		{`tensor "stray": unexpected tensor`, append(all[:len(all):len(all)], stray)},
		{fmt.Sprintf("tensor %q: no such tensor", all[0].Name), all[1:]},
	} {
		f.Tensors = tt.tensors
		if err := checkpoint.Write(path, f); err != nil {
			t.Fatal(err)
		}
		if err := smallest(t, dir, true); err == nil || !strings.Contains(err.Error(), tt.words) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want %q", err, tt.words)
		}
	}
	const size = 40 << 30
	header := fmt.Sprintf(`{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%[1]d]}}`, size-81)
	if err := os.WriteFile(path, append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Skip(err)
	}
	if err := smallest(t, dir, true); err == nil || !strings.Contains(err.Error(), "no training state") {
		t.Errorf("a state of 40 GB: %v", err)
	}
}

// What killed saves have left goes when the run is opened.
func TestLeftoversGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	for _, resume := range []bool{false, true} {
		left := filepath.Join(dir, ".checkpoint-ABCDEF.tmp")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := smallest(t, dir, resume); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(left); err == nil {
			t.Errorf("resumed %v: it is still there", resume)
		}
	}
}
