package graph

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/panics"
	"govae/internal/simd"
)

// This is the only file that touches Gorgonia's tape machines. What it works
// around: shapes are fixed, so there is a program for each batch size; a machine is
// reset before each run, since RunAll would else silently do nothing, and stock
// operations would write into the registers of the run before; a value read
// after a run may have been overwritten, unless one of our operations owns it or
// a Read copies it, and even then only if it is in use until the run ends.

// Program is a compiled graph. It serves one goroutine at a time; any number of programs
// may run at once, and share the values of their parameters.
//
// Each input has two buffers, by turns: while a run reads one, the next batch may be
// written into the other.
type Program struct {
	dt      tensor.Dtype
	vm      G.VM
	tape    func() error // runs all instructions
	inputs  []*input
	scalars []scalar
	outputs []output
	next    int // side of the inputs to be filled
}

// building: Gorgonia's constants are global, and graphs under construction write
// to them.
var building sync.Mutex

// underway is the Builder of the graph under construction, nil for none.
var underway atomic.Pointer[Builder]

// Compile makes a program of the graph that build makes, whose inputs are float32 or
// float64. It runs the program once, on inputs of zeros. Its error is that of build, or of
// the Builder, or of that run; a panic of build becomes an error that says where it was.
// One graph is built at a time, so it is an error if build calls Compile, or anything that
// compiles, such as Rows.Run.
func Compile(dt tensor.Dtype, build func(b *Builder) error) (*Program, error) {
	switch {
	case dt != tensor.Float32 && dt != tensor.Float64:
		return nil, fmt.Errorf("graph: compile a graph of %v, want float32 or float64", dt)
	case build == nil:
		return nil, errors.New("graph: compile: no function that builds the graph")
	case nested():
		return nil, errors.New("graph: a graph is compiled while another one is built: compile and run it before or after")
	}
	building.Lock()
	defer building.Unlock()
	b := &Builder{g: G.NewGraph(), dt: dt}
	underway.Store(b)
	defer underway.Store(nil)
	if err := b.build(build); err != nil {
		return nil, err
	}
	if b.err != nil {
		return nil, b.err
	}
	return b.compile()
}

// nested reports whether the function that calls it is at work in this goroutine already.
func nested() bool {
	pcs := make([]uintptr, 1<<10)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	self, more := frames.Next()
	for more {
		var f runtime.Frame
		if f, more = frames.Next(); f.Function == self.Function {
			return true
		}
	}
	return false
}

func (b *Builder) build(build func(b *Builder) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("graph: build: %w", panics.Error(r))
		}
	}()
	return build(b)
}

