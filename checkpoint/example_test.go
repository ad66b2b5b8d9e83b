package checkpoint_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"govae/checkpoint"
)

// A model's weights, written to a file and read back.
func Example() {
	dir, err := os.MkdirTemp("", "checkpoint")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	err = checkpoint.Write(path, &checkpoint.File{
		Metadata: map[string]string{"config": `{"latent":2}`},
		Tensors: []checkpoint.Tensor{
			{Name: "encoder.mu.weight", Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}},
			{Name: "encoder.mu.bias", Shape: []int{2}, Data: []float32{-1, 1}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	f, err := checkpoint.Read(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Metadata["config"])
	bias, err := f.Float32("encoder.mu.bias", 2)
	fmt.Println(bias, err)
	_, err = f.Float32("encoder.mu.weight", 3, 2)
	fmt.Println(err, errors.Is(err, checkpoint.ErrShape))
	// Output:
	// {"latent":2}
	// [-1 1] <nil>
	// checkpoint: tensor "encoder.mu.weight": wrong shape: it is [2 3], want [3 2] true
}
