package simd

import (
	"fmt"
	"testing"
)

// BenchmarkVector times the kernels at the sizes of the default model, batch 128,
// at each level on one core: ns and Gelem/s. Its logits are N(0,9), as a model's.
func BenchmarkVector(b *testing.B) {
	const rows, x, h, z, params = 128, 784, 400, 20, 784*400 + 400 + 400*40 + 40 + 20*400 + 400 + 400*784 + 784
	r := seeded(9)
	arrays := func(n int) (a [5][]float32) {
		for i := range a {
			a[i] = normal[float32](r, n)
		}
		return a
	}
	px, hid, lat, all := arrays(rows*x), arrays(rows*h), arrays(rows*z), arrays(params)
	for i := range px[0] {
		px[0][i] *= 3
	}
	for i := range all[3] {
		all[3][i] *= all[3][i]
	}
	bits, d := px[1], make([]float32, rows)
	pixels := make([]uint8, rows*x)
	for i := range bits {
		bits[i] = float32(i % 7 / 6)
		pixels[i] = uint8(i * 37)
	}
	lanes := NewLanes(seeded(1))
	for _, k := range []struct {
		name string
		n    int
		run  func()
	}{
		{"Bernoulli", rows * x, func() { Bernoulli(d, px[2], px[0], bits) }},
		{"BernoulliValue", rows * x, func() { Bernoulli(d, nil, px[0], bits) }},
		{"Gaussian", rows * x, func() { Gaussian(d, px[2], px[0], bits, 0.1) }},
		{"Adam", params, func() { Adam(all[0], all[1], all[2], all[3], 1e-3, 0.9, 0.999, 1e-8, 1, 1, 1) }},
		{"SumSquares", params, func() { SumSquares(all[1]) }},
		{"ReLUGrad", rows * h, func() { ActivationGrad(hid[0], hid[1], hid[2], ReLU) }},
		{"TanhGrad", rows * h, func() { ActivationGrad(hid[0], hid[1], hid[2], Tanh) }},
		{"SoftplusGrad", rows * h, func() { ActivationGrad(hid[0], hid[1], hid[2], Softplus) }},
		{"ColumnSums784", rows * x, func() { ColumnSums(px[4][:x], px[0]) }},
		{"ColumnSums400", rows * h, func() { ColumnSums(px[4][:h], hid[0]) }},
		{"RowScale", rows * x, func() { RowScale(px[3], d, px[2]) }},
		{"RowRepeat", rows * z, func() { RowRepeat(lat[0], d) }},
		{"RowSums", rows * z, func() { RowSums(d, lat[1]) }},
		{"Mul", rows * z, func() { Mul(lat[0], lat[1], lat[2]) }},
		{"BiasTanh", rows * h, func() { copy(hid[3], hid[1]); BiasActivate(hid[3], hid[0][:h], Tanh) }},
		{"BiasSoftplus", rows * h, func() { copy(hid[3], hid[1]); BiasActivate(hid[3], hid[0][:h], Softplus) }},
		{"Exp", rows * x, func() { Exp(px[3], px[0]) }},
		{"Log1p", rows * x, func() { Log1p(px[3], bits) }},
		{"Softplus", rows * x, func() { SoftplusOf(px[3], px[0]) }},
		{"Sigmoid", rows * x, func() { Sigmoid(px[3], px[0]) }},
		{"Tanh", rows * x, func() { TanhOf(px[3], px[0]) }},
		{"Reparameterize", rows * z, func() { Reparameterize(lat[3], lat[0], lat[1], lat[2]) }},
		{"ReparameterizeGrad", rows * z, func() { ReparameterizeGrad(lat[3], lat[0], lat[1], lat[2]) }},
		{"GaussianKL", rows * z, func() { GaussianKL(lat[3], lat[0], lat[1]) }},
		{"GaussianKLGrad", rows * z, func() { GaussianKLGrad(lat[3], lat[0], lat[1]) }},
		{"LogSumExp", rows * x, func() { LogSumExpRows(d, px[0]) }},
		{"Grey", rows * x, func() { Grey(px[3], pixels) }},
		{"Binarize", rows * x, func() { lanes.Binarize(px[3], pixels) }},
	} {
		best := level
		for l := Portable; l <= detect(); l++ {
			b.Run(fmt.Sprintf("%s/%d/%s", k.name, k.n, l), func(b *testing.B) {
				level = l
				defer func() { level = best }()
				withProcs(1, func() {
					b.ReportAllocs()
					for b.Loop() {
						k.run()
					}
				})
				b.ReportMetric(float64(k.n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelem/s")
			})
		}
	}
}
