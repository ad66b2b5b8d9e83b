package simd

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Without its columns of zeros a matrix gives the same bits as with them, and
// nothing is left of what the memory held before.
func TestColumns(t *testing.T) {
	patterns := map[string]func(r *rand.Rand, j, width int) bool{ // which columns are zero
		"none":        func(*rand.Rand, int, int) bool { return false },
		"all":         func(*rand.Rand, int, int) bool { return true },
		"half":        func(r *rand.Rand, _, _ int) bool { return r.IntN(2) == 0 },
		"runs":        func(_ *rand.Rand, j, _ int) bool { return j%28 < 5 || j%28 > 22 },
		"first part":  func(_ *rand.Rand, j, width int) bool { return j < width/2+9 },
		"last part":   func(_ *rand.Rand, j, width int) bool { return j > width/2-9 },
		"middle part": func(_ *rand.Rand, j, width int) bool { return width/3-9 < j && j < 2*width/3+9 },
		"all but one": func(_ *rand.Rand, j, width int) bool { return j != width-2 },
	}
	atLevels(t, func(t *testing.T) {
		r := seeded(11)
		var c Columns // serves all of them, as it does one step after another
		for name, zero := range patterns {
			for i, s := range [][3]int{{1, 3, 5}, {64, 100, 785}, {128, 40, 784}, {65, 50, 1203}, {70, 17, 401}, {20, 200, 784}} {
				b, o, width := s[0], s[1], s[2]
				x, w, bias, da := normal[float32](r, b*width), normal[float32](r, o*width), normal[float32](r, o), normal[float32](r, b*o)
				for j := range width {
					if zero(r, j, width) {
						for i := range b {
							x[i*width+j] = 0
						}
					}
				}
				y, dw := dirty[float32](b*o), dirty[float32](o*width)
				wantY, wantDW := dirty[float32](b*o), dirty[float32](o*width)
				act := []Activation{Identity, ReLU, Tanh, Softplus}[i%4]
				Linear(wantY, x, w, bias, act)
				Gemm(true, false, o, width, b, 1, da, o, x, width, 0, wantDW, width)
				for _, procs := range []int{1, 2} {
					withProcs(procs, func() {
						c.Set(x, width)
						c.Linear(y, w, bias, act)
						c.WeightGrad(dw, da)
					})
					at := fmt.Sprintf("%s, %v, %d threads", name, s, procs)
					if !slices.Equal(bitsOf(y), bitsOf(wantY)) {
						t.Errorf("%s: the layer's output differs", at)
					}
					if !slices.Equal(bitsOf(dw), bitsOf(wantDW)) {
						t.Errorf("%s: the gradient of the weights differs", at)
					}
				}
				if level > Portable && (name == "runs" || name == "first part") && b >= worthRows && c.kept == width {
					t.Errorf("%s, %v: no column was left out", name, s)
				}
			}
		}
	})
}

// A column that sums to zero without being zero is kept, and so is one of NaN, and
// one with a negative zero, which is not worth telling apart.
func TestColumnsAreZeroBitByBit(t *testing.T) {
	atLevels(t, func(t *testing.T) {
		if level == Portable {
			t.Skip("the portable path leaves nothing out")
		}
		x := make([]float32, worthRows*64)
		x[3], x[64+3] = 1, -1
		x[5*64+7] = dirty[float32](1)[0]
		x[9] = -x[0]
		var c Columns
		c.Set(x, 64)
		if want := []run{{3, 1}, {7, 1}, {9, 1}}; c.kept != 3 || !slices.Equal(c.runs, want) {
			t.Errorf("%d columns in %v, want %v", c.kept, c.runs, want)
		}
	})
}

// A training step's layer uses its memory again.
func TestColumnsKeepMemory(t *testing.T) {
	if level == Portable {
		t.Skip("the portable path leaves nothing out")
	}
	b, o, width := 64, 48, 784
	r := seeded(12)
	x, w, bias, da := normal[float32](r, b*width), normal[float32](r, o*width), normal[float32](r, o), normal[float32](r, b*o)
	for j := range x {
		if j%width%28 < 8 {
			x[j] = 0
		}
	}
	y, dw := make([]float32, b*o), make([]float32, o*width)
	var c Columns
	once := func() [3]*float32 {
		c.Set(x, width)
		c.Linear(y, w, bias, ReLU)
		c.WeightGrad(dw, da)
		return [3]*float32{&c.seen[0], &c.own[0], &c.dw[0]}
	}
	if first := once(); once() != first {
		t.Error("other memory the second time")
	}
}

func TestColumnsRefuseShortSlices(t *testing.T) {
	const b = worthRows
	x := make([]float32, b*100)
	for i := range x {
		if i%100 < 50 {
			x[i] = 1
		}
	}
	for name, f := range map[string]func(c *Columns){
		"W":  func(c *Columns) { c.Linear(make([]float32, b*8), make([]float32, 8*100-1), make([]float32, 8), ReLU) },
		"y":  func(c *Columns) { c.Linear(make([]float32, b*8-1), make([]float32, 8*100), make([]float32, 8), ReLU) },
		"dW": func(c *Columns) { c.WeightGrad(make([]float32, 8*100-1), make([]float32, b*8)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a short %s was taken", name)
				}
			}()
			var c Columns
			c.Set(x, 100)
			f(&c)
		}()
	}
}
