package main

import "fmt"

// Offsets in the struct tile of gemm_amd64.go.
const (
	tileK     = 0
	tileA     = 8
	tileRS    = 16
	tileCS    = 24
	tileB     = 32
	tileC     = 40
	tileLDC   = 48
	tileBias  = 56
	tileMask  = 64
	tileAlpha = 72
	tileFlags = 76
)

const (
	flagAccumulate = 1
	flagReLU       = 2
)

// gemm writes the micro-kernels of an instruction set, for tiles of R rows and V
// vectors, the transposition that packs B, and the copy that packs B.
func gemm(s isa) string {
	a := &asm{}
	for _, rows := range s.rows {
		for vecs := 1; vecs <= 3; vecs++ {
			microkernel(a, s, rows, vecs)
		}
	}
	transpose(a, s)
	for vecs := 1; vecs <= 3; vecs++ {
		copyPanel(a, s, vecs)
	}
	return a.String()
}

// microkernel writes C = alpha·A·B (+ C) (+ bias) (then ReLU) for one tile: A is
// read in place, row stride RS and column stride CS, B is packed in rows of V
// vectors. Each step of k costs V loads of B, R broadcasts of A, R·V FMAs.
func microkernel(a *asm, s isa, rows, vecs int) {
	acc := func(r, v int) string { return fmt.Sprintf("%s%d", s.reg, r*vecs+v) }
	b := func(v int) string { return fmt.Sprintf("%s%d", s.reg, s.nacc+v) }
	x := fmt.Sprintf("%s%d", s.reg, s.nacc+3)
	width := 4 * s.lanes * vecs // bytes of a packed row

	a.fn(fmt.Sprintf("tile%s_%dx%d", s.name, rows, vecs), fmt.Sprintf("func tile%s_%dx%d(t *tile)", s.name, rows, vecs), "8")
	a.f("MOVQ t+0(FP), AX")
	a.f("MOVQ %d(AX), CX", tileK)
	a.f("MOVQ %d(AX), SI", tileA)
	a.f("MOVQ %d(AX), R8", tileRS)
	a.f("MOVQ %d(AX), R9", tileCS)
	a.f("MOVQ %d(AX), DI", tileB)
	a.f("MOVQ %d(AX), DX", tileC)
	a.f("MOVQ %d(AX), R10", tileLDC)
	addr := func(r int) string { // of A's row r, in multiples of the stride that addressing has
		return [...]string{"(SI)", "(SI)(R8*1)", "(SI)(R8*2)", "(SI)(R11*1)", "(SI)(R8*4)", "(SI)(R12*1)", "(SI)(R11*2)", "(SI)(R13*1)"}[r]
	}
	// The tile of C is wanted at the end: fetch it meanwhile, to be written to.
	a.f("MOVQ DX, BX")
	for r := range rows {
		for at := 0; at < width; at += 64 {
			a.f("BYTE $0x0F; BYTE $0x0D; BYTE $0x8B; LONG $%d", at) // PREFETCHW at(BX)
		}
		if r < rows-1 {
			a.f("ADDQ R10, BX")
		}
	}
	for i := range rows * vecs {
		if s.lanes == 16 {
			a.f("VPXORQ Z%d, Z%d, Z%[1]d", i, i)
		} else {
			a.f("VXORPS Y%d, Y%d, Y%[1]d", i, i)
		}
	}
	// A row of A, or of its transpose, lies in order in memory: one of the strides
	// is that of neighbours, so that only displacements are left in the loop.
	const unroll = 4
	loop := func(name string, unroll int, a0 func(r, i int) string, next func(n int)) {
		step := func(at int) {
			for v := range vecs {
				a.f("VMOVUPS %d(DI), %s", at*width+4*s.lanes*v, b(v))
			}
			for r := range rows {
				a.f("VBROADCASTSS %s, %s", a0(r, at), x)
				for v := range vecs {
					a.f("VFMADD231PS %s, %s, %s", b(v), x, acc(r, v))
				}
			}
		}
		a.f("%s:", name)
		for i := range unroll {
			step(i)
		}
		next(unroll)
		a.f("ADDQ $%d, DI", unroll*width)
	}
	byRow := func(r, i int) string { return fmt.Sprintf("%d%s", 4*i, addr(r)) }
	nextByRow := func(n int) { a.f("ADDQ $%d, SI", 4*n) }
	byColumn := func(r, i int) string {
		return fmt.Sprintf("%d%s", 4*r, [...]string{"(SI)", "(SI)(R9*1)", "(SI)(R9*2)", "(SI)(R11*1)"}[i])
	}
	nextByColumn := func(n int) {
		if n == 4 {
			a.f("LEAQ (SI)(R9*4), SI")
		} else {
			a.f("ADDQ R9, SI")
		}
	}
	a.f("MOVQ CX, BX")
	a.f("ANDQ $3, CX")
	a.f("SHRQ $2, BX")
	a.f("CMPQ R9, $4")
	a.f("JNE column")
	if rows > 3 {
		a.f("LEAQ (R8)(R8*2), R11")
	}
	if rows > 5 {
		a.f("LEAQ (R8)(R8*4), R12")
		a.f("LEAQ (R11)(R8*4), R13")
	}
	a.f("TESTQ BX, BX")
	a.f("JZ rowTail")
	loop("row", unroll, byRow, nextByRow)
	a.f("DECQ BX")
	a.f("JNZ row")
	a.f("rowTail:")
	a.f("TESTQ CX, CX")
	a.f("JZ done")
	loop("rowOne", 1, byRow, nextByRow)
	a.f("DECQ CX")
	a.f("JNZ rowOne")
	a.f("JMP done")
	a.f("column:")
	a.f("LEAQ (R9)(R9*2), R11")
	a.f("TESTQ BX, BX")
	a.f("JZ columnTail")
	loop("columns", unroll, byColumn, nextByColumn)
	a.f("DECQ BX")
	a.f("JNZ columns")
	a.f("columnTail:")
	a.f("TESTQ CX, CX")
	a.f("JZ done")
	loop("columnOne", 1, byColumn, nextByColumn)
	a.f("DECQ CX")
	a.f("JNZ columnOne")
	a.f("done:")

	// alpha, if it is not 1
	a.f("CMPL %d(AX), $0x3f800000", tileAlpha) // 1
	a.f("JEQ one")
	a.f("VBROADCASTSS %d(AX), %s", tileAlpha, x)
	for i := range rows * vecs {
		a.f("VMULPS %s%d, %s, %s%d", s.reg, i, x, s.reg, i)
	}
	a.f("one:")
	a.f("MOVL %d(AX), BX", tileFlags)
	last := vecs - 1
	load := func(v int, from, to string) {
		switch {
		case v < last:
			a.f("VMOVUPS %s, %s", from, to)
		case s.lanes == 16:
			a.f("VMOVUPS.Z %s, K1, %s", from, to)
		default:
			a.f("VMASKMOVPS %s, %s, %s", from, x, to)
		}
	}
	store := func(v int, from, to string) {
		switch {
		case v < last:
			a.f("VMOVUPS %s, %s", from, to)
		case s.lanes == 16:
			a.f("VMOVUPS %s, K1, %s", from, to)
		default:
			a.f("VMASKMOVPS %s, %s, %s", from, x, to)
		}
	}
	a.f("MOVQ %d(AX), R8", tileMask)
	if s.lanes == 16 {
		a.f("KMOVW (R8), K1")
	} else {
		a.f("VMOVUPS (R8), %s", x)
	}
	// + C
	a.f("TESTL $%d, BX", flagAccumulate)
	a.f("JZ bias")
	a.f("MOVQ DX, R9")
	for r := range rows {
		for v := range vecs {
			load(v, fmt.Sprintf("%d(R9)", 4*s.lanes*v), b(v))
			a.f("VADDPS %s, %s, %s", b(v), acc(r, v), acc(r, v))
		}
		if r < rows-1 {
			a.f("ADDQ R10, R9")
		}
	}
	// + bias
	a.f("bias:")
	a.f("MOVQ %d(AX), SI", tileBias)
	a.f("TESTQ SI, SI")
	a.f("JZ relu")
	for v := range vecs {
		load(v, fmt.Sprintf("%d(SI)", 4*s.lanes*v), b(v))
	}
	for r := range rows {
		for v := range vecs {
			a.f("VADDPS %s, %s, %s", b(v), acc(r, v), acc(r, v))
		}
	}
	// ReLU: the maximum gives its second source (first in Go's order) if either
	// is NaN, so NaN passes through.
	a.f("relu:")
	a.f("TESTL $%d, BX", flagReLU)
	a.f("JZ store")
	if s.lanes == 16 {
		a.f("VPXORQ %s, %s, %[1]s", b(0), b(0))
	} else {
		a.f("VXORPS %s, %s, %[1]s", b(0), b(0))
	}
	for i := range rows * vecs {
		a.f("VMAXPS %s%d, %s, %[1]s%[2]d", s.reg, i, b(0))
	}
	a.f("store:")
	for r := range rows {
		for v := range vecs {
			store(v, acc(r, v), fmt.Sprintf("%d(DX)", 4*s.lanes*v))
		}
		if r < rows-1 {
			a.f("ADDQ R10, DX")
		}
	}
	a.f("VZEROUPPER")
	a.f("RET")
}

