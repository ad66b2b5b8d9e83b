package decoder_test

import (
	"fmt"
	"math"

	"govae/decoder"
)

// Three pixels: the first two are as the logits say, of the third they say nothing,
// which costs log 2 = 0.6931 nats.
func ExampleBernoulli_Distortion() {
	logits := []float64{4, -4, 0}
	x := []float64{1, 0, 1}
	fmt.Printf("%.4f nats\n", decoder.Bernoulli{}.Distortion(logits, x))
	// Output: 0.7294 nats
}

// A pixel of the standard normal density at its mean: ½ log 2π.
func ExampleGaussian_Distortion() {
	fmt.Printf("%.4f nats\n", decoder.Gaussian{Sigma: 1}.Distortion([]float64{0}, []float64{0}))
	// Output: 0.9189 nats
}

// The uniform distribution over 256 levels has 8 bits a pixel.
func ExampleBitsPerDim() {
	nats := 784 * math.Log(256)
	fmt.Printf("%.1f nats, %.1f bits per pixel\n", nats, decoder.BitsPerDim(nats, 784))
	// Output: 4347.4 nats, 8.0 bits per pixel
}

// A network's output is a logit; the mean of the density on [0,1] is not its sigmoid.
func ExampleContinuousBernoulli_Mean() {
	fmt.Printf("%.4f\n", decoder.ContinuousBernoulli{}.Mean([]float32{-2, 0, 2}))
	// Output: [0.3435 0.5000 0.6565]
}
