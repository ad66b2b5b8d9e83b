package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A prog is what an element-wise kernel does to one vector: a straight line of
// operations, each of which gives a value that is never changed. It is written
// once; emit turns it into the instructions of an instruction set and gives its
// values registers.
type prog struct {
	isa
	*kernel
	code []op
}

// value is the result of an operation, or a number that is there from the start.
type value struct {
	kind byte // 'v': vector, 'k': mask; 'c': constant, 'p': parameter, 's': scalar of the row
	n    int
}

type op struct {
	name string
	args []value
	imm  int
	kind byte // of the result
	copy int  // which of several vectors it works on
}

func (p *prog) op(kind byte, imm int, name string, args ...value) value {
	p.code = append(p.code, op{name: name, args: args, imm: imm, kind: kind})
	return value{kind, len(p.code) - 1}
}

// constants are the words that kernels refer to, in the order of the table.
var constants []uint32

func (p *prog) bits(w uint32) value {
	i := slices.Index(constants, w)
	if i < 0 {
		i = len(constants)
		constants = append(constants, w)
	}
	return value{'c', i}
}

func (p *prog) num(x float64) value   { return p.bits(math.Float32bits(float32(x))) }
func (p *prog) param(i int) value     { return value{'p', i} }
func (p *prog) rowScalar() value      { return value{'s', 0} }
func (p *prog) load(array int) value  { return p.op('v', array, "load") }
func (p *prog) store(a int, v value)  { p.op(0, a, "store", v) }
func (p *prog) add(a, b value) value  { return p.op('v', 0, "VADDPS", a, b) }
func (p *prog) sub(a, b value) value  { return p.op('v', 0, "VSUBPS", a, b) }
func (p *prog) mul(a, b value) value  { return p.op('v', 0, "VMULPS", a, b) }
func (p *prog) div(a, b value) value  { return p.op('v', 0, "VDIVPS", a, b) }
func (p *prog) sqrt(a value) value    { return p.op('v', 0, "VSQRTPS", a) }
func (p *prog) and(a, b value) value  { return p.op('v', 0, "VANDPS", a, b) }
func (p *prog) or(a, b value) value   { return p.op('v', 0, "VORPS", a, b) }
func (p *prog) iadd(a, b value) value { return p.op('v', 0, "VPADDD", a, b) }
func (p *prog) isub(a, b value) value { return p.op('v', 0, "VPSUBD", a, b) }

// max and min return x if either is NaN.
func (p *prog) max(bound, x value) value { return p.op('v', 0, "VMAXPS", bound, x) }
func (p *prog) min(bound, x value) value { return p.op('v', 0, "VMINPS", bound, x) }

func (p *prog) shl(a value, n int) value { return p.op('v', n, "VPSLLD", a) }
func (p *prog) sar(a value, n int) value { return p.op('v', n, "VPSRAD", a) }
func (p *prog) float(a value) value      { return p.op('v', 0, "VCVTDQ2PS", a) }

func (p *prog) fma(a, b, c value) value  { return p.op('v', 0, "VFMADD", a, b, c) }  // a·b + c
func (p *prog) fnma(a, b, c value) value { return p.op('v', 0, "VFNMADD", a, b, c) } // c − a·b

// scalef is a·2ⁿ, n a whole number. AVX-512 only.
func (p *prog) scalef(a, n value) value { return p.op('v', 0, "VSCALEFPS", a, n) }

// Comparisons, all false for NaN except nle.
func (p *prog) lt(a, b value) value  { return p.op('k', 1, "VCMPPS", a, b) }
func (p *prog) le(a, b value) value  { return p.op('k', 2, "VCMPPS", a, b) }
func (p *prog) eq(a, b value) value  { return p.op('k', 0, "VCMPPS", a, b) }
func (p *prog) nle(a, b value) value { return p.op('k', 6, "VCMPPS", a, b) }

func (p *prog) blend(m, yes, no value) value { return p.op('v', 0, "blend", m, yes, no) }
func (p *prog) keep(m, yes value) value      { return p.op('v', 0, "keep", m, yes) } // or 0

