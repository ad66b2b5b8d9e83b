package simd

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Workers spin between kernels, but not when there is nothing to do.
func TestIdleUsesNoCPU(t *testing.T) {
	was := runtime.GOMAXPROCS(4)
	defer runtime.GOMAXPROCS(was)
	a, c := make([]float32, 300*300), make([]float32, 300*300)
	Gemm(false, false, 300, 300, 300, 1, a, 300, a, 300, 0, c, 300) // wakes the workers
	time.Sleep(50 * time.Millisecond)
	before := cpuTime(t)
	time.Sleep(300 * time.Millisecond)
	if used := cpuTime(t) - before; used > 60*time.Millisecond {
		t.Errorf("an idle program used %v of CPU in 300ms", used)
	}
}

// cpuTime is what this process has used.
func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
