package nn_test

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/nn"
)

func init() {
	square := graph.Op{
		Name: "square",
		Run:  graph.Each(func(v []float64) float64 { return v[0] * v[0] }),
		Grads: []graph.Kernel{graph.Each(func(v []float64) float64 { // dout, out, h
			return v[0] * 2 * v[2]
		})},
	}
	nn.RegisterActivation("square", func(h *G.Node) (*G.Node, error) { return square.Apply(h) }, func(h []float64) []float64 {
		for i, v := range h {
			h[i] = v * v
		}
		return h
	})
}

// An activation of one's own, h² of each output h = x·Wᵀ + b, goes by its name.
func ExampleRegisterActivation() {
	layers, err := nn.NewMLP(nn.MLPConfig{Name: "net", In: 2, Hidden: []int{2}, Activation: "square", Init: "glorot"},
		tensor.Float32, rand.NewPCG(1, 2))
	if err != nil {
		fmt.Println(err)
		return
	}
	w := 0.0
	layers[0].W.Fill(func() float64 { w++; return w }) // rows 1 2, 3 4
	layers[0].B.Fill(func() float64 { return 1 })

	p, err := graph.Compile(tensor.Float32, func(b *graph.Builder) error {
		y, err := layers.Apply(b.Input("x", 1, 2))
		b.Output("y", y)
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(p.Input("x"), []float32{1, -3})
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
	fmt.Println(layers.Value([]float64{1, -3})) // the same of one row, as plain numbers
	// Output:
	// [16 64] <nil>
	// [16 64]
}
