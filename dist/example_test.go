package dist_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"

	"govae/dist"
)

// Three pixels: the first two are as the logits say, of the third they say nothing,
// which costs log 2 = 0.6931 nats.
func ExampleBernoulli() {
	p := dist.Bernoulli{}.At([]float64{4, -4, 0})
	fmt.Printf("%.4f nats\n", -p.LogProb([]float64{1, 0, 1}))
	// Output: 0.7294 nats
}

// A pixel of the standard normal density at its mean: ½ log 2π.
func ExampleGaussian() {
	p := dist.Gaussian{Sigma: 1}.At([]float64{0})
	fmt.Printf("%.4f nats\n", -p.LogProb([]float64{0}))
	// Output: 0.9189 nats
}

// The uniform distribution over 256 levels has 8 bits a pixel.
func ExampleBitsPerDim() {
	nats := 784 * math.Log(256)
	fmt.Printf("%.1f nats, %.1f bits per pixel\n", nats, dist.BitsPerDim(nats, 784))
	// Output: 4347.4 nats, 8.0 bits per pixel
}

// A network's output is a logit; the mean of the density on [0,1] is not its sigmoid.
func ExampleContinuousBernoulli() {
	fmt.Printf("%.4f\n", dist.ContinuousBernoulli{}.At([]float64{-2, 0, 2}).Mean())
	// Output: [0.3435 0.5000 0.6565]
}

// A flow takes a code there and back. Its log|det| is by how much it stretches space
// there: here, with all scales and shifts zero, not at all.
func ExampleRealNVP() {
	f, err := dist.NewRealNVP(dist.FlowConfig{Name: "encoder.flow", Cond: 6, Layers: 2, Latent: 3, Hidden: 8, Init: "glorot"}, tensor.Float32, rand.NewPCG(1, 1))
	if err != nil {
		fmt.Println(err)
		return
	}
	cond := make([]float64, 6)
	z, logDet := f.TransformValue([]float64{1, -2, 0.5}, cond)
	z0, _ := f.InverseValue(z, cond)
	fmt.Println(z, logDet, z0)

	shift := f.Params()[5] // the bias of the first layer's shift: dimensions 1 and 2
	copy(shift.Value.Data().([]float32), []float32{10, 20})
	z, logDet = f.TransformValue([]float64{1, -2, 0.5}, cond)
	z0, _ = f.InverseValue(z, cond)
	fmt.Println(z, logDet, z0)
	// Output:
	// [1 -2 0.5] 0 [1 -2 0.5]
	// [1 8 20.5] 0 [1 -2 0.5]
}

// A prior of two Laplace components, whose parameters training changes. At temperature 0 a
// sample is the location of one of them.
func ExampleNewLearned() {
	family := dist.MixtureOf{Base: dist.Laplace{}, Components: 2}
	prior, err := dist.NewLearned(family, 1, 0, tensor.Float64, rand.NewPCG(1, 2))
	if err != nil {
		fmt.Println(err)
		return
	}
	// Logits, then location and log-scale of each component.
	copy(prior.Row.Value.Data().([]float64), []float64{0, 0, -3, 0, 3, 0})
	z, err := prior.Sample(6, nil, 0, rand.NewPCG(1, 2))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(prior.Name(), z)
	// Output: laplace-mixture [3 -3 3 -3 -3 3]
}
