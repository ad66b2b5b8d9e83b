package graph

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unsafe"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/internal/simd"
)

// This is the only file that touches Gorgonia's tape machines. What it works
// around: shapes are fixed, so there is a program for each batch size; a machine is
// reset before each run, since RunAll would else silently do nothing, and stock
// operations would write into the registers of the run before; a value read
// after a run may have been overwritten, unless one of our operations owns it or
// a Read copies it, and even then only if it is in use until the run ends.

// Builder collects the parts of a Program while its graph is built.
type Builder struct {
	g       *G.ExprGraph
	dt      tensor.Dtype
	inputs  []*input
	scalars []scalar
	outputs []output
	cost    *G.Node // that was differentiated
	err     error
}

type input struct {
	Input
	node *G.Node
	side [2]*tensor.Dense // buffers, by turns
	bind *tensor.Dense    // what the graph reads
}

type scalar struct {
	name string
	node *G.Node
}

type output struct {
	name  string
	node  *G.Node
	value *G.Value
}

// Input describes an input of a Program.
type Input struct {
	Name  string
	Shape tensor.Shape
	Noise Noise
	// Stream names the random stream of an input of noise.
	Stream string
}

// Noise is what an input is to be filled with.
type Noise uint8

const (
	Data    Noise = iota // no noise: data
	Normal               // independent draws from N(0,1)
	Uniform              // independent draws from the uniform distribution on [0,1)
)

// Graph is the graph under construction.
func (b *Builder) Graph() *G.ExprGraph { return b.g }

// Dtype is the precision of inputs and scalars: tensor.Float32 or tensor.Float64.
func (b *Builder) Dtype() tensor.Dtype { return b.dt }

// Input adds an input of data, zeros until it is filled. Two inputs or scalars of one name
// are an error of Compile.
func (b *Builder) Input(name string, shape ...int) *G.Node {
	return b.add(Input{Name: name, Shape: shape})
}

// Random adds an input of noise, which whoever runs the program draws from the stream of
// that name. A stream is a function of the run's seed, its name and the step: inputs of one
// stream, of one program or of several, get the same numbers in a step, and inputs of
// different streams independent ones. The steps of package vae draw eps from the stream
// "eps" and u from "resample", so a name of one's own is another one, unless the noise is to
// be theirs.
func (b *Builder) Random(name, stream string, noise Noise, shape ...int) *G.Node {
	return b.add(Input{Name: name, Shape: shape, Noise: noise, Stream: stream})
}

func (b *Builder) add(in Input) *G.Node {
	b.unique(in.Name)
	v := tensor.New(tensor.Of(b.dt), tensor.WithShape(in.Shape...))
	n := G.NewTensor(b.g, b.dt, len(in.Shape), G.WithName(in.Name), G.WithShape(in.Shape...), G.WithValue(v))
	b.inputs = append(b.inputs, &input{Input: in, node: n, side: [2]*tensor.Dense{v}, bind: v})
	return n
}

// Scalar adds a number that is set by its name, and is v until then.
func (b *Builder) Scalar(name string, v float64) *G.Node {
	b.unique(name)
	n := scalarNode(b.g, b.dt, name, v)
	b.scalars = append(b.scalars, scalar{name, n})
	return n
}

// unique keeps an error if an input has that name: Gorgonia would silently make one node
// of two.
func (b *Builder) unique(name string) {
	for _, n := range b.g.ByName(name) {
		if n.IsVar() && b.err == nil {
			b.err = fmt.Errorf("graph: two inputs named %q", name)
		}
	}
}

// Output makes the value of a node an output of the program. No node, or a second output of
// that name, is an error of Compile.
func (b *Builder) Output(name string, n *G.Node) {
	if err := sound(b.g, n); b.err == nil && err != nil {
		b.err = fmt.Errorf("graph: output %q is %w", name, err)
	}
	if b.err == nil && slices.ContainsFunc(b.outputs, func(o output) bool { return o.name == name }) {
		b.err = fmt.Errorf("graph: two outputs named %q", name)
	}
	b.outputs = append(b.outputs, output{name: name, node: n, value: new(G.Value)})
}