// accumulate adds a to the sum of the row, or takes its maximum.
func (p *prog) accumulate(a value) { p.op(0, 0, "accumulate", a) }

// accumulateSquare adds a² to a sum in float64.
func (p *prog) accumulateSquare(a value) { p.op(0, 0, "accumulateSquare", a) }

// poly is c[0] + c[1]·x + c[2]·x² …, by Horner's rule.
func (p *prog) poly(x value, c ...float64) value {
	y := p.num(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		y = p.fma(y, x, p.num(c[i]))
	}
	return y
}

// emitter gives values registers while it writes one copy of a prog's body.
type emitter struct {
	*asm
	*prog
	fixed   map[value]int // registers that hold something throughout
	where   map[value]int
	last    []int // index of the operation that uses a value last
	free    []int // vector registers
	masks   []int // mask registers, AVX-512 only
	tail    bool  // some lanes are beyond the end
	scratch int
	acc     []int
	failed  bool // out of registers
}

func (e *emitter) r(n int) string { return fmt.Sprintf("%s%d", e.reg, n) }

// tailMask is the AVX2 register that holds the mask of the tail.
const tailMask2 = 15

func (e *emitter) take() int {
	if len(e.free) == 0 {
		e.failed = true
		return 0
	}
	n := e.free[0]
	e.free = e.free[1:]
	return n
}

func (e *emitter) give(n int) {
	e.free = append(e.free, n)
	slices.Sort(e.free)
}

// src is an operand that may be in memory, and the suffix its instruction needs.
func (e *emitter) src(v value) (text, suffix string) {
	if n, ok := e.fixed[v]; ok {
		return e.r(n), ""
	}
	switch {
	case v.kind == 'c' && e.lanes == 16:
		return fmt.Sprintf("vectorConstants<>+%d(SB)", 32*v.n), ".BCST"
	case v.kind == 'c':
		return fmt.Sprintf("vectorConstants<>+%d(SB)", 32*v.n), ""
	case v.kind == 'k' && e.lanes == 16:
		return fmt.Sprintf("K%d", e.where[v]), ""
	}
	return e.r(e.where[v]), ""
}

func (e *emitter) inMemory(v value) bool {
	_, fixed := e.fixed[v]
	return v.kind == 'c' && !fixed
}

// inReg is an operand that must be in a register; drop frees it if it was loaded
// for this.
func (e *emitter) inReg(v value) (text string, drop func()) {
	text, _ = e.src(v)
	if !e.inMemory(v) {
		return text, func() {}
	}
	n := e.take()
	e.f("VBROADCASTSS %s, %s", text, e.r(n))
	return e.r(n), func() { e.give(n) }
}

// body writes the instructions for a number of vectors in turns, so that the
// processor finds work in one while another waits for its last result.
func (e *emitter) body(vectors int) {
	once := e.code
	defer func() { e.code = once }()
	e.code = nil
	for _, o := range once {
		for c := range vectors {
			turn := op{o.name, slices.Clone(o.args), o.imm, o.kind, c}
			for i, v := range o.args {
				if v.kind == 'v' || v.kind == 'k' {
					turn.args[i].n = v.n*vectors + c
				}
			}
			e.code = append(e.code, turn)
		}
	}
	e.where = map[value]int{}
	e.last = make([]int, len(e.code))
	needed := make([]bool, len(e.code))
	for i := len(e.code) - 1; i >= 0; i-- {
		needed[i] = needed[i] || e.code[i].kind == 0
		for _, v := range e.code[i].args {
			if (v.kind == 'v' || v.kind == 'k') && needed[i] {
				needed[v.n] = true
				e.last[v.n] = max(e.last[v.n], i)
			}
		}
	}
	for i, o := range e.code {
		if needed[i] {
			e.emit(i, o)
		}
	}
}

// dies reports whether v's register is free after operation i.
func (e *emitter) dies(i int, v value) bool {
	return (v.kind == 'v' || v.kind == 'k') && e.last[v.n] == i
}

// release frees the registers of the arguments that are not used again.
func (e *emitter) release(i int, o op) {
	for j, v := range o.args {
		if e.dies(i, v) && !slices.Contains(o.args[:j], v) {
			if v.kind == 'k' && e.lanes == 16 {
				e.masks = append(e.masks, e.where[v])
			} else {
				e.give(e.where[v])
			}
		}
	}
}

