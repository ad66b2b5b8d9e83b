package checkpoint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	for _, s := range []string{"", "0123456789"} {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := ReadFile(path, 10); err != nil || string(b) != s {
			t.Errorf("%q, %v, want %q", b, err, s)
		}
	}
	_, tooLarge := ReadFile(path, 9)
	_, directory := ReadFile(dir, 9)
	_, none := ReadFile(path+"x", 9)
	if !errors.Is(none, fs.ErrNotExist) {
		t.Errorf("no file: %v", none)
	}
	if err := os.Truncate(path, 20<<30); err != nil {
		t.Skip(err)
	}
	var sparse error
	bounded(t, 0, func() { _, sparse = ReadFile(path, 1<<20) })
	for _, c := range []struct {
		err  error
		want string
	}{{tooLarge, path + " has 10 bytes, want at most 9"}, {directory, dir + " is a directory"}, {none, path + "x"}, {sparse, "has 21474836480 bytes, want at most 1048576"}} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%v, want %q", c.err, c.want)
		}
	}
	if _, err := os.Stat("/dev/zero"); err != nil {
		return
	}
	if _, err := ReadFile("/dev/zero", 10); err == nil || err.Error() != "/dev/zero is not a regular file" {
		t.Errorf("ReadFile of /dev/zero = %v", err)
	}
	if _, err := Read("/dev/zero"); err == nil || err.Error() != "checkpoint: /dev/zero is not a regular file" {
		t.Errorf("Read of /dev/zero = %v", err)
	}
}