// transpose writes dst[p·ldd + j] = src[j·lds + p] for L rows j and n·L columns p.
// Strides are in bytes.
func transpose(a *asm, s isa) {
	l := s.lanes
	a.fn(fmt.Sprintf("transpose%s", s.name), fmt.Sprintf("func transpose%s(dst *float32, ldd uintptr, src *float32, lds uintptr, n int)", s.name), "40")
	a.f("MOVQ dst+0(FP), DI")
	a.f("MOVQ ldd+8(FP), R8")
	a.f("MOVQ src+16(FP), SI")
	a.f("MOVQ lds+24(FP), R9")
	a.f("MOVQ n+32(FP), CX")
	a.f("TESTQ CX, CX")
	a.f("JZ done")
	a.f("loop:")
	a.f("MOVQ SI, DX")
	for i := range l {
		a.f("VMOVUPS (DX), %s%d", s.reg, i)
		if i < l-1 {
			a.f("ADDQ R9, DX")
		}
	}
	r := func(i int) string { return fmt.Sprintf("%s%d", s.reg, i) }
	if l == 16 {
		// 4×4 blocks of numbers within 128-bit lanes, then the lanes themselves.
		for i := 0; i < 16; i += 2 { // Z16+i, Z17+i: pairs of rows, interleaved
			a.f("VUNPCKLPS %s, %s, %s", r(i+1), r(i), r(16+i))
			a.f("VUNPCKHPS %s, %s, %s", r(i+1), r(i), r(17+i))
		}
		for i := 0; i < 16; i += 4 { // Z(i+c): column c of each lane, rows i … i+3
			a.f("VUNPCKLPD %s, %s, %s", r(16+i+2), r(16+i), r(i))
			a.f("VUNPCKHPD %s, %s, %s", r(16+i+2), r(16+i), r(i+1))
			a.f("VUNPCKLPD %s, %s, %s", r(16+i+3), r(16+i+1), r(i+2))
			a.f("VUNPCKHPD %s, %s, %s", r(16+i+3), r(16+i+1), r(i+3))
		}
		for c := range 4 { // rows 0-3, 4-7, 8-11, 12-15 of column c, c+4, c+8, c+12 in lanes
			a.f("VSHUFF32X4 $0x88, %s, %s, %s", r(4+c), r(c), r(16)) // lanes 0,2 of both: columns c, c+8
			a.f("VSHUFF32X4 $0xdd, %s, %s, %s", r(4+c), r(c), r(17)) // lanes 1,3: columns c+4, c+12
			a.f("VSHUFF32X4 $0x88, %s, %s, %s", r(12+c), r(8+c), r(18))
			a.f("VSHUFF32X4 $0xdd, %s, %s, %s", r(12+c), r(8+c), r(19))
			a.f("VSHUFF32X4 $0x88, %s, %s, %s", r(18), r(16), r(c))    // column c
			a.f("VSHUFF32X4 $0xdd, %s, %s, %s", r(18), r(16), r(8+c))  // column c+8
			a.f("VSHUFF32X4 $0x88, %s, %s, %s", r(19), r(17), r(4+c))  // column c+4
			a.f("VSHUFF32X4 $0xdd, %s, %s, %s", r(19), r(17), r(12+c)) // column c+12
		}
		for i := range 16 {
			a.f("VMOVUPS %s, (DI)", r(i))
			a.f("ADDQ R8, DI")
		}
	} else {
		for i := 0; i < 8; i += 2 {
			a.f("VUNPCKLPS %s, %s, %s", r(i+1), r(i), r(8+i))
			a.f("VUNPCKHPS %s, %s, %s", r(i+1), r(i), r(9+i))
		}
		for i := 0; i < 8; i += 4 {
			a.f("VUNPCKLPD %s, %s, %s", r(8+i+2), r(8+i), r(i))
			a.f("VUNPCKHPD %s, %s, %s", r(8+i+2), r(8+i), r(i+1))
			a.f("VUNPCKLPD %s, %s, %s", r(8+i+3), r(8+i+1), r(i+2))
			a.f("VUNPCKHPD %s, %s, %s", r(8+i+3), r(8+i+1), r(i+3))
		}
		for c := range 4 {
			a.f("VPERM2F128 $0x20, %s, %s, %s", r(4+c), r(c), r(8+c))
			a.f("VPERM2F128 $0x31, %s, %s, %s", r(4+c), r(c), r(12+c))
		}
		for i := range 8 {
			a.f("VMOVUPS %s, (DI)", r(8+i))
			a.f("ADDQ R8, DI")
		}
	}
	a.f("ADDQ $%d, SI", 4*l)
	a.f("DECQ CX")
	a.f("JNZ loop")
	a.f("done:")
	a.f("VZEROUPPER")
	a.f("RET")
}

