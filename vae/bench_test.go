package vae

import (
	"fmt"
	"testing"

	"govae/internal/stream"
	"govae/klreg"
)

// One training step without its data: loss and gradient of the default model.
func BenchmarkStep(b *testing.B) {
	for _, batch := range []int{20, 128, 512} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			m, err := New(DefaultConfig())
			if err != nil {
				b.Fatal(err)
			}
			s, err := m.NewStep(batch, klreg.DefaultWeight())
			if err != nil {
				b.Fatal(err)
			}
			for range 2 { // both of the batches that take turns
				for i := range s.X() {
					s.X()[i] = float32(i % 3 % 2)
				}
				stream.Normal(s.Eps(), stream.New(1, stream.Eps, 0))
				if err := s.Take(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Run(1); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}
