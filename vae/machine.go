package vae

import (
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/op"
	"govae/internal/simd"
)

// This is the only file that touches Gorgonia's tape machines. What it works
// around: shapes are fixed, so there is a machine for each batch size; a machine is
// reset before each run, since RunAll would else silently do nothing, and stock
// operations would write into the registers of the run before; a value read
// after a run may have been overwritten, unless one of our operations owns it or
// a Read copies it, and even then only if it is in use until the run ends.

// A machine is one compiled graph of one batch size. It serves one goroutine at
// a time.
type machine struct {
	batch int
	vm    G.VM
	tape  func() error    // runs all instructions
	in    []*tensor.Dense // inputs, to be filled before a run
	nodes []*G.Node       // of the inputs, for let
	out   []*G.Value      // outputs, to be read before the next one
	param []*G.Node       // scalar inputs, for set
}

// building: Gorgonia's constants are global, and graphs under construction write
// to them.
var building sync.Mutex

// compile makes a machine. Inputs are nodes of input and scalar.
func compile(g *G.ExprGraph, batch int, in, scalars, out G.Nodes) (m *machine, err error) {
	defer func() { // the compiler panics on a graph that it does not like
		if r := recover(); r != nil {
			err = fmt.Errorf("vae: compile the graph: %v", r)
		}
	}()
	m = &machine{batch: batch, param: scalars, nodes: in}
	for _, n := range in {
		m.in = append(m.in, n.Value().(*tensor.Dense))
	}
	owned := map[int]*G.Node{}
	var keep G.Nodes
	for i, n := range out {
		v := new(G.Value)
		m.out = append(m.out, v)
		if op.Owns(n) {
			owned[i] = n
			keep = append(keep, n)
		} else {
			G.Read(n, v)
		}
	}
	if len(keep) > 0 {
		if err := op.Keep(keep...); err != nil {
			return nil, err
		}
	}
	m.vm = G.NewTapeMachine(g)
	m.tape = tape(m.vm)
	if err := m.run(); err != nil { // from here on, every output has its place
		return nil, err
	}
	for i, n := range owned {
		*m.out[i] = n.Value()
	}
	return m, nil
}

// run computes all outputs from the inputs.
func (m *machine) run() error {
	m.vm.Reset()
	if err := m.tape(); err != nil {
		return fmt.Errorf("vae: run the graph: %w", err)
	}
	return nil
}

// tape returns a function that runs a tape machine's program in the goroutine that
// calls it, by Run. RunAll would lock that goroutine to its thread, run the program
// on another one, and change threads twice: on a virtual machine, where an idle
// core takes long to wake, that took up to a third of a training step. Run wants
// the instructions, which Gorgonia does not export, so they are found by
// reflection; where they are not as expected, RunAll it is.
func tape(vm G.VM) func() error {
	v := reflect.ValueOf(vm)
	prog, run := v.MethodByName("Prog"), v.MethodByName("Run")
	if !prog.IsValid() || !run.IsValid() || prog.Type().NumIn() != 0 || prog.Type().NumOut() != 1 || prog.Type().Out(0).Kind() != reflect.Pointer {
		return vm.RunAll
	}
	p := prog.Call(nil)[0].Elem()
	if p.Kind() != reflect.Struct {
		return vm.RunAll
	}
	f := p.FieldByName("instructions")
	if t := run.Type(); !f.IsValid() || t.NumIn() != 1 || t.In(0) != f.Type() || t.NumOut() != 1 {
		return vm.RunAll
	}
	all := []reflect.Value{reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()}
	return func() error {
		err, _ := run.Call(all)[0].Interface().(error)
		return err
	}
}

// let gives an input another tensor, of the same shape.
func (m *machine) let(i int, t *tensor.Dense) error {
	if err := G.Let(m.nodes[i], t); err != nil {
		return fmt.Errorf("vae: set %s: %w", m.nodes[i].Name(), err)
	}
	m.in[i] = t
	return nil
}

// set gives a scalar input its value.
func (m *machine) set(i int, v float64) error {
	var s any = float32(v)
	if m.param[i].Dtype() == tensor.Float64 {
		s = v
	}
	if err := G.Let(m.param[i], s); err != nil {
		return fmt.Errorf("vae: set %s: %w", m.param[i].Name(), err)
	}
	return nil
}

// scalar makes a scalar input node.
func scalar(g *G.ExprGraph, dt tensor.Dtype, name string, v float64) *G.Node {
	var s any = float32(v)
	if dt == tensor.Float64 {
		s = v
	}
	return G.NewScalar(g, dt, G.WithName(name), G.WithValue(s))
}

