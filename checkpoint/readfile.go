package checkpoint

import (
	"fmt"
	"io"
	"os"
)

// ReadFile reads a whole file of at most limit bytes. A larger one, and what is no regular
// file, is an error before anything is read: a pipe or a device may have no end. The error
// names the path.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > limit {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", path, size, limit)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, shrunk(err))
	}
	return b, nil
}

// openRegular opens a regular file and returns its size.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path) // before it is opened: a pipe that nobody writes would block
	switch {
	case err != nil:
		return nil, 0, err
	case info.IsDir():
		return nil, 0, fmt.Errorf("%s is a directory", path)
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}
