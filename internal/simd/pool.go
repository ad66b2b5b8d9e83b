package simd

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// A task is work in numbered units that may run in any order, on any core.
type task interface{ unit(i int) }

// pool shares tasks out over the cores. Kernels are a few microseconds long, and
// waking a goroutine through a channel takes about as long; so a worker that has
// run out of work spins for a while before it parks. It does not spin when the
// program is idle, and one task is shared out at a time: a caller that finds the
// pool busy works alone.
//
// state holds, from the top, the number of the task, a bit that says it is
// closed to workers, and the number of workers on it.
type pool struct {
	mu     sync.Mutex
	state  atomic.Uint64
	taken  atomic.Uint64 // units: by the caller in the lower half, by workers in the upper
	units  uint64
	task   task
	ahead  atomic.Pointer[Ahead] // on offer to a worker without a task
	broken atomic.Pointer[any]   // what a unit panicked with
	parked atomic.Int32
	wake   chan struct{}
	once   sync.Once
}

const (
	closed   = 1 << 15
	counting = closed - 1
	serial   = 1 << 16
	// spins is how often a worker looks for work before it parks: some 50 µs.
	spins = 1000
)

var workers pool

// share runs all units of a task and returns when they are done.
func (p *pool) share(t task, units int) {
	procs := runtime.GOMAXPROCS(0)
	if units <= 1 || procs == 1 || !p.mu.TryLock() {
		for i := range units {
			t.unit(i)
		}
		return
	}
	p.once.Do(func() {
		n := max(procs, runtime.NumCPU()) - 1
		p.wake = make(chan struct{}, n)
		p.state.Store(closed)
		for range n {
			go p.work()
		}
	})
	p.task, p.units = t, uint64(units)
	p.taken.Store(0)
	p.state.Store(p.state.Load()&^(serial-1) + serial) // the next number, open, nobody on it
	for range min(int(p.parked.Load()), procs-1, units-1) {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	p.run(front)
	for s := p.state.Load(); !p.state.CompareAndSwap(s, s|closed); s = p.state.Load() {
	}
	for i := 0; p.state.Load()&counting != 0; i++ {
		if pause(20); i > spins {
			runtime.Gosched()
		}
	}
	p.task = nil
	broken := p.broken.Swap(nil)
	p.mu.Unlock()
	if broken != nil {
		panic(*broken) // in the caller, who may recover
	}
}

// The caller takes units from the front and workers from the back, so that one
// core meets the same part of an array again in the next task on it, and finds
// it in its cache.
const (
	front = 1
	back  = 1 << 32
)

// run takes units, at the front or at the back, until there are no more.
func (p *pool) run(end uint64) {
	defer func() {
		if r := recover(); r != nil {
			p.broken.Store(&r)
			p.taken.Store(p.units) // the rest is not worth doing
		}
	}()
	for {
		t := p.taken.Add(end)
		f, b := t%back, t/back
		if f+b > p.units {
			return
		}
		if end == front {
			p.task.unit(int(f - 1))
		} else {
			p.task.unit(int(p.units - b))
		}
	}
}

// work is a worker's life.
func (p *pool) work() {
	last := uint64(0)
	for {
		for i := 0; i < spins; i++ {
			if p.join(&last) || p.runAhead() {
				i = 0
			}
			pause(20)
		}
		p.parked.Add(1)
		if !p.join(&last) { // what came between the last look and the parking
			<-p.wake
		}
		p.parked.Add(-1)
	}
}

// join works on the current task if it is open and new.
func (p *pool) join(last *uint64) bool {
	s := p.state.Load()
	if s/serial == *last || s&closed != 0 || !p.state.CompareAndSwap(s, s+1) {
		return false
	}
	*last = s / serial
	p.run(back)
	p.state.Add(^uint64(0))
	return true
}

// rows calls f on consecutive ranges [lo,hi) that cover 0 … n, on several cores
// if n rows of the given width are worth it.
func rows(n, width int, f func(lo, hi int)) {
	procs := runtime.GOMAXPROCS(0)
	parts := min(2*procs, n, n*width/grain) // two each, should one core be slower
	if parts <= 1 || procs == 1 {
		f(0, n)
		return
	}
	workers.share(ranges{f, n, parts}, parts)
}

// grain is the number of elements below which a second core is not worth it.
const grain = 1 << 12

type ranges struct {
	f        func(lo, hi int)
	n, parts int
}

func (r ranges) unit(i int) { r.f(r.n*i/r.parts, r.n*(i+1)/r.parts) }
