package main

import (
	"fmt"
	"slices"
	"strings"
)

// kernel is a description from which both instruction sets' functions are made.
type kernel struct {
	name   string
	doc    string
	arrays []array
	params int  // numbers at par that are the same for all elements
	rows   bool // the arrays are [rows, width], or else [n]
	flush  bool // denormal numbers count as zero
	sum    sumKind
	out64  bool // sums are stored as float64
	body   func(p *prog)
}

// array is an argument of a kernel.
type array struct {
	name string
	kind arrayKind
}

type arrayKind int

const (
	elements  arrayKind = iota // [n] or [rows, width], read or written
	repeated                   // [width], the same for each row
	rowScalar                  // [rows], read: one number for a row
	rowResult                  // [rows], written: the sum of a row
)

type sumKind int

const (
	none    sumKind = iota
	sum32           // in float32 over eight vectors, then in float64
	sum64           // in float64
	maximum         // the largest, in float32
)

// block is how many vectors are summed in float32.
const block = 8

// Registers: AX is the offset in elements' arrays in bytes, R9 where the full
// vectors of the row end, R10 where the block ends, R11 and R13 the bytes of a
// row's full vectors and of the rest, R12 the rest's mask, CX the rows to go.
var pointers = []string{"SI", "DI", "DX", "BX", "R8"}

func (e *emitter) address(o op) string {
	if o.copy == 0 {
		return fmt.Sprintf("(%s)(AX*1)", pointers[o.imm])
	}
	return fmt.Sprintf("%d(%s)(AX*1)", 4*e.lanes*o.copy, pointers[o.imm])
}

func (k *kernel) index(kind arrayKind) int {
	return slices.IndexFunc(k.arrays, func(a array) bool { return a.kind == kind })
}

// signature returns the parameters of the Go function and their size.
func (k *kernel) signature() (params string, size int) {
	var s []string
	for _, a := range k.arrays {
		if a.kind == rowResult && k.out64 {
			s = append(s, a.name+" *float64")
		} else {
			s = append(s, a.name+" *float32")
		}
	}
	if k.params > 0 {
		s = append(s, "par *float32")
	}
	if k.rows {
		s = append(s, "rows int", "width int")
	} else {
		s = append(s, "n int")
	}
	return strings.Join(s, ", "), 8 * len(s)
}

// write tries with several vectors at a time, then fewer, and with as many
// constants in registers as there are, then fewer.
func (k *kernel) write(a *asm, s isa) {
	p := &prog{isa: s, kernel: k}
	k.body(p)
	turns := 1
	if len(p.code) > 12 { // a long chain, of which a processor sees only two or three at once
		turns = s.lanes / 4
	}
	uses := map[value]int{}
	var hoisted []value
	for _, o := range p.code {
		for _, v := range o.args {
			if v.kind == 'c' {
				if uses[v]++; uses[v] == 1 {
					hoisted = append(hoisted, v)
				}
			}
		}
	}
	slices.SortStableFunc(hoisted, func(a, b value) int { return uses[b] - uses[a] })
	for ; turns > 0; turns-- {
		for n := len(hoisted); n >= 0; n-- {
			try := &asm{}
			if k.function(try, p, turns, hoisted[:n]) {
				a.WriteString(try.String())
				return
			}
		}
	}
	panic(k.name + s.name + ": not enough registers")
}

