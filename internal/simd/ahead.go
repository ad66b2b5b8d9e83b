package simd

import (
	"runtime"
	"sync/atomic"
)

// Ahead is work that will be wanted later: a core that has nothing better to do
// may do it now.
type Ahead struct {
	f      func()
	state  atomic.Int32 // 0 waits, 1 runs, 2 is done
	broken any          // what f panicked with
}

// Start offers f to the cores between their kernels. It runs once, at the latest
// in Wait. One piece of work is on offer at a time: another one's Start takes its
// place, and then it runs in its Wait.
func Start(f func()) *Ahead {
	a := &Ahead{f: f}
	if runtime.GOMAXPROCS(0) > 1 {
		workers.ahead.Store(a)
	}
	return a
}

// Wait returns when the work is done. It panics if the work did.
func (a *Ahead) Wait() {
	if !a.run() {
		for i := 0; a.state.Load() != 2; i++ {
			if pause(1); i > spins {
				runtime.Gosched()
			}
		}
	}
	if a.broken != nil {
		panic(a.broken)
	}
}

// run does the work, unless somebody else does.
func (a *Ahead) run() bool {
	if !a.state.CompareAndSwap(0, 1) {
		return false
	}
	defer func() {
		a.broken = recover()
		a.state.Store(2)
	}()
	a.f()
	return true
}

// runAhead does what is on offer.
func (p *pool) runAhead() bool {
	a := p.ahead.Load()
	return a != nil && p.ahead.CompareAndSwap(a, nil) && a.run()
}
