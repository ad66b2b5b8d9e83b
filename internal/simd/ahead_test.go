package simd

import (
	"sync/atomic"
	"testing"
	"time"
)

// Work runs exactly once, whoever does it, and its panic reaches the waiting.
func TestAhead(t *testing.T) {
	a, c := make([]float32, 200*200), make([]float32, 200*200)
	for _, procs := range []int{1, 2, 4} {
		withProcs(procs, func() {
			for range 200 {
				var runs atomic.Int32
				work := Start(func() { runs.Add(1) })
				Gemm(false, false, 200, 200, 200, 1, a, 200, a, 200, 0, c, 200)
				work.Wait()
				if n := runs.Load(); n != 1 {
					t.Fatalf("%d threads: the work ran %d times", procs, n)
				}
			}
			func() {
				defer func() {
					if r := recover(); r != "broken" {
						t.Errorf("%d threads: recovered %v", procs, r)
					}
				}()
				work := Start(func() { panic("broken") })
				Gemm(false, false, 200, 200, 200, 1, a, 200, a, 200, 0, c, 200)
				work.Wait()
			}()
		})
	}
}

// A free core does the work before it is waited for.
func TestAheadRunsAhead(t *testing.T) {
	a, c := make([]float32, 200*200), make([]float32, 200*200)
	withProcs(4, func() {
		var done atomic.Bool
		for range 1000 { // once is enough: the core may be busy with other processes
			work := Start(func() { done.Store(true) })
			Gemm(false, false, 200, 200, 200, 1, a, 200, a, 200, 0, c, 200)
			if done.Load() {
				return
			}
			time.Sleep(time.Millisecond)
			work.Wait()
			done.Store(false)
		}
		t.Error("no work was ever done ahead")
	})
}