func (e *emitter) result(i int, o op) string {
	v := value{o.kind, i}
	if o.kind == 'k' && e.lanes == 16 {
		if len(e.masks) == 0 {
			e.failed = true
			return "K0"
		}
		e.where[v], e.masks = e.masks[0], e.masks[1:]
		return fmt.Sprintf("K%d", e.where[v])
	}
	e.where[v] = e.take()
	return e.r(e.where[v])
}

func (e *emitter) emit(i int, o op) {
	switch {
	case o.name == "load":
		from, to := e.address(o), e.result(i, o)
		switch {
		case !e.tail:
			e.f("VMOVUPS %s, %s", from, to)
		case e.lanes == 16:
			e.f("VMOVUPS.Z %s, K1, %s", from, to)
		default:
			e.f("VMASKMOVPS %s, %s, %s", from, e.r(tailMask2), to)
		}
	case o.name == "store":
		to := e.address(o)
		from, drop := e.inReg(o.args[0])
		switch {
		case !e.tail:
			e.f("VMOVUPS %s, %s", from, to)
		case e.lanes == 16:
			e.f("VMOVUPS %s, K1, %s", from, to)
		default:
			e.f("VMASKMOVPS %s, %s, %s", from, e.r(tailMask2), to)
		}
		drop()
		e.release(i, o)
	case strings.HasPrefix(o.name, "accumulate"):
		e.accumulate(o)
		e.release(i, o)
	case o.name == "VFMADD", o.name == "VFNMADD":
		e.fused(i, o)
	case o.name == "blend":
		m, _ := e.src(o.args[0])
		yes, suffix := e.src(o.args[1])
		no, drop := e.inReg(o.args[2])
		e.release(i, o)
		to := e.result(i, o)
		if e.lanes == 16 {
			e.f("VBLENDMPS%s %s, %s, %s, %s", suffix, yes, no, m, to)
		} else {
			e.f("VBLENDVPS %s, %s, %s, %s", m, yes, no, to)
		}
		drop()
	case o.name == "keep":
		m, _ := e.src(o.args[0])
		yes, drop := e.inReg(o.args[1])
		e.release(i, o)
		to := e.result(i, o)
		if e.lanes == 16 {
			e.f("VMOVAPS.Z %s, %s, %s", yes, m, to)
		} else {
			e.f("VANDPS %s, %s, %s", yes, m, to)
		}
		drop()
	case len(o.args) == 1: // a register in, a register out
		from, drop := e.inReg(o.args[0])
		e.release(i, o)
		to := e.result(i, o)
		if o.name == "VPSLLD" || o.name == "VPSRAD" {
			from = fmt.Sprintf("$%d, %s", o.imm, from)
		}
		e.f("%s %s, %s", o.name, from, to)
		drop()
	default: // two operands, the second of which may be in memory
		a, b := o.args[0], o.args[1]
		commutes := o.name != "VSUBPS" && o.name != "VDIVPS" && o.name != "VPSUBD" && o.name != "VCMPPS" && o.name != "VSCALEFPS" && o.name != "VMAXPS" && o.name != "VMINPS"
		if commutes && e.inMemory(a) {
			a, b = b, a
		}
		first, drop := e.inReg(a)
		second, suffix := e.src(b)
		e.release(i, o)
		to := e.result(i, o)
		name := o.name + suffix
		if o.name == "VCMPPS" {
			name += fmt.Sprintf(" $%d,", o.imm)
		}
		e.f("%s %s, %s, %s", name, second, first, to)
		drop()
	}
}

