package graph

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A product of stock Gorgonia goes through our kernel: unlike gonum's, it does
// not let a zero hide a NaN.
func TestStockProductIsOurs(t *testing.T) {
	if _, ok := G.WhichBLAS().(fastBLAS); !ok {
		t.Fatalf("Gorgonia uses %T", G.WhichBLAS())
	}
	for _, nan := range []bool{false, true} {
		a := []float32{1, 2, 3, 4, 0, 6}                   // [2,3]
		b := []float32{1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9} // [3,4]
		if nan {
			b[5] = float32(math.NaN()) // meets a's zero
		}
		g := G.NewGraph()
		x := G.NewMatrix(g, G.Float32, G.WithName("a"), G.WithValue(tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(a))))
		y := G.NewMatrix(g, G.Float32, G.WithName("b"), G.WithValue(tensor.New(tensor.WithShape(3, 4), tensor.WithBacking(b))))
		z := G.Must(G.Mul(x, y))
		vm := G.NewTapeMachine(g)
		if err := vm.RunAll(); err != nil {
			t.Fatal(err)
		}
		got := z.Value().Data().([]float32)
		for i := range 2 {
			for j := range 4 {
				want := float32(0)
				for p := range 3 {
					want += a[i*3+p] * b[p*4+j]
				}
				if v := got[i*4+j]; v != want && (v == v || want == want) {
					t.Errorf("element %d,%d is %v, want %v", i, j, v, want)
				}
			}
		}
		vm.Close()
	}
}