// function writes the kernel with a number of vectors at a time and the given
// constants in registers.
func (k *kernel) function(a *asm, p *prog, turns int, hoisted []value) bool {
	e := &emitter{asm: a, prog: p, fixed: map[value]int{}}
	next := 0
	reserve := func() int { next++; return next - 1 }
	switch k.sum {
	case sum32:
		e.acc = []int{reserve(), reserve(), reserve()}
	case sum64:
		e.acc = []int{reserve(), reserve()}
	case maximum:
		e.acc = []int{reserve()}
	}
	e.scratch = -1
	if k.sum != none {
		e.scratch = reserve()
	}
	for i := range k.params {
		e.fixed[p.param(i)] = reserve()
	}
	scalar := k.index(rowScalar)
	if scalar >= 0 {
		e.fixed[p.rowScalar()] = reserve()
	}
	low := next // of the registers that both copies of the body may use
	params, size := k.signature()
	name := "vec" + k.name + p.isa.name
	fmt.Fprintf(a, "\n// func %s(%s)\n//\n// %s\n", name, params, strings.ReplaceAll(k.doc, "\n", "\n// "))
	if k.flush {
		fmt.Fprintf(a, "TEXT ·%s(SB), NOSPLIT, $8-%d\n", name, size)
		a.f("STMXCSR mode-8(SP)")
		a.f("MOVL mode-8(SP), AX")
		a.f("ORL $0x8040, AX")
		a.f("MOVL AX, flush-4(SP)")
		a.f("LDMXCSR flush-4(SP)")
	} else {
		fmt.Fprintf(a, "TEXT ·%s(SB), NOSPLIT, $0-%d\n", name, size)
	}

	at := 0
	for i, arr := range k.arrays {
		a.f("MOVQ %s+%d(FP), %s", arr.name, at, pointers[i])
		at += 8
	}
	if k.params > 0 {
		a.f("MOVQ par+%d(FP), AX", at)
		at += 8
		for i := range k.params {
			a.f("VBROADCASTSS %d(AX), %s", 4*i, e.r(e.fixed[p.param(i)]))
		}
	}
	if k.rows {
		a.f("MOVQ rows+%d(FP), CX", at)
		a.f("MOVQ width+%d(FP), R11", at+8)
	} else {
		a.f("MOVQ n+%d(FP), R11", at)
	}
	a.f("MOVQ R11, R13")
	a.f("ANDQ $%d, R13", e.lanes-1)
	a.f("SUBQ R13, R11")
	a.f("SHLQ $2, R11")
	if e.lanes == 16 {
		if k.rows {
			a.f("MOVQ CX, R10")
		}
		a.f("MOVQ R13, CX")
		a.f("MOVL $1, AX")
		a.f("SHLL CX, AX")
		a.f("DECL AX")
		a.f("KMOVW AX, K1")
		if k.rows {
			a.f("MOVQ R10, CX")
		}
	} else {
		a.f("LEAQ vectorMasks<>+32(SB), R12")
		a.f("SHLQ $2, R13")
		a.f("SUBQ R13, R12")
	}
	if e.lanes == 16 {
		a.f("SHLQ $2, R13")
	}
	for _, v := range hoisted {
		e.fixed[v] = reserve()
		a.f("VBROADCASTSS vectorConstants<>+%d(SB), %s", 32*v.n, e.r(e.fixed[v]))
	}
	registers := 2 * e.lanes // 32 or 16
	if next > registers {
		return false
	}
	a.f("XORL AX, AX")
	if k.rows {
		a.f("TESTQ CX, CX")
		a.f("JZ done")
		a.f("row:")
	}
	if scalar >= 0 {
		a.f("VBROADCASTSS (%s), %s", pointers[scalar], e.r(e.fixed[p.rowScalar()]))
		a.f("ADDQ $4, %s", pointers[scalar])
	}
	for _, r := range e.acc[:] {
		if k.sum == maximum {
			a.f("VBROADCASTSS vectorConstants<>+%d(SB), %s", 32*p.bits(0xff800000).n, e.r(r))
		} else if k.sum != sum32 || r != e.acc[0] {
			e.zero(r)
		}
	}
	a.f("LEAQ (AX)(R11*1), R9")
	if k.sum == sum32 {
		a.f("block:")
		e.zero(e.acc[0])
	}
	a.f("CMPQ AX, R9")
	a.f("JAE tail")
	if k.sum == sum32 {
		a.f("LEAQ %d(AX), R10", 4*e.lanes*block)
		a.f("CMPQ R10, R9")
		a.f("CMOVQHI R9, R10")
	} else {
		a.f("MOVQ R9, R10")
	}
	bytes := 4 * e.lanes
	loop := func(label string, vectors int, again string) {
		e.free = nil
		for i := next; i < registers; i++ {
			e.free = append(e.free, i)
		}
		e.masks = []int{2, 3, 4, 5, 6, 7}
		a.f(label + ":")
		e.body(vectors)
		a.f("ADDQ $%d, AX", bytes*vectors)
		a.f("CMPQ AX, R10")
		a.f("%s %s", again, label)
	}
	if turns > 1 {
		a.f("SUBQ $%d, R10", bytes*(turns-1))
		a.f("CMPQ AX, R10")
		a.f("JGE few")
		loop("many", turns, "JLT")
		a.f("few:")
		a.f("ADDQ $%d, R10", bytes*(turns-1))
		a.f("CMPQ AX, R10")
		a.f("JAE sum")
	}
	loop("loop", 1, "JB")
	a.f("sum:")
	if k.sum == sum32 {
		e.flush()
		a.f("JMP block")
	}
	a.f("tail:")
	a.f("TESTQ R13, R13")
	a.f("JZ end")
	// The rest is done once, so its constants stay in memory unless they are in
	// registers anyway; with AVX2 the mask takes one.
	e.tail = true
	e.free = nil
	if e.lanes == 16 {
		for i := next; i < registers; i++ {
			e.free = append(e.free, i)
		}
	} else {
		for v, n := range e.fixed {
			if n == tailMask2 {
				if v.kind != 'c' {
					return false
				}
				delete(e.fixed, v)
			}
		}
		for i := next; i < tailMask2; i++ {
			e.free = append(e.free, i)
		}
		a.f("VMOVUPS (R12), %s", e.r(tailMask2))
	}
	e.body(1)
	a.f("ADDQ R13, AX")
	if k.sum == sum32 {
		e.flush()
	}
	if e.lanes == 8 && k.rows && slices.ContainsFunc(hoisted, func(v value) bool { _, ok := e.fixed[v]; return !ok }) {
		for i, v := range hoisted { // what the mask displaced
			if _, ok := e.fixed[v]; !ok {
				a.f("VBROADCASTSS vectorConstants<>+%d(SB), %s", 32*v.n, e.r(low+i))
			}
		}
	}
	a.f("end:")
	if k.sum != none {
		e.reduce(pointers[k.index(rowResult)])
	}
	if k.rows {
		if i := k.index(repeated); i >= 0 {
			a.f("SUBQ R11, %s", pointers[i])
			a.f("SUBQ R13, %s", pointers[i])
		}
		a.f("DECQ CX")
		a.f("JNZ row")
		a.f("done:")
	}
	if k.flush {
		a.f("LDMXCSR mode-8(SP)")
	}
	a.f("VZEROUPPER")
	a.f("RET")
	return !e.failed
}

