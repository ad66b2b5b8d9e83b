//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package checkpoint

import (
	"errors"
	"os"
	"syscall"
)

// hold takes the lock of a temporary file until release, or the death of the process. The
// error is errHeld if another has it or has removed the file, or says that the file system
// has no locks; release is not nil in that case either.
func hold(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0) // NFS locks no file that is open to read alone
	if errors.Is(err, os.ErrPermission) {
		f, err = os.Open(path)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, errHeld
	} else if err != nil {
		return func() {}, err
	}
	release = func() { f.Close() }
	for {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != syscall.EINTR {
			break
		}
	}
	if err != nil && err != syscall.EWOULDBLOCK {
		return release, err
	}
	locked, errF := f.Stat()
	there, errP := os.Lstat(path)
	if err != nil || errF != nil || errP != nil || !os.SameFile(locked, there) {
		f.Close()
		return nil, errHeld
	}
	return release, nil
}

// removeLeftover removes a temporary file unless its writer lives.
func removeLeftover(path string) {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return
	}
	release, err := hold(path)
	if err == nil {
		os.Remove(path)
	}
	if release != nil {
		release()
	}
}
