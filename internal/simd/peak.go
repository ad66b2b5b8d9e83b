package simd

import (
	"runtime"
	"sync"
	"time"
)

// Peak measures how many float32 operations a second the machine can do on the
// given number of cores at the current level: a loop of independent FMAs, two
// operations each, for about the given time. It is 0 at the portable level.
func Peak(cores int, d time.Duration) float64 {
	if level == Portable {
		return 0
	}
	var wg sync.WaitGroup
	ops := make([]float64, cores)
	for i := range ops {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			const n = 100_000
			for start := time.Now(); time.Since(start) < d; {
				ops[i] += fmas(n)
			}
		}()
	}
	start := time.Now()
	wg.Wait()
	total := 0.0
	for _, o := range ops {
		total += o
	}
	return total / time.Since(start).Seconds()
}
