package graph_test

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// An operation of one's own, x² of each number, with its gradient dout·2x.
func ExampleOp() {
	square := graph.Op{
		Name: "square",
		Run:  graph.Each(func(v []float64) float64 { return v[0] * v[0] }),
		Grads: []graph.Kernel{graph.Each(func(v []float64) float64 { // dout, out, x
			return v[0] * 2 * v[2]
		})},
	}
	p, err := graph.Compile(tensor.Float32, func(b *graph.Builder) error {
		x := b.Input("x", 1, 3)
		y, err := square.Apply(x)
		if err != nil {
			return err
		}
		dx, err := b.Gradients(G.Must(G.Sum(y)), x)
		if err != nil {
			return err
		}
		b.Output("y", y)
		b.Output("dx", dx[0])
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(p.Input("x"), []float32{1, -2, 3})
	if err := p.Take(); err != nil {
		fmt.Println(err)
		return
	}
	if err := p.Run(); err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range p.Outputs() {
		v, err := p.Output(name)
		fmt.Println(name, v, err)
	}
	// Output:
	// y [1 4 9] <nil>
	// dx [2 -4 6] <nil>
}

// A program with a named input, a scalar, two outputs and a gradient: the sum of s·x.
func ExampleCompile() {
	p, err := graph.Compile(tensor.Float32, func(b *graph.Builder) error {
		x, err := graph.Combine([]float64{1}, b.Input("x", 2, 2))
		if err != nil {
			return err
		}
		y, err := graph.Scale(x, b.Scalar("s", 1))
		if err != nil {
			return err
		}
		sum := G.Must(G.Sum(y))
		dx, err := b.Gradients(sum, x)
		if err != nil {
			return err
		}
		b.Output("sum", sum)
		b.Output("dx", dx[0])
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	copy(p.Input("x"), []float32{1, 2, 3, 4})
	if err := p.Take(); err != nil { // what is in the inputs is the batch of the next run
		fmt.Println(err)
		return
	}
	for _, s := range []float64{1, 10} {
		if err := p.Set("s", s); err != nil {
			fmt.Println(err)
			return
		}
		if err := p.Run(); err != nil {
			fmt.Println(err)
			return
		}
		sum, _ := p.Number("sum")
		dx, _ := p.Output("dx")
		fmt.Println(sum, dx)
	}
	fmt.Println(p.Set("t", 1))
	// Output:
	// 10 [1 1 1 1]
	// 100 [10 10 10 10]
	// graph: no scalar named "t", but s
}

// The sums of any number of rows. The graph is made for a few batch sizes, and used again.
func ExampleRows() {
	rows := graph.NewRows(tensor.Float32, func(b *graph.Builder, batch int) error {
		sums, err := graph.RowSums(b.Input("x", batch, 2))
		b.Output("sums", sums)
		return err
	})
	for _, x := range [][]float32{{1, 2}, {1, 2, 3, 4, 5, 6}} {
		n := len(x) / 2
		sums := make([]float64, n)
		if err := rows.Run(n, map[string][]float32{"x": x}, graph.Collect("sums", n, sums)); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(sums)
	}
	// Output:
	// [3]
	// [3 7 11]
}
