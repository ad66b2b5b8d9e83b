package simd

import "unsafe"

// The micro-kernels and packers of gemm_amd64.s.

//go:noescape
func tile512_8x1(t *tile)

//go:noescape
func tile512_8x2(t *tile)

//go:noescape
func tile512_8x3(t *tile)

//go:noescape
func tile512_4x1(t *tile)

//go:noescape
func tile512_4x2(t *tile)

//go:noescape
func tile512_4x3(t *tile)

//go:noescape
func tile512_2x1(t *tile)

//go:noescape
func tile512_2x2(t *tile)

//go:noescape
func tile512_2x3(t *tile)

//go:noescape
func tile512_1x1(t *tile)

//go:noescape
func tile512_1x2(t *tile)

//go:noescape
func tile512_1x3(t *tile)

//go:noescape
func transpose512(dst *float32, ldd uintptr, src *float32, lds uintptr, n int)

//go:noescape
func copyPanel512_1(dst, src *float32, lds uintptr, n int, mask unsafe.Pointer)

//go:noescape
func copyPanel512_2(dst, src *float32, lds uintptr, n int, mask unsafe.Pointer)

//go:noescape
func copyPanel512_3(dst, src *float32, lds uintptr, n int, mask unsafe.Pointer)

//go:noescape
func tile2_4x1(t *tile)

//go:noescape
func tile2_4x2(t *tile)

//go:noescape
func tile2_4x3(t *tile)

//go:noescape
func tile2_2x1(t *tile)

//go:noescape
func tile2_2x2(t *tile)

//go:noescape
func tile2_2x3(t *tile)

//go:noescape
func tile2_1x1(t *tile)

//go:noescape
func tile2_1x2(t *tile)

//go:noescape
func tile2_1x3(t *tile)

//go:noescape
func transpose2(dst *float32, ldd uintptr, src *float32, lds uintptr, n int)

//go:noescape
func copyPanel2_1(dst, src *float32, lds uintptr, n int, mask unsafe.Pointer)

//go:noescape
func copyPanel2_2(dst, src *float32, lds uintptr, n int, mask unsafe.Pointer)

//go:noescape
func copyPanel2_3(dst, src *float32, lds uintptr, n int, mask unsafe.Pointer)

//go:noescape
func peak512(n int)

//go:noescape
func peak2(n int)

// fmas runs n rounds of the peak loop and returns how many operations that was.
func fmas(n int) float64 {
	const chains = 12
	if level == AVX512 {
		peak512(n)
		return float64(n) * chains * 16 * 2
	}
	peak2(n)
	return float64(n) * chains * 8 * 2
}
