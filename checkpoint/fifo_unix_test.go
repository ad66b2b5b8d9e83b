//go:build unix

package checkpoint

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe that nobody writes to is refused, and not waited for.
func TestReadPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	_, whole := ReadFile(path, 10)
	_, file := Read(path)
	for _, err := range []error{whole, file} {
		if err == nil || !strings.HasSuffix(err.Error(), path+" is not a regular file") {
			t.Errorf("a pipe: %v", err)
		}
	}
	if err := WriteFile(path, never(t)); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a pipe, to write to: %v", err)
	}
}
