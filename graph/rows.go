package graph

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"gorgonia.org/tensor"
)

// Rows runs a graph whose rows are independent of one another over any number of rows:
// they are worked off in a few fixed batch sizes, the last batch padded by what is left
// of an earlier one. It keeps the compiled programs for the next call. Any number of
// goroutines may use it at once.
type Rows struct {
	dt    tensor.Dtype
	build func(b *Builder, batch int) error

	mu   sync.Mutex
	free map[int][]*Program
}

// NewRows makes Rows of float32 or float64. build adds the graph for one batch size, with
// inputs and outputs [batch,·].
func NewRows(dt tensor.Dtype, build func(b *Builder, batch int) error) *Rows {
	return &Rows{dt: dt, build: build, free: map[int][]*Program{}}
}

// 500 is what package evaluate works with: full batches are read where they are.
var batchSizes = []int{1, 8, 64, 500, 512}

// BatchFor returns the batch size that n rows are best worked off in.
func BatchFor(n int) int {
	for _, b := range batchSizes {
		if b >= n {
			return b
		}
	}
	return batchSizes[len(batchSizes)-1]
}

// Run feeds n rows of each input, [n,·] by its name, through the graph. After each batch
// it calls each of the given functions with the program, which has the outputs of rows lo
// … hi−1 in its first hi−lo rows. The graph reads full batches of float32 where they are,
// and copies only what does not fill one. For n = 0 it does nothing.
//
// It is an error if in lacks an input or has one too many, if an input has not n rows, if
// build gave it another first dimension than batch, or if a function is nil. The first error
// of a function ends the run.
func (r *Rows) Run(n int, in map[string][]float32, each ...func(lo, hi int, p *Program) error) error {
	if n < 0 {
		return fmt.Errorf("graph: %d rows, want at least 0", n)
	}
	for i, f := range each {
		if f == nil {
			return fmt.Errorf("graph: function %d of a run of rows is nil", i)
		}
	}
	for lo := 0; lo < n; {
		batch := BatchFor(n - lo)
		hi := min(n, lo+batch)
		p, err := r.Get(batch)
		if err != nil {
			return err
		}
		if err := p.feed(in, n, lo, hi, batch); err != nil {
			return err
		}
		if err := p.Run(); err != nil {
			return err
		}
		for _, f := range each {
			if err := f(lo, hi, p); err != nil {
				return err
			}
		}
		if err := p.own(); err != nil { // the caller's memory is the caller's again
			return err
		}
		r.Put(p)
		lo = hi
	}
	return nil
}

// feed lets the inputs of a program be rows lo … hi−1 of n.
func (p *Program) feed(rows map[string][]float32, n, lo, hi, batch int) error {
	if len(rows) != len(p.inputs) || len(rows) == 0 {
		return fmt.Errorf("graph: %d inputs of rows for a graph of %d, want as many, and at least 1", len(rows), len(p.inputs))
	}
	for _, in := range p.inputs {
		if in.Shape.Dims() == 0 || in.Shape[0] != batch {
			return fmt.Errorf("graph: input %s of shape %v in a graph of %d rows", in.Name, in.Shape, batch)
		}
		src, ok := rows[in.Name]
		w := in.Shape.TotalSize() / in.Shape[0]
		if !ok {
			return fmt.Errorf("graph: no rows of input %s, but of %s", in.Name, strings.Join(slices.Sorted(maps.Keys(rows)), ", "))
		}
		if len(src) != n*w {
			return fmt.Errorf("graph: input %s has %d numbers, want %d rows of %d", in.Name, len(src), n, w)
		}
		src = src[lo*w : hi*w]
		if hi-lo == batch && p.dt == tensor.Float32 {
			if err := in.let(tensor.New(tensor.WithShape(in.Shape...), tensor.WithBacking(src))); err != nil {
				return err
			}
			continue
		}
		load(in.side[0], 0, src)
		if err := in.let(in.side[0]); err != nil {
			return err
		}
	}
	return nil
}

// own gives all inputs their own buffers back.
func (p *Program) own() error {
	for _, in := range p.inputs {
		if err := in.let(in.side[0]); err != nil {
			return err
		}
	}
	return nil
}

// Collect returns a function for Rows.Run of n rows that copies an output [n,·] into dst. Its
// error is that of Copy, or that the output has not len(dst)/n numbers a row.
func Collect[T Float](name string, n int, dst []T) func(lo, hi int, p *Program) error {
	w := len(dst) / max(n, 1)
	return func(lo, hi int, p *Program) error {
		v, err := p.output(name)
		if err != nil {
			return err
		}
		if batch := p.inputs[0].Shape[0]; hi > n || len(dst) != n*w || v.Shape().TotalSize() != batch*w {
			return fmt.Errorf("graph: output %s has the shape %v for %d rows: it does not fill %d numbers with %d rows", name, v.Shape(), batch, len(dst), n)
		}
		return Copy(p, name, dst[lo*w:hi*w])
	}
}

// Get returns a program for a batch size, for the caller alone until Put. Its error is that
// of Compile.
func (r *Rows) Get(batch int) (*Program, error) {
	r.mu.Lock()
	if f := r.free[batch]; len(f) > 0 {
		p := f[len(f)-1]
		r.free[batch] = f[:len(f)-1]
		r.mu.Unlock()
		return p, nil
	}
	r.mu.Unlock()
	if r.build == nil {
		return Compile(r.dt, nil)
	}
	return Compile(r.dt, func(b *Builder) error { return r.build(b, batch) })
}

// Put gives a program back that Get returned. A program without inputs is not kept, and nil is
// none.
func (r *Rows) Put(p *Program) {
	if p == nil || len(p.inputs) == 0 {
		return
	}
	batch := p.inputs[0].Shape[0]
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.free[batch]) < runtime.GOMAXPROCS(0) {
		r.free[batch] = append(r.free[batch], p)
	}
}
