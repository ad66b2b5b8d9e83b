package nn

import (
	"sync"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// Graphs of one parameter are made and run by many goroutines at once, with an operation of
// Gorgonia's own that reads the whole tensor and not its numbers alone. The race detector
// (go test -race) fails if they share more than the numbers. All of them see a change.
func TestNodesShareNumbersAlone(t *testing.T) {
	p := NewParam(tensor.Float64, "p", 2, 3)
	build := func(b *graph.Builder) error {
		flat, err := G.Reshape(p.Node(b.Graph()), tensor.Shape{6})
		if err != nil {
			return err
		}
		sum, err := G.Sum(flat)
		b.Output("sum", sum)
		return err
	}
	var programs [16]*graph.Program
	var all sync.WaitGroup
	for i := range programs {
		all.Add(1)
		go func() {
			defer all.Done()
			var err error
			if programs[i], err = graph.Compile(tensor.Float64, build); err != nil {
				t.Error(err)
				return
			}
			if err := programs[i].Run(); err != nil {
				t.Error(err)
			}
		}()
	}
	all.Wait()
	p.Fill(func() float64 { return 1 })
	for _, program := range programs {
		if err := program.Run(); err != nil {
			t.Fatal(err)
		}
		if got, err := program.Number("sum"); err != nil || got != 6 {
			t.Errorf("the sum is %v (%v), want 6", got, err)
		}
	}
}

// Two models in one graph have parameters of the same names, and each keeps its own numbers.
func TestNodesOfOneName(t *testing.T) {
	a, b := NewParam(tensor.Float64, "p", 1), NewParam(tensor.Float64, "p", 1)
	b.Fill(func() float64 { return 1 })
	g := G.NewGraph()
	if a.Node(g) == b.Node(g) {
		t.Error("two parameters of one name have one node")
	}
	for _, p := range []*Param{a, b} {
		if n := p.Node(g); n != p.Node(g) {
			t.Error("a parameter has two nodes")
		} else if got := n.Value().Data().([]float64)[0]; got != p.Numbers()[0] {
			t.Errorf("the node has %v, want %v", got, p.Numbers()[0])
		}
	}
}
