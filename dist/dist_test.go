package dist

import (
	"fmt"
	"math"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// LogProb and NegLogProb of a likelihood are one number and its negative, to the bit, with
// gradients that are too; the function NegLogProb takes the operation where there is one.
func TestNegLogProb(t *testing.T) {
	const rows, dim = 3, 4
	for dt := range precisionsOf {
		for _, f := range append(all(t, dt), Normal{}) {
			var out [2][][]float64
			for i, get := range []func(d Dist, x *G.Node) (*G.Node, error){Dist.LogProb, NegLogProb} {
				gr := newGraph(t, dt, rows, []int{f.Outputs(dim), dim}, func(in []*G.Node) (*G.Node, G.Nodes, error) {
					d, err := f.On(in[0])
					if err != nil {
						return nil, nil, err
					}
					l, err := get(d, in[1])
					return l, in[:1], err
				})
				params, x := points(f, 0, rows, dim)
				out[i] = gr.run(t, params, x, []float64{1, -2, 3})
			}
			for k := range out[0] {
				for j := range out[0][k] {
					if out[0][k][j] != -out[1][k][j] {
						t.Errorf("%s/%v: number %d of output %d is %v, its negative %v", f.Name(), dt, j, k, out[0][k][j], out[1][k][j])
					}
				}
			}
		}
	}
}

// Domain names the first number outside it, and its text stands in the error.
func TestDomain(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		d         Domain
		want      string
		good, bad []float32
	}{
		{Real, "a finite number", []float32{0, -3.5, math.MaxFloat32}, []float32{nan, inf, -inf}},
		{Binary, "0 to 1", []float32{0, 1, 0.5}, []float32{nan, inf, -0.001, 1.001}},
		{Unit, "0 to 1", []float32{0, 1, 1e-30}, []float32{nan, -inf, -1e-30, 2}},
		{Grey, "a multiple of 1/255 from 0 to 1", []float32{0, 1, 51.0 / 255}, []float32{nan, 0.5, 256.0 / 255, -1.0 / 255}},
		{Counts, "a whole number of at least 0", []float32{0, 1, 1e6}, []float32{nan, inf, -1, 0.5}},
	} {
		if tt.d.String() != tt.want {
			t.Errorf("domain %d: %q, want %q", uint8(tt.d), tt.d, tt.want)
		}
		if err := tt.d.Check(tt.good); err != nil {
			t.Errorf("%v: %v", tt.good, err)
		}
		if err := tt.d.Check(nil); err != nil {
			t.Errorf("no numbers: %v", err)
		}
		for _, v := range tt.bad {
			err := tt.d.Check([]float32{tt.good[0], v, nan})
			if want := fmt.Sprintf("pixel 1 is %v, want %s", v, tt.want); err == nil || err.Error() != want {
				t.Errorf("error %v, want %s", err, want)
			}
		}
	}
}

// Means and Samples of several rows are those of each row's Value, in order; Samples of one
// source go from row to row.
func TestMeansAndSamples(t *testing.T) {
	const rows, dim = 3, 5
	for _, f := range append(all(t, tensor.Float32), Normal{}) {
		width := f.Outputs(dim)
		params := make([]float32, rows*width)
		for i, v := range normals(51, len(params)) {
			params[i] = float32(v)
		}
		var mean, draws []float64
		src := seeded(52)
		for r := range rows {
			row := make([]float64, width)
			for j := range row {
				row[j] = float64(params[r*width+j])
			}
			v := f.At(row)
			mean, draws = append(mean, v.Mean()...), append(draws, v.Sample(src)...)
		}
		in64 := func(x []float32) (y []float64) {
			for _, v := range x {
				y = append(y, float64(v))
			}
			return y
		}
		within(t, f.Name()+": Samples", in64(Samples(f, slices.Clone(params), dim, seeded(52))), draws, 1e-7, 1)
		within(t, f.Name()+": Means", in64(Means(f, slices.Clone(params), dim)), mean, 1e-6, 1)
	}
}

// Lengths that do not fit are a programmer's error.
func TestValuesRefuseLengths(t *testing.T) {
	for name, f := range map[string]func(){
		"dist: 3 parameters, want two for each number":  func() { Normal{}.At(normals(1, 3)) },
		"dist: 2 parameters for 3 numbers, want 1 each": func() { Normal{}.At(make([]float64, 4)).LogProb(make([]float64, 3)) },
		"dist: 4 parameters for 3 numbers, want 1 each": func() { Bernoulli{}.At(make([]float64, 4)).LogProb(make([]float64, 3)) },
	} {
		func() {
			defer func() {
				if r := recover(); r != name {
					t.Errorf("panic %v, want %q", r, name)
				}
			}()
			f()
		}()
	}
}

// The quick look at many numbers agrees with the definition of each domain, at what is on
// either side of its ends and at what is no number.
func TestDomainCheckAgrees(t *testing.T) {
	tiny, below, above := math.Float32frombits(1), math.Nextafter32(1, 0), math.Nextafter32(1, 2)
	for _, v := range []float32{0, float32(math.Copysign(0, -1)), tiny, -tiny, 0.5, -0.5, below, 1, above, -1, 2, 255, math.MaxFloat32, -math.MaxFloat32,
		float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.Float32frombits(0xffc00000), math.Float32frombits(0x7f800001)} {
		for d := range domains {
			for n := 1; n < 20; n++ {
				for at := range n {
					x := make([]float32, n)
					for i := range x {
						x[i] = float32(i % 2)
					}
					x[at] = v
					if err, want := Domain(d).Check(x), domains[d].ok(float64(v)); (err == nil) != want {
						t.Errorf("%v at %d of %d, of domain %d: %v, want %v", v, at, n, d, err, want)
					}
				}
			}
		}
	}
}