func (b *Builder) compile() (p *Program, err error) {
	defer func() { // the compiler panics on a graph that it does not like
		if r := recover(); r != nil {
			err = fmt.Errorf("graph: compile: %v", r)
		}
	}()
	p = &Program{dt: b.dt, inputs: b.inputs, scalars: b.scalars, outputs: b.outputs}
	var keep G.Nodes
	for _, o := range p.outputs {
		if Owns(o.node) {
			keep = append(keep, o.node)
		} else {
			G.Read(o.node, o.value)
		}
	}
	if len(keep) > 0 {
		if err := Keep(keep...); err != nil {
			return nil, err
		}
	}
	if len(b.g.AllNodes()) == 0 {
		return nil, errors.New("graph: compile a graph without nodes, want at least an output")
	}
	p.vm = G.NewTapeMachine(b.g)
	p.tape = tape(p.vm)
	if err := p.Run(); err != nil { // from here on, every output has its place
		return nil, err
	}
	for _, o := range p.outputs {
		if Owns(o.node) {
			*o.value = o.node.Value()
		}
	}
	return p, nil
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

func (p *Program) input(name string) (*input, error) {
	for _, in := range p.inputs {
		if in.Name == name {
			return in, nil
		}
	}
	names := make([]string, len(p.inputs))
	for i, in := range p.inputs {
		names[i] = in.Name
	}
	return nil, unknown("input", name, names)
}

// Input is the buffer of the next batch of an input, row by row, to be filled before
// Take. It panics if there is no such input of float32.
func (p *Program) Input(name string) []float32 {
	t, err := p.buffer(name)
	if err != nil {
		panic(err)
	}
	return t.Data().([]float32)
}

// buffer makes the second buffer of an input when it is first asked for.
func (p *Program) buffer(name string) (*tensor.Dense, error) {
	in, err := p.input(name)
	if err != nil {
		return nil, err
	}
	if in.side[p.next] == nil {
		in.side[p.next] = tensor.New(tensor.Of(in.node.Dtype()), tensor.WithShape(in.Shape...))
	}
	return in.side[p.next], nil
}

// Take makes what is in the inputs the batch of the next Run. From then on Input gives
// the other buffers, which may be filled for the Run after it, also while Run runs.
func (p *Program) Take() error {
	for _, in := range p.inputs {
		t, err := p.buffer(in.Name)
		if err == nil {
			err = in.let(t)
		}
		if err != nil {
			return err
		}
	}
	p.next = 1 - p.next
	return nil
}

// let gives an input another tensor, of the same shape.
func (in *input) let(t *tensor.Dense) error {
	if in.bind == t {
		return nil
	}
	if err := G.Let(in.node, t); err != nil {
		return fmt.Errorf("graph: set %s: %w", in.Name, err)
	}
	in.bind = t
	return nil
}

// Set gives a scalar its value for the runs to come. It is an error if there is none of that
// name.
func (p *Program) Set(name string, v float64) error {
	for _, s := range p.scalars {
		if s.name != name {
			continue
		}
		if err := G.Let(s.node, number(s.node.Dtype(), v)); err != nil {
			return fmt.Errorf("graph: set %s: %w", name, err)
		}
		return nil
	}
	return unknown("scalar", name, p.Scalars())
}

// Dtype is the precision of the inputs and scalars: tensor.Float32 or tensor.Float64.
func (p *Program) Dtype() tensor.Dtype { return p.dt }

// Run computes the outputs of the batch that was taken last. If a kernel of an Op panics, the
// error says which and where.
func (p *Program) Run() error {
	p.vm.Reset()
	if err := p.tape(); err != nil {
		if f := (failure{}); errors.As(err, &f) { // which says all that Gorgonia's error says
			return f
		}
		return fmt.Errorf("graph: run: %w", err)
	}
	return nil
}

func (p *Program) output(name string) (G.Value, error) {
	for _, o := range p.outputs {
		if o.name == name {
			return *o.value, nil
		}
	}
	return nil, unknown("output", name, p.Outputs())
}

// Output gives the numbers of an output of float32 as they lie, row by row. The next Run
// overwrites them, and if it is not an operation of this package that computes them, puts
// them elsewhere. It is an error if there is no output of that name, or if it is float64.
func (p *Program) Output(name string) ([]float32, error) {
	v, err := p.output(name)
	if err != nil {
		return nil, err
	}
	return Slice32(v)
}

// Number is the value of an output of one number, of either precision. It is an error if
// there is none of that name, or if it has several numbers.
func (p *Program) Number(name string) (float64, error) {
	for _, o := range p.outputs {
		if s := o.node.Shape(); o.name == name && s.TotalSize() != 1 {
			return 0, fmt.Errorf("graph: output %s has the shape %v, want one number", name, s)
		}
	}
	var v [1]float64
	err := Copy(p, name, v[:])
	return v[0], err
}

// Copy copies the start of an output, as many numbers as dst has, of either precision. It
// is an error if there is no output of that name, or if it has fewer numbers.
func Copy[T Float](p *Program, name string, dst []T) error {
	v, err := p.output(name)
	if err != nil {
		return err
	}
	if v.Shape().TotalSize() < len(dst) {
		return fmt.Errorf("graph: output %s has the shape %v, want at least %d numbers", name, v.Shape(), len(dst))
	}
	if d, err := Slice64(v); err == nil {
		convert(dst, d)
		return nil
	}
	d, err := Slice32(v)
	convert(dst, d)
	return err
}

func convert[T, S Float](dst []T, src []S) {
	if same, ok := any(src).([]T); ok {
		simd.Copy(dst, same)
		return
	}
	for i := range min(len(dst), len(src)) { // src may be nil, of an error
		dst[i] = T(src[i])
	}
}
