package checkpoint

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// saver is what the environment tells the test binary to be, in TestSaver.
const saver = "GOVAE_TEST_SAVE"

// TestSaver is the process that other tests kill: it saves to a path, and waits in the
// middle of it.
func TestSaver(t *testing.T) {
	path := os.Getenv(saver)
	if path == "" {
		t.Skip("run by other tests")
	}
	_ = WriteFile(path, func(w io.Writer) error {
		io.WriteString(w, strings.Repeat("half of it", 1000))
		fmt.Println("saving")
		select {}
	})
}

// saving starts a process that is in the middle of a save, and returns what kills it.
func saving(t *testing.T, path string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSaver$")
	cmd.Env = append(os.Environ(), saver+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "saving\n" {
		t.Fatalf("the process says %q", line)
	}
	return sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// temporaries are the names of the temporary files in dir.
func temporaries(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, temporary))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The next save to a path removes what a killed one left, and Clean removes what is left of
// any path; neither touches the file of a process that lives.
func TestLeftovers(t *testing.T) {
	n := 20
	if testing.Short() {
		n = 3
	}
	dir := t.TempDir()
	for i := range n {
		path := filepath.Join(dir, fmt.Sprintf("f%d", i%2))
		kill := saving(t, path)
		before := temporaries(t, dir)
		if len(before) != 1 {
			t.Fatalf("a save has the files %v", before)
		}
		Clean(dir)
		if err := WriteFile(path, text("of another")); err != nil {
			t.Fatal(err)
		}
		if now := temporaries(t, dir); !slices.Equal(now, before) {
			t.Fatalf("a process saves to %v, and there are %v", before, now)
		}
		kill()
		if now := temporaries(t, dir); len(now) != 1 {
			t.Fatalf("a killed save left %v", now)
		}
		if i%4 < 2 {
			Clean(dir)
		} else if err := WriteFile(path, text("next")); err != nil {
			t.Fatal(err)
		}
		if left := temporaries(t, dir); len(left) != 0 {
			t.Fatalf("round %d: still there: %v", i, left)
		}
	}
}

// Savers and cleaners at once: each save succeeds, and nothing is left.
func TestLeftoversConcurrently(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not replace a file that another writer replaces")
	}
	dir := t.TempDir()
	rounds := 30
	if testing.Short() {
		rounds = 5
	}
	var all sync.WaitGroup
	for g := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range rounds {
				if g%4 == 3 {
					Clean(dir)
				} else if err := WriteFile(filepath.Join(dir, fmt.Sprint("f", g%2)), text(fmt.Sprint(g, i))); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	if left := temporaries(t, dir); len(left) != 0 {
		t.Errorf("still there: %v", left)
	}
}

// Only files of this kind are removed.
func TestCleanLeavesOthers(t *testing.T) {
	dir := t.TempDir()
	keep := []string{".checkpoint-notes", "checkpoint-1.tmp", "model.safetensors", ".other-1.tmp"}
	for _, name := range append(keep, ".checkpoint-Q2L5.tmp") { // as an earlier version named them
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, ".checkpoint-dir.tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	Clean(dir)
	Clean(filepath.Join(dir, "none"))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := append(slices.Clone(keep), ".checkpoint-dir.tmp")
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("left are %q, want %q", names, want)
	}
}
