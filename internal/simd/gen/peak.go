package main

import "fmt"

// peak writes a loop of nothing but FMAs that do not depend on one another, to
// measure what the machine can do.
func peak(s isa) string {
	a := &asm{}
	const chains = 12
	a.fn("peak"+s.name, fmt.Sprintf("func peak%s(n int)", s.name), "8")
	a.f("MOVQ n+0(FP), CX")
	for i := range chains + 2 {
		a.f("VXORPS X%d, X%d, X%[1]d", i, i)
	}
	a.f("loop:")
	for i := range chains {
		a.f("VFMADD231PS %s%d, %s%d, %s%d", s.reg, chains, s.reg, chains+1, s.reg, i)
	}
	a.f("DECQ CX")
	a.f("JNZ loop")
	a.f("VZEROUPPER")
	a.f("RET")
	return a.String()
}
