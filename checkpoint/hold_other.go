//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package checkpoint

import (
	"os"
	"runtime"
)

// hold does nothing: a file that is open is held on Windows, and elsewhere there is no lock.
func hold(string) (release func(), err error) { return func() {}, nil }

// removeLeftover removes a temporary file unless its writer lives: Windows removes no file
// that is open. (It renames none either, so a writer closes its file just before. One that is
// removed in that moment makes the save fail, with the old file in place.)
func removeLeftover(path string) {
	if runtime.GOOS == "windows" {
		os.Remove(path)
	}
}
