package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// sample is a small file with each dtype, a scalar and an empty tensor, in the
// order in which they are laid out.
func sample() *File {
	return &File{
		Metadata: map[string]string{"config": `{"latent":20}`},
		Tensors: []Tensor{
			{Name: "step", Shape: []int{}, Data: []int64{-2}},
			{Name: "loss", Shape: []int{1}, Data: []float64{0.5}},
			{Name: "a.bias", Shape: []int{0}, Data: []float32{}},
			{Name: "b.weight", Shape: []int{2, 1}, Data: []float32{1, -2}},
			{Name: "mask", Shape: []int{3}, Data: []uint8{0, 127, 255}},
		},
	}
}

// encoded returns the bytes of f.
func encoded(t testing.TB, f *File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Encode(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// raw puts a file together from a header and a payload, right or wrong.
func raw(header, payload string) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), payload...)
}

// diff returns how two files differ, as sets of tensors. Floats are compared by
// their bits, since NaN is not equal to itself and -0 is equal to 0.
func diff(got, want *File) string {
	return gocmp.Diff(got, want,
		cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(a, b Tensor) bool { return a.Name < b.Name }),
		gocmp.Comparer(func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }),
		gocmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
	)
}

func TestLookup(t *testing.T) {
	f := sample()
	if got, ok := f.Lookup("mask"); !ok || got.Name != "mask" || len(got.Shape) != 1 {
		t.Errorf(`Lookup("mask") = %v, %v`, got, ok)
	}
	if got, ok := f.Lookup("none"); ok {
		t.Errorf(`Lookup("none") = %v, true`, got)
	}
}

func TestValues(t *testing.T) {
	f := sample()
	if v, err := f.Float32("b.weight", 2, 1); err != nil || !slices.Equal(v, []float32{1, -2}) {
		t.Errorf("Float32 = %v, %v", v, err)
	}
	if v, err := f.Float64("loss", 1); err != nil || !slices.Equal(v, []float64{0.5}) {
		t.Errorf("Float64 = %v, %v", v, err)
	}
	if v, err := f.Int64("step"); err != nil || !slices.Equal(v, []int64{-2}) {
		t.Errorf("Int64 = %v, %v", v, err)
	}
	if v, err := f.Uint8("mask", 3); err != nil || !slices.Equal(v, []uint8{0, 127, 255}) {
		t.Errorf("Uint8 = %v, %v", v, err)
	}
	if v, err := f.Float32("a.bias", 0); err != nil || len(v) != 0 {
		t.Errorf("Float32 of an empty tensor = %v, %v", v, err)
	}
}

func TestValuesErrors(t *testing.T) {
	f := sample()
	f.Tensors = append(f.Tensors, Tensor{Name: "liar", Shape: []int{3}, Data: []float32{1}})
	tests := []struct {
		name  string
		shape []int
		want  error
		text  string
	}{
		{"c.weight", []int{2, 1}, ErrMissing, `tensor "c.weight": no such tensor`},
		{"mask", []int{3}, ErrDtype, `tensor "mask": wrong dtype: it holds U8, want F32`},
		{"b.weight", []int{1, 2}, ErrShape, `tensor "b.weight": wrong shape: it is [2 1], want [1 2]`},
		{"b.weight", []int{2}, ErrShape, `it is [2 1], want [2]`},
		{"b.weight", nil, ErrShape, `it is [2 1], want []`},
		{"liar", []int{3}, ErrShape, `[3] does not match its 1 values`},
	}
	for _, tt := range tests {
		v, err := f.Float32(tt.name, tt.shape...)
		if v != nil || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("Float32(%q, %v) = %v, %v, want %q", tt.name, tt.shape, v, err, tt.text)
		}
	}
}

// The layout keeps values aligned only as long as sizes never grow.
func TestDtypesOrder(t *testing.T) {
	if !slices.IsSortedFunc(dtypes, func(a, b dtype) int { return cmp.Compare(b.size, a.size) }) {
		t.Errorf("dtypes = %v, want sizes that never grow", dtypes)
	}
}
