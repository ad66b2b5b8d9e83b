package train_test

import (
	"sync"
	"testing"

	"govae/mnist"
)

var mnistOnce = sync.OnceValues(func() ([2]*mnist.Set, error) {
	train, test, err := mnist.Load("")
	return [2]*mnist.Set{train, test}, err
})

// load returns the real MNIST.
func load(t *testing.T) (train, test *mnist.Set) {
	t.Helper()
	sets, err := mnistOnce()
	if err != nil {
		t.Fatal(err)
	}
	return sets[0], sets[1]
}
