package simd

import (
	"testing"
	"time"
)

func BenchmarkPeak(b *testing.B) {
	for _, cores := range []int{1, 2} {
		b.Run(map[int]string{1: "1", 2: "2"}[cores], func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(Peak(cores, 100*time.Millisecond)/1e9, "GFLOP/s")
			}
		})
	}
}
