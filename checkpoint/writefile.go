package checkpoint

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// WriteFile replaces the file at path by what write writes, all or nothing: a
// reader, and a machine that starts again after a power cut, find either the
// whole old file or the whole new one.
//
// The content goes to a temporary file beside path (".checkpoint-*.tmp"), is
// synced to disk, and is then renamed over path. On an error, also one that
// write returns, the temporary file is removed and the old file stays as it
// was. If the process is killed the temporary file stays; the next WriteFile to this path
// removes it, as [Clean] does. A new file has the usual permissions, a replaced one keeps
// its own. A symbolic link is followed; one that leads nowhere is an error. The directory
// must exist. Anything at path that is not a regular file is an error.
//
// Last, the directory is synced, where the system can do that. If only this
// fails the new file is in place, and the error says so.
//
// Calls for different paths may run at the same time; of calls for the same
// path the last to finish wins.
func WriteFile(path string, write func(io.Writer) error) error {
	if err := writeFile(path, write); err != nil {
		return fmt.Errorf("checkpoint: write %s: %w", path, err)
	}
	return nil
}

// writeFile is WriteFile without the path in its errors.
func writeFile(path string, write func(io.Writer) error) (err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	} else if link, lerr := os.Lstat(path); lerr == nil && link.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("a symbolic link that leads nowhere: %w", err)
	}
	old, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return err
	case !old.Mode().IsRegular():
		return errors.New("not a regular file")
	}

	dir := filepath.Dir(path)
	f, release, err := createTemporary(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no directory %s: %w", dir, fs.ErrNotExist)
	} else if err != nil {
		return err
	}
	defer release()
	tmp, done := f.Name(), false
	defer func() { // deferred, so that a panic of write is cleaned up after too
		if !done {
			f.Close()
			os.Remove(tmp)
		}
	}()
	if old != nil {
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	w := bufio.NewWriter(f)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	done = true
	if err := syncDir(dir); err != nil {
		return fmt.Errorf("file is in place, but may not outlast a power cut: %w", err)
	}
	return nil
}

// syncDir makes a rename in dir permanent. It does nothing where that is not
// possible: on systems and file systems that cannot sync a directory, and in a
// directory that may be written but not read.
func syncDir(dir string) error {
	switch runtime.GOOS {
	case "windows", "plan9", "js", "wasip1":
		return nil
	}
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}
