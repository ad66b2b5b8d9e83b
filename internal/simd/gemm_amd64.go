package simd

import (
	"runtime"
	"sync"
	"unsafe"
)

//go:generate go run -C gen .

// tile is what a micro-kernel works on; gen knows the fields' offsets.
type tile struct {
	k      int
	a      *float32
	rs, cs uintptr // of A, in bytes
	b      *float32
	c      *float32
	ldc    uintptr // in bytes
	bias   *float32
	mask   unsafe.Pointer // of the last vector's columns
	alpha  float32
	flags  uint32
}

const (
	flagAccumulate = 1 << iota // C is added to
	flagReLU
)

// shape is what the levels differ in.
type shape struct {
	lanes     int // numbers in a vector
	height    int // rows of the largest tile
	kernels   [9][4]func(*tile)
	transpose func(dst *float32, ldd uintptr, src *float32, lds uintptr, n int)
	copy      [4]func(dst, src *float32, lds uintptr, n int, mask unsafe.Pointer)
	masks     []unsafe.Pointer // masks[i]: the first i lanes, 1 … lanes
}

var shapes = map[Level]*shape{
	AVX2: {lanes: 8, height: 4, transpose: transpose2, masks: masks2(),
		copy: [4]func(*float32, *float32, uintptr, int, unsafe.Pointer){nil, copyPanel2_1, copyPanel2_2, copyPanel2_3},
		kernels: [9][4]func(*tile){
			1: {nil, tile2_1x1, tile2_1x2, tile2_1x3},
			2: {nil, tile2_2x1, tile2_2x2, tile2_2x3},
			4: {nil, tile2_4x1, tile2_4x2, tile2_4x3},
		}},
	AVX512: {lanes: 16, height: 8, transpose: transpose512, masks: masks512(),
		copy: [4]func(*float32, *float32, uintptr, int, unsafe.Pointer){nil, copyPanel512_1, copyPanel512_2, copyPanel512_3},
		kernels: [9][4]func(*tile){
			1: {nil, tile512_1x1, tile512_1x2, tile512_1x3},
			2: {nil, tile512_2x1, tile512_2x2, tile512_2x3},
			4: {nil, tile512_4x1, tile512_4x2, tile512_4x3},
			8: {nil, tile512_8x1, tile512_8x2, tile512_8x3},
		}},
}

func masks512() []unsafe.Pointer {
	m := make([]unsafe.Pointer, 17)
	for i := range m {
		bits := uint16(1<<i - 1)
		m[i] = unsafe.Pointer(&bits)
	}
	return m
}

func masks2() []unsafe.Pointer {
	m := make([]unsafe.Pointer, 9)
	for i := range m {
		var lanes [8]int32
		for j := range i {
			lanes[j] = -1
		}
		m[i] = unsafe.Pointer(&lanes)
	}
	return m
}

// sgemmTask is one product under way. B is packed into panels of up to three
// vectors' width, in the order in which the micro-kernels read it; A is read in
// place.
//
// Each panel meets all rows of A right after it was packed, and its buffer is used
// again: it never leaves the second-level cache. Where there are too few panels to
// share out over the cores, a panel is packed for each of several blocks of rows:
// that is faster than to fetch it from another core's cache.
type sgemmTask struct {
	*shape
	transA, transB  bool
	m, n, k         int
	alpha           float32
	a, b, c, bias   []float32
	lda, ldb, ldc   int
	overwrite, relu bool
	vectors, panels int      // of B
	blocks          int      // of rows of A
	only            *Columns // if it is not nil, these rows of op(B) are left out, and A lacks their columns
	stored          int      // rows of op(B), those left out included
}

// Tasks, tiles and panels are kept for the next call, so that a product
// allocates nothing.
var (
	sgemmTasks = sync.Pool{New: func() any { return new(sgemmTask) }}
	tiles      = sync.Pool{New: func() any { return new(tile) }}
	panels     = sync.Pool{New: func() any { return new([]float32) }}
)

const (
	// panelVectors is how many vectors a panel of B has at most.
	panelVectors = 3
	// depth is how much of k a micro-kernel sums up at a time at most.
	depth = 400
	// unitMuls is how many multiplications are worth a core's while: some 5 µs.
	unitMuls = 1 << 20
	// fetchA is how many bytes of A are fetched into the second-level cache at once.
	fetchA = 1 << 20
	// blockTiles is how many tiles of A a panel must meet to be worth its packing.
	blockTiles = 8
)

