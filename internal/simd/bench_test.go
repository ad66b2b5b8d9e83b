package simd

import (
	"fmt"
	"testing"
)

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		name    string
		ta, tb  bool
		m, n, k int
	}{
		{"forward encoder", false, true, 128, 400, 784},
		{"forward output", false, true, 128, 784, 400},
		{"heads", false, true, 128, 40, 400},
		{"decoder hidden", false, true, 128, 400, 20},
		{"dW output", true, false, 784, 400, 128},
		{"dW encoder", true, false, 400, 784, 128},
		{"dx output", false, false, 128, 400, 784},
		{"dx decoder hidden", false, false, 128, 20, 400},
		{"forward 1000", false, true, 1000, 784, 400},
		{"dW 1000", true, false, 400, 784, 1000},
		{"batch 20", false, true, 20, 200, 784},
	} {
		b.Run(fmt.Sprintf("%s/%dx%dx%d", s.name, s.m, s.n, s.k), func(b *testing.B) {
			a, bb, c := make([]float32, s.m*s.k), make([]float32, s.n*s.k), make([]float32, s.m*s.n)
			for i := range a {
				a[i] = float32(i % 7)
			}
			for i := range bb {
				bb[i] = float32(i % 5)
			}
			lda, ldb := s.k, s.n
			if s.ta {
				lda = s.m
			}
			if s.tb {
				ldb = s.k
			}
			b.ReportAllocs()
			for b.Loop() {
				Gemm(s.ta, s.tb, s.m, s.n, s.k, 1, a, lda, bb, ldb, 0, c, s.n)
			}
			flops := 2 * float64(s.m) * float64(s.n) * float64(s.k)
			b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
