package evaluate_test

import (
	"context"
	"fmt"

	"govae/evaluate"
	"govae/mnist"
	"govae/samples"
)

// The model that comes with govae, on the first hundred test images.
func ExampleRun() {
	m, err := samples.Model()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, test, err := mnist.Load("")
	if err != nil {
		fmt.Println(err)
		return
	}
	o := evaluate.DefaultOptions()
	o.K, o.N = 10, 20
	r, err := evaluate.Run(context.Background(), m, test.Slice(0, 100), o)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("rate %.0f and distortion %.0f nats, %d active units\n", r.Rate.Mean, r.Distortion.Mean, r.ActiveUnits)
	fmt.Println("log p(x) is above the ELBO:", r.LogLikelihood.Mean > r.ELBO.Mean)
	// Output:
	// rate 26 and distortion 76 nats, 20 active units
	// log p(x) is above the ELBO: true
}
