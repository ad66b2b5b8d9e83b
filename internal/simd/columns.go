package simd

import (
	"math"
	"unsafe"
)

// Columns is a layer's input x [B,I], data, without those columns that are zero in
// all rows: they add nothing to a product. Of the 784 pixels of 128 binary images of
// MNIST two fifths are white in all of them. A sum over the columns that are left
// has its terms in the order, and in the parts, of the sum over all, so the
// result is the same to the last bit, but for one thing: a weight that is NaN or
// infinite meets no zero that would make it show. The zero value holds nothing;
// its memory is used again. It serves one goroutine at a time.
type Columns struct {
	rows, width int
	kept        int       // columns that are left
	runs        []run     // where they were
	x           []float32 // [rows,kept]; all of x if that is not worth it
	own         []float32 // what x lies in, if it is not the caller's
	seen        []float32 // [width], 0 for a column of zeros
	dw          []float32 // [O,kept]
}

// run is a number of neighbouring columns.
type run struct{ from, n int }

const (
	// worthwhile is the part of the columns that may be left for the rest to be worth
	// leaving out.
	worthwhile = 0.9
	// worthRows is how many rows a matrix must have for it: with 20, moving columns
	// about took longer than their products.
	worthRows = 64
)

// Set takes a matrix of the given width. It keeps x, which must not change until
// WeightGrad has been called.
func (c *Columns) Set(x []float32, width int) {
	c.rows, c.width, c.kept, c.x, c.runs = len(x)/max(width, 1), width, width, x, c.runs[:0]
	if level == Portable || c.rows < worthRows {
		return
	}
	c.seen = aligned(c.seen, width)
	j := newJob(columnsSeen32, c.seen, x)
	j.width = c.rows
	j.share(width, stepElements, c.rows)
	kept := 0
	for i := 0; i < width; i++ {
		if math.Float32bits(c.seen[i]) == 0 {
			continue
		}
		from := i
		for i < width && math.Float32bits(c.seen[i]) != 0 {
			i++
		}
		c.runs = append(c.runs, run{from, i - from})
		kept += i - from
	}
	if float64(kept) > worthwhile*float64(width) || kept == 0 {
		c.runs = c.runs[:0]
		return
	}
	c.kept = kept
	c.own = aligned(c.own, c.rows*kept)
	c.x = c.own
	c.perRow(packRows32, c.rows, c.own, x)
}

// columnsSeen32 marks the columns lo … hi−1 that are not all zero: it joins the bits
// of all rows, two numbers at a time.
func columnsSeen32(j *job, lo, hi int) {
	seen, x, width := j.p[0][lo:hi], j.p[1], len(j.p[0])
	clear(seen)
	both := pairs(seen)
	last := len(seen) - 1
	for at := lo; at < len(x); at += width {
		row := x[at : at+len(seen)]
		for i, v := range pairs(row) {
			both[i] |= v
		}
		if len(seen)%2 == 1 {
			seen[last] = math.Float32frombits(math.Float32bits(seen[last]) | math.Float32bits(row[last]))
		}
	}
}

// pairs are the bits of pairs of neighbours.
func pairs(x []float32) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(x))), len(x)/2)
}

// packRows32 copies the columns that are kept from rows lo … hi−1 of all columns.
func packRows32(j *job, lo, hi int) {
	c, dst, src := j.columns, j.p[0], j.p[1]
	for i := lo; i < hi; i++ {
		to, from := dst[i*c.kept:(i+1)*c.kept], src[i*c.width:(i+1)*c.width]
		for _, r := range c.runs {
			copy(to, from[r.from:r.from+r.n])
			to = to[r.n:]
		}
	}
}

// spreadRows32 is the inverse: the columns that are not kept become zero.
func spreadRows32(j *job, lo, hi int) {
	c, dst, src := j.columns, j.p[0], j.p[1]
	for i := lo; i < hi; i++ {
		to, from := dst[i*c.width:(i+1)*c.width], src[i*c.kept:(i+1)*c.kept]
		at := 0
		for _, r := range c.runs {
			clear(to[at:r.from])
			at = r.from + r.n
			copy(to[r.from:at], from)
			from = from[r.n:]
		}
		clear(to[at:])
	}
}

func (c *Columns) perRow(f func(j *job, lo, hi int), rows int, dst, src []float32) {
	j := newJob(f, dst, src)
	j.columns = c
	j.share(rows, 1, c.width)
}

// Linear computes y = act(x·Wᵀ + b): w [O,I], b [O], y [B,O].
func (c *Columns) Linear(y, w, b []float32, act Activation) {
	o := len(b)
	fits("W", len(w), o, c.width, c.width)
	fits("y", len(y), c.rows, o, o)
	if c.kept == c.width {
		Linear(y[:c.rows*o], c.x, w[:o*c.width], b, act)
		return
	}
	fused := act == Identity || act == ReLU
	t := sgemmTask{transB: true, m: c.rows, n: o, k: c.kept, alpha: 1, a: c.x, lda: c.kept, b: w, ldb: c.width,
		overwrite: true, c: y, ldc: o, only: c}
	if fused {
		t.bias, t.relu = b, act == ReLU
	}
	if sgemm(t); !fused {
		BiasActivate(y, b, act)
	}
}

// WeightGrad computes dW = daᵀ·x: da [B,O], dw [O,I].
func (c *Columns) WeightGrad(dw, da []float32) {
	if c.rows == 0 {
		clear(dw)
		return
	}
	o := len(da) / c.rows
	if c.kept == c.width {
		Gemm(true, false, o, c.width, c.rows, 1, da, o, c.x, c.width, 0, dw, c.width)
		return
	}
	fits("dW", len(dw), o, c.width, c.width)
	c.dw = aligned(c.dw, o*c.kept)
	Gemm(true, false, o, c.kept, c.rows, 1, da, o, c.x, c.kept, 0, c.dw, c.kept)
	c.perRow(spreadRows32, o, dw, c.dw)
}

// pack moves the kept rows of a panel of Wᵀ, of w numbers each, to its start.
func (c *Columns) pack(panel []float32, w int) {
	at := 0
	for _, r := range c.runs {
		copy(panel[at:], panel[r.from*w:(r.from+r.n)*w])
		at += r.n * w
	}
}

// before returns how many columns are kept of the first i.
func (c *Columns) before(i int) int {
	n := 0
	for _, r := range c.runs {
		n += min(max(i-r.from, 0), r.n)
	}
	return n
}