// fused writes a·b + c or c − a·b, whose result takes the place of an operand.
func (e *emitter) fused(i int, o op) {
	a, b, c := o.args[0], o.args[1], o.args[2]
	if e.inMemory(a) {
		a, b = b, a
	}
	if e.inMemory(a) {
		panic("fused multiply-add of two constants")
	}
	if !e.dies(i, a) && e.dies(i, b) {
		a, b = b, a
	}
	var to int
	ra, _ := e.src(a)
	rb, sb := e.src(b)
	rc, sc := e.src(c)
	v := value{'v', i}
	switch {
	case e.dies(i, c) && c != a && c != b: // 231: c = a·b + c
		to = e.where[c]
		e.f("%s231PS%s %s, %s, %s", o.name, sb, rb, ra, rc)
	case e.dies(i, a) && !e.inMemory(b): // 213: a = b·a + c
		to = e.where[a]
		e.f("%s213PS%s %s, %s, %s", o.name, sc, rc, rb, ra)
	case e.dies(i, a) && !e.inMemory(c): // 132: a = a·b + c
		to = e.where[a]
		e.f("%s132PS%s %s, %s, %s", o.name, sb, rb, rc, ra)
	default: // a copy of c
		to = e.take()
		if e.inMemory(c) {
			e.f("VBROADCASTSS %s, %s", rc, e.r(to))
		} else {
			e.f("VMOVAPS %s, %s", rc, e.r(to))
		}
		e.f("%s231PS%s %s, %s, %s", o.name, sb, rb, ra, e.r(to))
		e.release(i, o)
		e.where[v] = to
		return
	}
	e.where[v] = to
	for j, arg := range o.args {
		if e.dies(i, arg) && e.where[arg] != to && !slices.Contains(o.args[:j], arg) {
			e.give(e.where[arg])
		}
	}
}

// accumulate adds to the sums of the row. Lanes beyond the end are left out.
func (e *emitter) accumulate(o op) {
	x, drop := e.inReg(o.args[0])
	defer drop()
	if o.name == "accumulateSquare" || e.sum == sum64 {
		e.accumulate64(x, o.name == "accumulateSquare")
		return
	}
	acc := e.r(e.acc[0])
	name := map[sumKind]string{sum32: "VADDPS", maximum: "VMAXPS"}[e.sum]
	switch {
	case !e.tail:
		e.f("%s %s, %s, %s", name, x, acc, acc)
	case e.lanes == 16:
		e.f("%s %s, %s, K1, %s", name, x, acc, acc)
	case e.sum == maximum:
		t := e.take()
		e.f("VMAXPS %s, %s, %s", x, acc, e.r(t))
		e.f("VBLENDVPS %s, %s, %s, %s", e.r(tailMask2), e.r(t), acc, acc)
		e.give(t)
	default:
		t := e.take()
		e.f("VANDPS %s, %s, %s", x, e.r(tailMask2), e.r(t))
		e.f("VADDPS %s, %s, %s", e.r(t), acc, acc)
		e.give(t)
	}
}

// accumulate64 adds a vector of float32, or their squares, to the two
// accumulators in float64.
func (e *emitter) accumulate64(x string, square bool) {
	t := e.take()
	defer e.give(t)
	n := strings.TrimLeft(x, "XYZ")
	if e.tail { // lanes beyond the end must be 0
		m := e.take()
		defer e.give(m)
		if e.lanes == 16 {
			e.f("VMOVAPS.Z %s, K1, %s", x, e.r(m))
		} else {
			e.f("VANDPS %s, %s, %s", x, e.r(tailMask2), e.r(m))
		}
		n = fmt.Sprint(m)
	}
	add := func(acc int) {
		if square {
			e.f("VFMADD231PD %s, %s, %s", e.r(t), e.r(t), e.r(acc))
		} else {
			e.f("VADDPD %s, %s, %s", e.r(t), e.r(acc), e.r(acc))
		}
	}
	lo, hi := e.acc[len(e.acc)-2], e.acc[len(e.acc)-1]
	if e.lanes == 16 {
		e.f("VCVTPS2PD Y%s, Z%d", n, t)
		add(lo)
		e.f("VEXTRACTF32X8 $1, Z%s, Y%d", n, t)
		e.f("VCVTPS2PD Y%d, Z%d", t, t)
		add(hi)
	} else {
		e.f("VCVTPS2PD X%s, Y%d", n, t)
		add(lo)
		e.f("VEXTRACTF128 $1, Y%s, X%d", n, t)
		e.f("VCVTPS2PD X%d, Y%d", t, t)
		add(hi)
	}
}
