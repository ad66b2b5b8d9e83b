package main

import "fmt"

// columns is how many vectors of columns are summed at a time.
const columns = 8

const columnsParams = "s *float32, a *float32, stride uintptr, rows int, last int"

func columnsDoc(v int) string {
	return fmt.Sprintf("s[j] = Σ_i a[i,j] for %d vectors of columns, of which the last has last elements; a row is stride bytes long", v)
}

// columnSums adds up columns, row by row, in V vectors.
func columnSums(a *asm, s isa, vecs int) {
	name := fmt.Sprintf("vecColumns%dx%s", vecs, s.name)
	r := func(i int) string { return fmt.Sprintf("%s%d", s.reg, i) }
	a.fn(name, fmt.Sprintf("func %s(%s)", name, columnsParams), "40")
	a.f("MOVQ s+0(FP), DI")
	a.f("MOVQ a+8(FP), SI")
	a.f("MOVQ stride+16(FP), R8")
	a.f("MOVQ rows+24(FP), DX")
	a.f("MOVQ last+32(FP), CX")
	mask := r(tailMask2)
	if s.lanes == 16 {
		a.f("MOVL $1, AX")
		a.f("SHLL CX, AX")
		a.f("DECL AX")
		a.f("KMOVW AX, K1")
	} else {
		a.f("LEAQ vectorMasks<>+32(SB), R12")
		a.f("SHLQ $2, CX")
		a.f("SUBQ CX, R12")
		a.f("VMOVUPS (R12), %s", mask)
	}
	for i := range vecs {
		a.f("VXORPS X%d, X%d, X%[1]d", i, i)
	}
	a.f("TESTQ DX, DX")
	a.f("JZ done")
	a.f("loop:")
	for i := range vecs - 1 {
		a.f("VADDPS %d(SI), %s, %s", 4*s.lanes*i, r(i), r(i))
	}
	at, acc := 4*s.lanes*(vecs-1), r(vecs-1)
	if s.lanes == 16 {
		a.f("VADDPS %d(SI), %s, K1, %s", at, acc, acc)
	} else {
		a.f("VMASKMOVPS %d(SI), %s, %s", at, mask, r(columns))
		a.f("VADDPS %s, %s, %s", r(columns), acc, acc)
	}
	a.f("ADDQ R8, SI")
	a.f("DECQ DX")
	a.f("JNZ loop")
	a.f("done:")
	for i := range vecs - 1 {
		a.f("VMOVUPS %s, %d(DI)", r(i), 4*s.lanes*i)
	}
	if s.lanes == 16 {
		a.f("VMOVUPS %s, K1, %d(DI)", acc, at)
	} else {
		a.f("VMASKMOVPS %s, %s, %d(DI)", acc, mask, at)
	}
	a.f("VZEROUPPER")
	a.f("RET")
}

const (
	greyDoc    = "x[i] = pixels[i]/255 for n elements, a multiple of 16"
	greyParams = "x *float32, pixels *uint8, n int"
)

// constant returns the address of a word in the table.
func constant(w uint32) string {
	p := &prog{}
	return fmt.Sprintf("vectorConstants<>+%d(SB)", 32*p.bits(w).n)
}

// grey divides by a multiplication and one correction, which is exact for all
// 256 values.
func grey(a *asm, s isa) {
	r := func(i int) string { return fmt.Sprintf("%s%d", s.reg, i) }
	a.fn("vecGrey"+s.name, fmt.Sprintf("func vecGrey%s(%s)", s.name, greyParams), "24")
	a.f("MOVQ x+0(FP), DI")
	a.f("MOVQ pixels+8(FP), SI")
	a.f("MOVQ n+16(FP), CX")
	a.f("VBROADCASTSS %s, %s", constant(0x3b808081), r(0)) // 1/255
	a.f("VBROADCASTSS %s, %s", constant(0x437f0000), r(1)) // 255
	a.f("SHRQ $4, CX")
	a.f("JZ done")
	a.f("loop:")
	for i := range 16 / s.lanes {
		v, q := r(2+2*i), r(3+2*i)
		a.f("VPMOVZXBD %d(SI), %s", s.lanes*i, v)
		a.f("VCVTDQ2PS %s, %s", v, v)
		a.f("VMULPS %s, %s, %s", v, r(0), q)
		a.f("VFNMADD231PS %s, %s, %s", q, r(1), v) // what is left over
		a.f("VFMADD231PS %s, %s, %s", v, r(0), q)
		a.f("VMOVUPS %s, %d(DI)", q, 4*s.lanes*i)
	}
	a.f("ADDQ $16, SI")
	a.f("ADDQ $64, DI")
	a.f("DECQ CX")
	a.f("JNZ loop")
	a.f("done:")
	a.f("VZEROUPPER")
	a.f("RET")
}

