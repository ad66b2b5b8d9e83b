package mnist_test

import (
	"fmt"
	"log"
	"math/rand/v2"

	"govae/mnist"
)

// With no directory named, Load reads the MNIST that GoMNIST's module ships.
func ExampleLoad() {
	train, test, err := mnist.Load("")
	if err != nil {
		log.Fatal(err)
	}
	for _, s := range []*mnist.Set{train, test} {
		fmt.Printf("%s: %d images of %dx%d, the first is a %d\n", s.Name, s.Len(), s.Rows, s.Cols, s.Labels[0])
	}
	// Output:
	// MNIST train: 60000 images of 28x28, the first is a 5
	// MNIST test: 10000 images of 28x28, the first is a 7
}

// A batch of two images, drawn anew each time it is filled.
func ExampleSet_Fill() {
	s := &mnist.Set{
		Rows: 2, Cols: 2,
		Pixels: []uint8{0, 255, 0, 255, 255, 255, 128, 128},
		Labels: []uint8{1, 2},
	}
	src := rand.NewPCG(1, 2)
	batch := make([]float32, 2*s.Size()) // [B,X]
	for range 3 {
		s.Fill(batch, []int{1, 0}, mnist.Dynamic, src)
		fmt.Println(batch)
	}
	s.Fill(batch, []int{1, 0}, mnist.None, nil)
	fmt.Printf("%.2f\n", batch)
	// Output:
	// [1 1 0 1 0 1 0 1]
	// [1 1 0 0 0 1 0 1]
	// [1 1 1 1 0 1 0 1]
	// [1.00 1.00 0.50 0.50 0.00 1.00 0.00 1.00]
}

func ExampleBinarization_Label() {
	b, err := mnist.ParseBinarization("dynamic")
	fmt.Println(b.Label(), err)
	_, err = mnist.ParseBinarization("dyn")
	fmt.Println(err)
	// Output:
	// dynamic (fresh Bernoulli draw at each use) <nil>
	// mnist: binarization "dyn": want none, dynamic, threshold or fixed
}