// input makes an input node [batch,width] with a value of its own.
func (m *Model) input(g *G.ExprGraph, name string, batch, width int) *G.Node {
	v := tensor.New(tensor.Of(m.dtype()), tensor.WithShape(batch, width))
	return G.NewMatrix(g, m.dtype(), G.WithName(name), G.WithShape(batch, width), G.WithValue(v))
}

// load copies rows into an input [B,width], from the given row on.
func load(dst *tensor.Dense, row int, src []float32) {
	at := row * dst.Shape()[1]
	switch d := dst.Data().(type) {
	case []float32:
		copy(d[at:], src)
	case []float64:
		for i, v := range src {
			d[at+i] = float64(v)
		}
	}
}

// store copies the start of an output out.
func store[T simd.Float](dst []T, src G.Value) error {
	if d, err := op.Slice64(src); err == nil {
		convert(dst, d)
		return nil
	}
	d, err := op.Slice32(src)
	convert(dst, d)
	return err
}

func convert[T, S simd.Float](dst []T, src []S) {
	if same, ok := any(src).([]T); ok {
		simd.Copy(dst, same)
		return
	}
	for i := range min(len(dst), len(src)) {
		dst[i] = T(src[i])
	}
}

// A pool keeps the machines of one kind of graph. Rows are independent of one
// another, so any number of them is worked off in a few fixed batch sizes, the
// last batch padded by what is left of an earlier one.
type pool struct {
	build func(g *G.ExprGraph, batch int) (in, out G.Nodes, err error)
	mu    sync.Mutex
	free  map[int][]*machine
}

var batchSizes = []int{1, 8, 64, 512}

// batchFor returns the batch size that n rows are best worked off in.
func batchFor(n int) int {
	for _, b := range batchSizes {
		if b >= n {
			return b
		}
	}
	return batchSizes[len(batchSizes)-1]
}

// run feeds n rows of each input through the graph and collects n rows of each
// output: in[i] is [n,·] and out[i] is [n,·]. each, if it is not nil, is called
// with the outputs of rows lo … hi−1 while they are there. The graph reads
// full batches where they are and copies only what does not fill one.
func run[T simd.Float](p *pool, n int, in [][]float32, out [][]T, each func(lo, hi int, out []G.Value) error) error {
	for lo := 0; lo < n; {
		batch := batchFor(n - lo)
		hi := min(n, lo+batch)
		m, err := p.get(batch)
		if err != nil {
			return err
		}
		own := slices.Clone(m.in)
		for i, src := range in {
			w := len(src) / n
			if rows := src[lo*w : hi*w]; hi-lo == batch && own[i].Dtype() == tensor.Float32 {
				err = m.let(i, tensor.New(tensor.WithShape(batch, w), tensor.WithBacking(rows)))
			} else {
				load(own[i], 0, rows)
			}
			if err != nil {
				return err
			}
		}
		if err := m.run(); err != nil {
			return err
		}
		values := make([]G.Value, len(m.out))
		for i, v := range m.out {
			values[i] = *v
		}
		for i, dst := range out {
			w := len(dst) / n
			if err := store(dst[lo*w:hi*w], values[i]); err != nil {
				return err
			}
		}
		if each != nil {
			if err := each(lo, hi, values); err != nil {
				return err
			}
		}
		for i, t := range own { // the caller's memory is the caller's again
			if m.in[i] != t {
				if err := m.let(i, t); err != nil {
					return err
				}
			}
		}
		p.put(m)
		lo = hi
	}
	return nil
}

func (p *pool) get(batch int) (*machine, error) {
	p.mu.Lock()
	if f := p.free[batch]; len(f) > 0 {
		m := f[len(f)-1]
		p.free[batch] = f[:len(f)-1]
		p.mu.Unlock()
		return m, nil
	}
	p.mu.Unlock()

	building.Lock()
	defer building.Unlock()
	g := G.NewGraph()
	in, out, err := p.build(g, batch)
	if err != nil {
		return nil, fmt.Errorf("vae: build the graph: %w", err)
	}
	return compile(g, batch, in, nil, out)
}

func (p *pool) put(m *machine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == nil {
		p.free = map[int][]*machine{}
	}
	if len(p.free[m.batch]) < runtime.GOMAXPROCS(0) {
		p.free[m.batch] = append(p.free[m.batch], m)
	}
}

// differentiate adds the gradient of a scalar to its graph, one node a
// parameter. It does what gorgonia.Grad does, but starts from a node of this
// graph where Grad starts from one that all graphs of the process share, which
// two trainings at once would both write to.
func differentiate(loss *G.Node, wrt G.Nodes) (G.Nodes, error) {
	one := scalar(loss.Graph(), loss.Dtype(), "dloss", 1)
	grads, err := G.Backpropagate(G.Nodes{loss}, G.Nodes{one}, wrt)
	if err != nil {
		return nil, fmt.Errorf("vae: differentiate the loss: %w", err)
	}
	return grads, nil
}
