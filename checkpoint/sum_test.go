package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestSum(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := Write(path, &File{Tensors: []Tensor{{Name: "a", Shape: []int{1}, Data: []float32{1}}}}); err != nil {
		t.Fatal(err)
	}
	sum, err := Sum(path)
	if err != nil || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(sum) {
		t.Errorf("Sum = %q, %v", sum, err)
	}
	foreign := filepath.Join(dir, "foreign")
	if err := os.WriteFile(foreign, []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	if sum, err := Sum(foreign); sum != "" || err != nil {
		t.Errorf("of a file without one: %q, %v", sum, err)
	}
	for text, want := range map[string]error{"": ErrTruncated, "\x09\x00\x00\x00\x00\x00\x00\x00{}": ErrTruncated, "\x02\x00\x00\x00\x00\x00\x00\x00[]": ErrFormat} {
		if err := os.WriteFile(foreign, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := Sum(foreign); !errors.Is(err, want) {
			t.Errorf("of %q: %v, want %v", text, err, want)
		}
	}
	if _, err := Sum(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
}