func (e *emitter) zero(n int) { e.f("VXORPS X%d, X%d, X%[1]d", n, n) }

// flush adds the sums in float32 to those in float64.
func (e *emitter) flush() {
	lo, hi := e.acc[1], e.acc[2]
	if e.lanes == 16 {
		e.f("VCVTPS2PD Y%d, Z%d", e.acc[0], e.scratch)
		e.f("VADDPD Z%d, Z%d, Z%[2]d", e.scratch, lo)
		e.f("VEXTRACTF32X8 $1, Z%d, Y%d", e.acc[0], e.scratch)
		e.f("VCVTPS2PD Y%d, Z%[1]d", e.scratch)
		e.f("VADDPD Z%d, Z%d, Z%[2]d", e.scratch, hi)
	} else {
		e.f("VCVTPS2PD X%d, Y%d", e.acc[0], e.scratch)
		e.f("VADDPD Y%d, Y%d, Y%[2]d", e.scratch, lo)
		e.f("VEXTRACTF128 $1, Y%d, X%d", e.acc[0], e.scratch)
		e.f("VCVTPS2PD X%d, Y%[1]d", e.scratch)
		e.f("VADDPD Y%d, Y%d, Y%[2]d", e.scratch, hi)
	}
}

// reduce stores what the lanes have summed up.
func (e *emitter) reduce(to string) {
	t := e.scratch
	if e.sum == maximum {
		r := e.acc[0]
		if e.lanes == 16 {
			e.f("VEXTRACTF32X8 $1, Z%d, Y%d", r, t)
			e.f("VMAXPS Y%d, Y%d, Y%[2]d", t, r)
		}
		e.f("VEXTRACTF128 $1, Y%d, X%d", r, t)
		e.f("VMAXPS X%d, X%d, X%[2]d", t, r)
		e.f("VPERMILPS $0x4e, X%d, X%d", r, t)
		e.f("VMAXPS X%d, X%d, X%[2]d", t, r)
		e.f("VPERMILPS $0xb1, X%d, X%d", r, t)
		e.f("VMAXPS X%d, X%d, X%[2]d", t, r)
		e.f("VMOVSS X%d, (%s)", r, to)
		e.f("ADDQ $4, %s", to)
		return
	}
	lo, hi := e.acc[len(e.acc)-2], e.acc[len(e.acc)-1]
	e.f("VADDPD %s, %s, %s", e.r(hi), e.r(lo), e.r(lo))
	if e.lanes == 16 {
		e.f("VEXTRACTF64X4 $1, Z%d, Y%d", lo, t)
		e.f("VADDPD Y%d, Y%d, Y%[2]d", t, lo)
	}
	e.f("VEXTRACTF128 $1, Y%d, X%d", lo, t)
	e.f("VADDPD X%d, X%d, X%[2]d", t, lo)
	e.f("VUNPCKHPD X%d, X%[1]d, X%d", lo, t)
	e.f("VADDSD X%d, X%d, X%[2]d", t, lo)
	if e.out64 {
		e.f("VMOVSD X%d, (%s)", lo, to)
		e.f("ADDQ $8, %s", to)
		return
	}
	e.f("VCVTSD2SS X%d, X%[1]d, X%[1]d", lo)
	e.f("VMOVSS X%d, (%s)", lo, to)
	e.f("ADDQ $4, %s", to)
}

// tables writes the constants, each eight times, as AVX2 wants them, and the
// masks of AVX2's tails.
func tables() string {
	a := &asm{}
	a.WriteString("\n")
	for i, w := range constants {
		for j := range 8 {
			fmt.Fprintf(a, "DATA vectorConstants<>+%d(SB)/4, $0x%08x\n", 32*i+4*j, w)
		}
	}
	fmt.Fprintf(a, "GLOBL vectorConstants<>(SB), RODATA|NOPTR, $%d\n\n", 32*len(constants))
	for j := range 8 {
		fmt.Fprintf(a, "DATA vectorMasks<>+%d(SB)/4, $0xffffffff\n", 4*j)
	}
	for j := range 8 {
		fmt.Fprintf(a, "DATA vectorMasks<>+%d(SB)/4, $0\n", 32+4*j)
	}
	fmt.Fprintf(a, "GLOBL vectorMasks<>(SB), RODATA|NOPTR, $64\n")
	return a.String()
}