// Gradients adds the gradients of a scalar cost with respect to nodes of its graph, a
// node each. It is an error if the cost does not depend on one of them. One cost of a graph
// is differentiated, and a second one is an error: Gorgonia keeps the derivatives in the
// nodes, and would silently give those of the first cost.
//
// It does what gorgonia.Grad does, but starts from a node of this graph where Grad
// starts from one that all graphs of the process share, which two trainings at once
// would both write to.
func (b *Builder) Gradients(cost *G.Node, wrt ...*G.Node) (G.Nodes, error) {
	if b.cost != nil {
		return nil, fmt.Errorf("graph: a second cost is differentiated: make a program for each")
	}
	for _, n := range append([]*G.Node{cost}, wrt...) {
		if err := sound(b.g, n); err != nil {
			return nil, fmt.Errorf("graph: differentiate the cost: %w", err)
		}
	}
	b.cost = cost
	one := scalarNode(b.g, cost.Dtype(), "dcost", 1)
	grads, err := G.Backpropagate(G.Nodes{cost}, G.Nodes{one}, wrt)
	if err != nil {
		return nil, fmt.Errorf("graph: differentiate the cost: %w", err)
	}
	return grads, nil
}

func scalarNode(g *G.ExprGraph, dt tensor.Dtype, name string, v float64) *G.Node {
	return G.NewScalar(g, dt, G.WithName(name), G.WithValue(number(dt, v)))
}

func number(dt tensor.Dtype, v float64) any {
	if dt == tensor.Float64 {
		return v
	}
	return float32(v)
}

// Program is a compiled graph. It serves one goroutine at a time; any number of programs
// may run at once, and share the values of their parameters.
//
// Each input has two buffers, by turns: while a run reads one, the next batch may be
// written into the other.
type Program struct {
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

// Compile makes a program of the graph that build makes, whose inputs are float32 or
// float64. It runs the program once, on inputs of zeros. Its error is that of build, or of
// the Builder, or of that run.
func Compile(dt tensor.Dtype, build func(b *Builder) error) (*Program, error) {
	building.Lock()
	defer building.Unlock()
	b := &Builder{g: G.NewGraph(), dt: dt}
	if err := build(b); err != nil {
		return nil, err
	}
	if b.err != nil {
		return nil, b.err
	}
	return b.compile()
}

func (b *Builder) compile() (p *Program, err error) {
	defer func() { // the compiler panics on a graph that it does not like
		if r := recover(); r != nil {
			err = fmt.Errorf("graph: compile: %v", r)
		}
	}()
	p = &Program{inputs: b.inputs, scalars: b.scalars, outputs: b.outputs}
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

// Inputs lists the inputs, in the order in which they were added.
func (p *Program) Inputs() []Input {
	list := make([]Input, len(p.inputs))
	for i, in := range p.inputs {
		list[i] = in.Input
	}
	return list
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

// unknown says which names there are.
func unknown(kind, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("graph: no %s named %q: there is none", kind, name)
	}
	return fmt.Errorf("graph: no %s named %q, but %s", kind, name, strings.Join(known, ", "))
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

// Load writes rows of float32 into the buffer of the next batch of an input, of either
// precision, from the given row on. It is an error if they do not fit.
func (p *Program) Load(name string, row int, src []float32) error {
	t, err := p.buffer(name)
	if err != nil {
		return err
	}
	shape := t.Shape()
	if row < 0 || shape.Dims() == 0 || len(src) > (shape[0]-row)*(shape.TotalSize()/shape[0]) {
		return fmt.Errorf("graph: %d numbers from row %d of input %s on, whose shape is %v", len(src), row, name, shape)
	}
	load(t, row, src)
	return nil
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

// Scalars lists the names of the scalars.
func (p *Program) Scalars() []string {
	names := make([]string, len(p.scalars))
	for i, s := range p.scalars {
		names[i] = s.name
	}
	return names
}

// Run computes the outputs of the batch that was taken last.
func (p *Program) Run() error {
	p.vm.Reset()
	if err := p.tape(); err != nil {
		return fmt.Errorf("graph: run: %w", err)
	}
	return nil
}

// Outputs lists the names of the outputs, in the order in which they were added.
func (p *Program) Outputs() []string {
	names := make([]string, len(p.outputs))
	for i, o := range p.outputs {
		names[i] = o.name
	}
	return names
}

// IsScalar reports whether there is an output of that name that is one number.
func (p *Program) IsScalar(name string) bool {
	for _, o := range p.outputs {
		if o.name == name {
			return o.node.IsScalar()
		}
	}
	return false
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
// is an error if there is no output of that name.
func Copy[T Float](p *Program, name string, dst []T) error {
	v, err := p.output(name)
	if err != nil {
		return err
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
	for i := range min(len(dst), len(src)) {
		dst[i] = T(src[i])
	}
}

// load copies rows into a tensor [B,…], from the given row on.
func load(dst *tensor.Dense, row int, src []float32) {
	at := row * (dst.Shape().TotalSize() / dst.Shape()[0])
	switch d := dst.Data().(type) {
	case []float32:
		copy(d[at:], src)
	case []float64:
		for i, v := range src {
			d[at+i] = float64(v)
		}
	}
}
