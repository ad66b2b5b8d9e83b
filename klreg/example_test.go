package klreg_test

import (
	"fmt"
	"math"

	"govae/klreg"
)

// A code of two dimensions: the first has moved from the prior, the second is the
// prior and costs nothing.
func ExampleGaussian() {
	mu := []float64{1, 0}
	logvar := []float64{math.Log(0.25), 0} // variances 0.25 and 1
	fmt.Printf("%.4f nats\n", klreg.Gaussian(mu, logvar))
	// Output: 0.8181 nats
}

// KL is not symmetric: N(0,1) and N(0,4), either way round.
func ExampleGaussians() {
	mu, one, four := []float64{0}, []float64{0}, []float64{math.Log(4)}
	fmt.Printf("%.4f\n", klreg.Gaussians(mu, one, mu, four))
	fmt.Printf("%.4f\n", klreg.Gaussians(mu, four, mu, one))
	// Output:
	// 0.3181
	// 0.8069
}

func ExampleWeight() {
	w := klreg.Weight{Beta: 1, Warmup: 10}
	for _, epochs := range []float64{0, 5, 10, 20} {
		fmt.Print(w.At(epochs), " ")
	}
	// Output: 0 0.5 1 1
}
