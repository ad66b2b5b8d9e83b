package simd

import (
	"runtime"
	"sync"
	"unsafe"
)

// fast reports whether a kernel has assembly for x at this level, and returns x
// as what it then is.
func fast[T Float](x []T) ([]float32, bool) {
	if level == Portable {
		return nil, false
	}
	s, ok := any(x).([]float32)
	return s, ok
}

// f32 returns x, which is []float32 whenever fast said so of another slice of
// the same type, cut to n numbers. It panics if x is shorter, whatever its
// capacity.
func f32[T Float](x []T, n int) []float32 { return any(x).([]float32)[:n:len(x)] }

// job is a vector kernel under way. It runs as units of consecutive elements, or
// rows, or blocks of columns.
type job struct {
	run            func(j *job, lo, hi int)
	n, step, parts int // elements, in groups of step, which are not parted
	p              [5][]float32
	width          int
	par            [8]float32
	partial        [maxParts]float64
	columns        *Columns
}

// jobs are kept for the next call, so that a kernel allocates nothing.
var jobs = sync.Pool{New: func() any { return new(job) }}

const (
	// vectorGrain is the number of elements below which a second core is not
	// worth it: some two microseconds' work.
	vectorGrain = 1 << 13
	// stepElements keeps units of elements on whole vectors and cache lines.
	stepElements = 64
	maxParts     = 64
)

func newJob(run func(j *job, lo, hi int), slices ...[]float32) *job {
	j := jobs.Get().(*job)
	j.run = run
	copy(j.p[:], slices)
	return j
}

// share runs the job on n things of the given width, of which step stay
// together, and gives it back.
func (j *job) share(n, step, width int) {
	if n == 0 {
		j.done()
		return
	}
	j.n, j.step = n, step
	procs := runtime.GOMAXPROCS(0)
	j.parts = max(1, min(2*procs, (n+step-1)/step, n*width/vectorGrain)) // two each, should one core be slower
	if j.parts == 1 || procs == 1 {
		j.run(j, 0, n)
	} else {
		workers.share(j, j.parts)
	}
	j.done()
}

func (j *job) done() {
	clear(j.p[:])
	j.run, j.columns = nil, nil
	jobs.Put(j)
}

func (j *job) unit(i int) {
	groups := (j.n + j.step - 1) / j.step
	lo, hi := groups*i/j.parts*j.step, groups*(i+1)/j.parts*j.step
	j.run(j, lo, min(hi, j.n))
}

// at is the address of element i of argument a.
func (j *job) at(a, i int) *float32 {
	s := j.p[a][i:] // checks i
	return unsafe.SliceData(s)
}

// elementwise runs a kernel on all elements of slices of one length.
func elementwise(run func(j *job, lo, hi int), slices ...[]float32) {
	newJob(run, slices...).share(len(slices[0]), stepElements, 1)
}

// perRow runs a kernel on rows of the given width.
func perRow(run func(j *job, lo, hi int), rows, width int, slices ...[]float32) {
	j := newJob(run, slices...)
	j.width = width
	j.share(rows, 1, width)
}

// aligned returns n numbers that start at a cache line, in old's memory if it is
// large enough.
func aligned(old []float32, n int) []float32 {
	if cap(old) >= n {
		return old[:n]
	}
	buf := make([]float32, n+15)
	skip := (64 - uintptr(unsafe.Pointer(&buf[0]))%64) % 64 / 4
	return buf[skip : int(skip)+n]
}
