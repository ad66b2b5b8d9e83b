package checkpoint

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
)

// A save that is killed leaves its temporary file. Its writer held a lock on that file,
// which the system has freed since: so a file of this kind that nobody holds is a left-over,
// on whatever machine its writer was. The names are few, and the next save to the same path
// comes upon it.

const temporary = ".checkpoint-*.tmp"

// errHeld reports a file that another writer holds, or is about to remove.
var errHeld = errors.New("held by another")

// Clean removes the temporary files that killed calls of [WriteFile] have left in a
// directory, and leaves those that are being written. What it cannot remove stays.
func Clean(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if ok, _ := filepath.Match(temporary, e.Name()); ok && e.Type().IsRegular() {
			removeLeftover(filepath.Join(dir, e.Name()))
		}
	}
}

// createTemporary makes the temporary file of a save to path, and holds it until release.
func createTemporary(path string) (f *os.File, release func(), err error) {
	dir, name := filepath.Split(path)
	for i := range 1000 { // many can save to one path at once
		tmp := filepath.Join(dir, fmt.Sprintf(".checkpoint-%08x-%d.tmp", crc32.ChecksumIEEE([]byte(name)), i))
		removeLeftover(tmp)
		// Not os.CreateTemp, whose files only their owner may read.
		f, err = os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			return nil, nil, err
		}
		release, err = hold(tmp)
		if !errors.Is(err, errHeld) {
			return f, release, nil // also where there are no locks
		}
		f.Close() // it was taken for a left-over, in the moment before it was held
	}
	return nil, nil, err
}