// copyPanel writes dst[p·w + j] = src[p·lds + j] for n rows p of w numbers, that is
// vecs vectors; the mask says which columns of the last one there are, and the
// others become zero.
func copyPanel(a *asm, s isa, vecs int) {
	name := fmt.Sprintf("copyPanel%s_%d", s.name, vecs)
	a.fn(name, fmt.Sprintf("func %s(dst, src *float32, lds uintptr, n int, mask unsafe.Pointer)", name), "40")
	a.f("MOVQ dst+0(FP), DI")
	a.f("MOVQ src+8(FP), SI")
	a.f("MOVQ lds+16(FP), R9")
	a.f("MOVQ n+24(FP), CX")
	a.f("MOVQ mask+32(FP), AX")
	if s.lanes == 16 {
		a.f("KMOVW (AX), K1")
	} else {
		a.f("VMOVUPS (AX), Y3")
	}
	a.f("TESTQ CX, CX")
	a.f("JZ done")
	a.f("loop:")
	for v := range vecs {
		from := fmt.Sprintf("%d(SI)", 4*s.lanes*v)
		switch {
		case v < vecs-1:
			a.f("VMOVUPS %s, %s%d", from, s.reg, v)
		case s.lanes == 16:
			a.f("VMOVUPS.Z %s, K1, %s%d", from, s.reg, v)
		default:
			a.f("VMASKMOVPS %s, Y3, %s%d", from, s.reg, v)
		}
	}
	for v := range vecs {
		a.f("VMOVUPS %s%d, %d(DI)", s.reg, v, 4*s.lanes*v)
	}
	a.f("ADDQ R9, SI")
	a.f("ADDQ $%d, DI", 4*s.lanes*vecs)
	a.f("DECQ CX")
	a.f("JNZ loop")
	a.f("done:")
	a.f("VZEROUPPER")
	a.f("RET")
}
