package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// wantOnly fails unless dir holds one file, of that name and content.
func wantOnly(t *testing.T, dir, name, content string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("directory holds %v, want only %s", entries, name)
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(b) != content {
		t.Errorf("%s holds %q, %v, want %q", name, b, err, content)
	}
}

// text returns a callback that writes s.
func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	long := strings.Repeat("long ", 10_000) // longer than any buffer
	for _, s := range []string{"first", long, "", "last"} {
		if err := WriteFile(path, text(s)); err != nil {
			t.Fatal(err)
		}
		wantOnly(t, dir, "f", s)
	}
}

func TestWriteFileInWorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := WriteFile("f", text("new")); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, dir, "f", "new")
}

func TestWriteFileKeepsOldFileOnError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := WriteFile(path, text("old")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := WriteFile(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, strings.Repeat("half", 10_000)); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) || !strings.HasPrefix(err.Error(), "checkpoint: write "+path+": ") {
		t.Errorf("WriteFile = %v, want one that wraps %q and names the path", err, full)
	}
	wantOnly(t, dir, "f", "old")

	err = Write(path, &File{Tensors: []Tensor{{Name: "w", Shape: []int{2}, Data: []float32{1}}}})
	if !errors.Is(err, ErrShape) || !strings.Contains(err.Error(), path) {
		t.Errorf("Write of a wrong tensor = %v", err)
	}
	wantOnly(t, dir, "f", "old")
}

func TestWriteFileCleansUpAfterPanic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := WriteFile(path, text("old")); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = WriteFile(path, func(io.Writer) error { panic("bug") })
	}()
	wantOnly(t, dir, "f", "old")
}

// never is a callback for a WriteFile that must fail before it.
func never(t *testing.T) func(io.Writer) error {
	return func(io.Writer) error {
		t.Error("write was called")
		return nil
	}
}

func TestWriteFileNoDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "f")
	if err := WriteFile(path, never(t)); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("WriteFile = %v", err)
	}
}

func TestWriteFileOverDirectory(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(sub, never(t)); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("WriteFile = %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 || !entries[0].IsDir() {
		t.Errorf("directory holds %v, want only sub", entries)
	}
}

func TestWriteFileUnwritableDirectory(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("permissions do not stop this user")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := WriteFile(path, text("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(dir, 0o700) })
	if err := WriteFile(path, never(t)); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("WriteFile = %v", err)
	}
	wantOnly(t, dir, "f", "old")
}

func TestWriteFileUnreadableDirectory(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("permissions do not stop this user")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o300); err != nil {
		t.Fatal(err)
	}
	err := WriteFile(filepath.Join(dir, "f"), text("new"))
	os.Chmod(dir, 0o700)
	if err != nil {
		t.Error(err)
	}
	wantOnly(t, dir, "f", "new")
}

func TestWriteFilePermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions")
	}
	dir := t.TempDir()
	path, plain := filepath.Join(dir, "f"), filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	mode := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode()
	}
	if err := WriteFile(path, text("new")); err != nil {
		t.Fatal(err)
	}
	if mode(path) != mode(plain) {
		t.Errorf("new file has mode %v, want %v as os.WriteFile gives", mode(path), mode(plain))
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, text("newer")); err != nil {
		t.Fatal(err)
	}
	if mode(path) != 0o640 {
		t.Errorf("replaced file has mode %v, want -rw-r----- as before", mode(path))
	}
}

func TestWriteFileFollowsSymlink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "f"), link); err != nil {
		t.Skip(err) // Windows lets few users do this
	}
	if err := WriteFile(link, text("new")); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, dir, "f", "new")
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

// Readers see a whole file, old or new, however often it is replaced.
func TestConcurrentReaders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows does not replace a file that is open")
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	version := func(n int) *File {
		data := make([]float32, 5000)
		for i := range data {
			data[i] = float32(n)
		}
		return &File{Metadata: map[string]string{"n": fmt.Sprint(n)},
			Tensors: []Tensor{{Name: "w", Shape: []int{50, 100}, Data: data}}}
	}
	if err := Write(path, version(0)); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				f, err := Read(path)
				if err != nil {
					t.Error(err)
					return
				}
				w, err := f.Float32("w", 50, 100)
				if err != nil || fmt.Sprint(w[0]) != f.Metadata["n"] {
					t.Errorf("version %q holds %v, %v", f.Metadata["n"], w[0], err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		}()
	}
	for n := range 30 {
		if err := Write(path, version(n)); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
}

// A symbolic link is followed; one that leads nowhere is left as it is.
func TestWriteFileDanglingLink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "none"), link); err != nil {
		t.Skip("no symbolic links here")
	}
	if err := WriteFile(link, never(t)); err == nil || !strings.Contains(err.Error(), "leads nowhere") {
		t.Errorf("WriteFile = %v", err)
	}
	if to, err := os.Readlink(link); err != nil || to != filepath.Join(dir, "none") {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}
