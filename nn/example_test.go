package nn_test

import (
	"fmt"
	"math/rand/v2"

	"gorgonia.org/tensor"

	"govae/graph"
	"govae/nn"
)

// A layer of 2 inputs and 3 outputs, y = max(0, x·Wᵀ + b), with numbers of one's own in
// place of the random ones.
func ExampleLinear() {
	l, err := nn.NewLinear(tensor.Float32, 3, 2, nn.ReLU, "glorot", rand.NewPCG(1, 2), "hidden")
	if err != nil {
		fmt.Println(err)
		return
	}
	w := 0.0
	l.W.Fill(func() float64 { w++; return w }) // rows 1 2, 3 4, 5 6
	l.B.Fill(func() float64 { return -20 })

	p, err := graph.Compile(tensor.Float32, func(b *graph.Builder) error {
		y, err := l.Apply(b.Input("x", 2, 2))
		b.Output("y", y)
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(p.Input("x"), []float32{1, 1, 2, 3})
	if err := p.Take(); err != nil {
		fmt.Println(err)
		return
	}
	if err := p.Run(); err != nil {
		fmt.Println(err)
		return
	}
	y, err := p.Output("y")
	fmt.Println(y, err)
	fmt.Println(l.Value([]float64{2, 3})) // the second row, as plain numbers
	fmt.Println(l.W.Names, l.W.Value.Shape(), l.B.Names, l.B.Value.Shape())
	// Output:
	// [0 0 0 0 0 8] <nil>
	// [0 0 8]
	// [hidden.weight] (3, 2) [hidden.bias] (3)
}

// Fine-tuning: the first layer stays as it is, the second one is trained.
func ExampleFreeze() {
	layers, err := nn.NewMLP(nn.MLPConfig{Name: "net", In: 4, Hidden: []int{3, 2}, Activation: "tanh", Init: "glorot"},
		tensor.Float32, rand.NewPCG(1, 2))
	if err != nil {
		fmt.Println(err)
		return
	}
	nn.Freeze(layers[0].Params()...)
	for _, p := range nn.Trained(layers.Params()) {
		fmt.Println(p.Names)
	}
	// Output:
	// [net.hidden.1.weight]
	// [net.hidden.1.bias]
}