// sgemm computes the product that task describes: its levels' part and how it is
// shared out are filled in here.
func sgemm(task sgemmTask) {
	s := shapes[level]
	t := sgemmTasks.Get().(*sgemmTask)
	*t = task
	t.shape, t.blocks, t.stored = s, 1, t.k
	if t.only != nil {
		t.stored = t.only.width
	}
	m, n, k := t.m, t.n, t.k
	t.vectors = (n + s.lanes - 1) / s.lanes
	t.panels = (t.vectors + panelVectors - 1) / panelVectors
	if m*n*k < unitMuls/4 {
		for i := range t.panels {
			t.unit(i)
		}
	} else {
		if procs := runtime.GOMAXPROCS(0); t.panels < 2*procs {
			t.blocks = max(1, min((2*procs+t.panels-1)/t.panels, m*n*k/t.panels/(unitMuls/2), m/s.height/blockTiles))
		}
		workers.share(t, t.panels*t.blocks)
	}
	*t = sgemmTask{}
	sgemmTasks.Put(t)
}

// unit packs a panel and computes a block of rows of C in its columns.
func (t *sgemmTask) unit(i int) {
	block, panel := i/t.panels, i%t.panels
	first, end := t.vectors*panel/t.panels, t.vectors*(panel+1)/t.panels // as even as it gets
	p := panels.Get().(*[]float32)
	*p = aligned(*p, panelVectors*t.lanes*t.stored)
	t.pack(first, end, *p)
	if t.only != nil {
		t.only.pack(*p, (end-first)*t.lanes)
	}
	// The first panel of either core meets rows of A that the other one may have
	// written: a transposed A is read in an order that the processor does not foresee.
	if size := 4 * t.lda * t.k; t.transA && size <= fetchA && (i == 0 || i == t.panels*t.blocks-1) {
		prefetch2(&t.a[0], min(size, 4*len(t.a)))
	}
	t.multiply(block, first, end, *p)
	panels.Put(p)
}

// columns returns how many columns of C the vectors first … end−1 stand for, and
// the mask of those of the last vector.
func (t *sgemmTask) columns(first, end int) (cols int, mask unsafe.Pointer) {
	cols = min(end*t.lanes, t.n) - first*t.lanes
	return cols, t.masks[cols-(end-first-1)*t.lanes]
}

// pack writes a panel of op(B), vectors first … end−1 of each of its k rows, padded
// with zeros.
func (t *sgemmTask) pack(first, end int, dst []float32) {
	cols, mask := t.columns(first, end)
	w, j0 := (end-first)*t.lanes, first*t.lanes
	if !t.transB {
		t.copy[end-first](&dst[0], &t.b[j0], 4*uintptr(t.ldb), t.stored, mask)
		return
	}
	blocks := t.stored / t.lanes
	for j := 0; j < w; j += t.lanes {
		src, ld := t.b[(j0+j)*t.ldb:], t.ldb
		if full := cols - j; full < t.lanes { // the rest is rows of zeros
			buf := panels.Get().(*[]float32)
			defer panels.Put(buf)
			*buf = aligned(*buf, t.lanes*t.stored)
			for l := range full {
				copy((*buf)[l*t.stored:(l+1)*t.stored], src[l*ld:])
			}
			clear((*buf)[full*t.stored:])
			src, ld = *buf, t.stored
		}
		t.transpose(&dst[j], 4*uintptr(w), &src[0], 4*uintptr(ld), blocks)
		for p := blocks * t.lanes; p < t.stored; p++ {
			for l := range t.lanes {
				dst[p*w+j+l] = src[l*ld+p]
			}
		}
	}
}

// multiply computes a block of rows of C in the columns of a packed panel.
func (t *sgemmTask) multiply(block, first, end int, packed []float32) {
	_, mask := t.columns(first, end)
	vecs, j0 := end-first, first*t.lanes
	k := tiles.Get().(*tile)
	defer tiles.Put(k)
	*k = tile{rs: 4 * uintptr(t.lda), cs: 4, ldc: 4 * uintptr(t.ldc), alpha: t.alpha, mask: mask}
	if t.transA {
		k.rs, k.cs = k.cs, k.rs
	}
	tiles := (t.m + t.height - 1) / t.height
	lo, hi := tiles*block/t.blocks*t.height, min(t.m, tiles*(block+1)/t.blocks*t.height)
	parts := (t.stored + depth - 1) / depth
	next := 0
	for part := range parts {
		p := next
		next = t.cut(part+1, parts)
		if p == next { // all of it is left out
			continue
		}
		k.k, k.b = next-p, &packed[p*vecs*t.lanes]
		if p > 0 || !t.overwrite {
			k.flags = flagAccumulate
		}
		if next == t.k {
			if t.bias != nil {
				k.bias = &t.bias[j0]
			}
			if t.relu {
				k.flags |= flagReLU
			}
		}
		for i := lo; i < hi; {
			h := t.height
			for h > hi-i {
				h /= 2
			}
			if t.transA {
				k.a = &t.a[p*t.lda+i]
			} else {
				k.a = &t.a[i*t.lda+p]
			}
			k.c = &t.c[i*t.ldc+j0]
			t.kernels[h][vecs](k)
			i += h
		}
	}
}

// cut returns where part i of k begins.
func (t *sgemmTask) cut(i, parts int) int {
	at := t.stored * i / parts
	if i < parts {
		at &^= 3
	}
	if t.only != nil {
		return t.only.before(at)
	}
	return at
}
