//go:build !amd64

package simd

func sgemm(_, _ bool, _, _, _ int, _ float32, _ []float32, _ int, _ []float32, _ int, _ bool, _ []float32, _ int, _ []float32, _ bool) {
	panic("simd: no assembly on this processor")
}

func fmas(int) float64 { panic("simd: no assembly on this processor") }
