package simd

// Copy copies src to dst, as many numbers as the shorter one has, on several cores
// if they are many.
func Copy[T Float](dst, src []T) {
	n := min(len(dst), len(src))
	rows(n, 1, func(lo, hi int) { copy(dst[lo:hi], src[lo:hi]) })
}
