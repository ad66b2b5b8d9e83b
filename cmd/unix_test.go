//go:build unix

package cmd_test

import (
	"runtime"
	"syscall"
	"testing"
)

// modest fails if a command that had nothing to do took much memory.
func modest(t *testing.T, r result) {
	t.Helper()
	usage, ok := r.state.SysUsage().(*syscall.Rusage)
	if !ok {
		return
	}
	kilo := usage.Maxrss
	if runtime.GOOS == "darwin" {
		kilo /= 1024 // which counts bytes
	}
	if kilo > 400<<10 {
		t.Errorf("%d MB of memory", kilo>>10)
	}
}
