package figure_test

import (
	"bytes"
	"fmt"
	"image/png"
	"os"

	"govae/figure"
)

func ExampleGrid() {
	samples := make([]float32, 16*28*28) // [16, 28*28], such as a decoder's output
	img, err := figure.Grid(samples, 28, 28, 4, figure.GridOptions{Scale: 3, Gap: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(img.Bounds().Size())
	// Output: (341,341)
}

func ExampleLabelledRows() {
	images := make([]float32, 2*5*28*28) // two latent dimensions, five values each
	img, err := figure.LabelledRows(images, 28, 28, 5, []string{"z7  KL 2.31", "z2  KL 1.87"}, figure.GridOptions{
		Title:        "Traversals",
		ColumnLabels: []string{"−2", "−1", "0", "1", "2"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := figure.EncodePNG(&bytes.Buffer{}, img); err != nil { // or a file
		fmt.Println(err)
	}
	// Output:
}

func ExampleCurves() {
	epochs := []float64{1, 2, 3}
	var file bytes.Buffer
	err := figure.Curves(&file, "Learning curves", figure.Panel{
		Title: "ELBO", XLabel: "epoch", YLabel: "nats per image",
		Curves: []figure.Curve{
			{Name: "train", X: epochs, Y: []float64{-171.2, -121.8, -112.4}},
			{Name: "test", X: epochs, Y: []float64{-128.9, -115.6, -110.3}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	config, err := png.DecodeConfig(&file)
	fmt.Println(config.Width > config.Height, err)
	// Output: true <nil>
}

func ExampleWriteNPY() {
	var file bytes.Buffer
	if err := figure.WriteNPY(&file, []float32{1, 2, 3, 4, 5, 6}, 2, 3); err != nil {
		fmt.Println(err)
		return
	}
	os.Stdout.Write(file.Bytes()[10:69]) // the description between magic and padding
	fmt.Println(len(file.Bytes()))
	// Output: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }152
}