const (
	binarizeDoc    = "x[i] = 1 with probability pixels[i]/255, or else 0, for n elements, a multiple of 16"
	binarizeParams = "x *float32, pixels *uint8, state *uint32, n int"
)

// binarize draws from 16 generators at a time: see Lanes.
func binarize(a *asm, s isa) {
	r := func(i int) string { return fmt.Sprintf("%s%d", s.reg, i) }
	wide := s.lanes == 16
	xor := func(x, to string) {
		if wide {
			a.f("VPXORD %s, %s, %s", x, to, to)
		} else {
			a.f("VPXOR %s, %s, %s", x, to, to)
		}
	}
	a.fn("vecBinarize"+s.name, fmt.Sprintf("func vecBinarize%s(%s)", s.name, binarizeParams), "32")
	a.f("MOVQ x+0(FP), DI")
	a.f("MOVQ pixels+8(FP), SI")
	a.f("MOVQ state+16(FP), DX")
	a.f("MOVQ n+24(FP), CX")
	groups := 16 / s.lanes
	state := func(g, i int) string { return r(4*g + i) }
	for g := range groups {
		for i := range 4 {
			a.f("VMOVUPS %d(DX), %s", 64*i+32*g, state(g, i))
		}
	}
	result, t, u, one, spread := r(8), r(9), r(10), r(11), r(12)
	rotate := func(from string, n int, to string) { // to may be from
		if wide {
			a.f("VPROLD $%d, %s, %s", n, from, to)
			return
		}
		a.f("VPSRLD $%d, %s, %s", 32-n, from, u)
		a.f("VPSLLD $%d, %s, %s", n, from, to)
		a.f("VPOR %s, %s, %s", u, to, to)
	}
	a.f("VBROADCASTSS %s, %s", constant(0x3f800000), one)
	a.f("VBROADCASTSS %s, %s", constant(0x01010101), spread)
	if !wide {
		a.f("VXORPS X13, X13, X13")
	}
	a.f("SHRQ $4, CX")
	a.f("JZ done")
	a.f("loop:")
	for g := range groups {
		s0, s1, s2, s3 := state(g, 0), state(g, 1), state(g, 2), state(g, 3)
		a.f("VPADDD %s, %s, %s", s0, s3, result)
		rotate(result, 7, result)
		a.f("VPADDD %s, %s, %s", s0, result, result)
		a.f("VPSLLD $9, %s, %s", s1, t)
		xor(s0, s2)
		xor(s1, s3)
		xor(s2, s1)
		xor(s3, s0)
		xor(t, s2)
		rotate(s3, 11, s3)
		// One if the result is at most pixel·(2³²−1)/255 and the pixel not 0.
		a.f("VPMOVZXBD %d(SI), %s", s.lanes*g, t)
		a.f("VPMULLD %s, %s, %s", spread, t, u)
		if wide {
			a.f("VPTESTMD %s, %s, K1", t, t)
			a.f("VPCMPUD $2, %s, %s, K1, K1", u, result)
			a.f("VMOVAPS.Z %s, K1, %s", one, t)
		} else {
			a.f("VPCMPEQD Y13, %s, %s", t, t)
			a.f("VPMINUD %s, %s, %s", result, u, u)
			a.f("VPCMPEQD %s, %s, %s", result, u, u)
			a.f("VANDPS %s, %s, %s", one, u, u)
			a.f("VANDNPS %s, %s, %s", u, t, t)
		}
		a.f("VMOVUPS %s, %d(DI)", t, 32*g)
	}
	a.f("ADDQ $16, SI")
	a.f("ADDQ $64, DI")
	a.f("DECQ CX")
	a.f("JNZ loop")
	a.f("done:")
	for g := range groups {
		for i := range 4 {
			a.f("VMOVUPS %s, %d(DX)", state(g, i), 64*i+32*g)
		}
	}
	a.f("VZEROUPPER")
	a.f("RET")
}
