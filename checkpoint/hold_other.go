//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package checkpoint

import (
	"os"
	"runtime"
)

// hold does nothing: a file that is open is held on Windows, and elsewhere there is no lock.
func hold(string) (release func(), err error) { return func() {}, nil }

// removeLeftover removes a temporary file unless its writer lives: Windows removes no file
// that is open.
func removeLeftover(path string) {
	if runtime.GOOS == "windows" {
		os.Remove(path)
	}
}
