package checkpoint

import (
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// golden is the file of sample(), made without this package: by a few lines of
// Python with its json, struct and hashlib, from the format's specification and
// the description of the checksum in the package comment.
const golden = "\xe0\x01\x00\x00\x00\x00\x00\x00" + // 480 bytes of header
	`{"__metadata__":{"config":"{\"latent\":20}",` +
	`"sha256":"5879d8cc802fdfbb7ee53b4222f6f91a874cafaace2fa7188449bcbd4b61f841",` +
	`"sha256.of":"this file with the digits of sha256 as zeros"},` +
	`"step":{"dtype":"I64","shape":[],"data_offsets":[0,8]},` +
	`"loss":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},` +
	`"a.bias":{"dtype":"F32","shape":[0],"data_offsets":[16,16]},` +
	`"b.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[16,24]},` +
	`"mask":{"dtype":"U8","shape":[3],"data_offsets":[24,27]}}       ` +
	"\xfe\xff\xff\xff\xff\xff\xff\xff" + // -2
	"\x00\x00\x00\x00\x00\x00\xe0\x3f" + // 0.5
	"\x00\x00\x80\x3f\x00\x00\x00\xc0" + // 1, -2
	"\x00\x7f\xff"

func TestEncodeGolden(t *testing.T) {
	if got := string(encoded(t, sample())); got != golden {
		t.Errorf("Encode:\n%q\nwant\n%q", got, golden)
	}
}

func TestEncodeIsDeterministic(t *testing.T) {
	f := sample()
	for _, key := range []string{"a", "b", "c", "z", "<&>", "\u2028"} {
		f.Metadata[key] = key
	}
	want := encoded(t, f)
	for range 20 { // map order changes from one to the next
		slices.Reverse(f.Tensors)
		f.Tensors[0], f.Tensors[2] = f.Tensors[2], f.Tensors[0]
		before := slices.Clone(f.Tensors)
		if !bytes.Equal(encoded(t, f), want) {
			t.Fatal("the same tensors in another order gave other bytes")
		}
		for i := range before {
			if before[i].Name != f.Tensors[i].Name {
				t.Fatal("Encode reordered the caller's tensors")
			}
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	one := func(name string, shape []int, data any) *File {
		return &File{Tensors: []Tensor{{Name: name, Shape: shape, Data: data}}}
	}
	tests := []struct {
		name string
		file *File
		want error // nil: none to tell apart
		text string
	}{
		{"too few values", one("w", []int{2, 2}, []float32{1}), ErrShape, `tensor "w": wrong shape: [2 2] does not match its 1 values`},
		{"too many values", one("w", nil, []float32{1, 2}), ErrShape, "its 2 values"},
		{"negative", one("w", []int{-1, -1}, []float32{1}), ErrShape, "negative"},
		{"overflow", one("w", []int{math.MaxInt, 4}, []float32{}), ErrShape, "too large"},
		{"rank", one("w", slices.Repeat([]int{1}, 9), []float32{1}), ErrShape, "9 dimensions, at most 8"},
		{"tensors", &File{Tensors: make([]Tensor, 4097)}, nil, "4097 tensors, at most 4096"},
		{"type", one("w", []int{1}, []int32{1}), ErrDtype, "cannot store []int32"},
		{"no data", one("w", []int{1}, nil), ErrDtype, "cannot store <nil>"},
		{"reserved name", one("__metadata__", []int{1}, []float32{1}), nil, "taken by the metadata"},
		{"name not UTF-8", one("\xff", []int{1}, []float32{1}), nil, "not UTF-8"},
		{"twice", &File{Tensors: append(sample().Tensors, sample().Tensors[1])}, nil, `tensor "loss": appears twice`},
		{"checksum key", &File{Metadata: map[string]string{"sha256": ""}}, nil, "taken by the checksum"},
		{"checksum note", &File{Metadata: map[string]string{"sha256.of": ""}}, nil, "taken by the checksum"},
		{"key not UTF-8", &File{Metadata: map[string]string{"\xff": ""}}, nil, "not UTF-8"},
		{"text not UTF-8", &File{Metadata: map[string]string{"k": "\xff"}}, nil, "not UTF-8"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			err := Encode(&b, tt.file)
			if err == nil || !strings.Contains(err.Error(), tt.text) || (tt.want != nil && !errors.Is(err, tt.want)) {
				t.Errorf("Encode = %v, want %q", err, tt.text)
			}
			if b.Len() != 0 {
				t.Errorf("Encode wrote %d bytes before its error", b.Len())
			}
		})
	}
}

func TestEncodeHeaderTooLong(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second and 650 MB")
	}
	var b bytes.Buffer
	err := Encode(&b, &File{Metadata: map[string]string{"k": strings.Repeat("x", maxHeader)}})
	if err == nil || !strings.Contains(err.Error(), "at most 100000000") || b.Len() != 0 {
		t.Errorf("Encode = %v after %d bytes", err, b.Len())
	}
}

func TestEncodeReportsWriter(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := Encode(w, sample()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Encode to a closed pipe = %v", err)
	}
}

// anyFile draws a file: any bits in the floats, empty tensors and scalars, any
// text in the names.
func anyFile(t *rapid.T) *File {
	f := &File{Metadata: rapid.MapOfN(rapid.String(), rapid.String(), 0, 4).Draw(t, "metadata")}
	delete(f.Metadata, sumKey)
	delete(f.Metadata, noteKey)
	names := rapid.SliceOfNDistinct(rapid.String(), 0, 6, rapid.ID).Draw(t, "names")
	for _, name := range names {
		shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
		n, _ := count(shape)
		bits := rapid.SliceOfN(rapid.Uint64(), n, n).Draw(t, "bits")
		var data any
		switch rapid.IntRange(0, 3).Draw(t, "dtype") {
		case 0:
			data = convert(bits, func(u uint64) int64 { return int64(u) })
		case 1:
			data = convert(bits, math.Float64frombits)
		case 2:
			data = convert(bits, func(u uint64) float32 { return math.Float32frombits(uint32(u)) })
		case 3:
			data = convert(bits, func(u uint64) uint8 { return uint8(u) })
		}
		if name != metadataKey {
			f.Tensors = append(f.Tensors, Tensor{Name: name, Shape: shape, Data: data})
		}
	}
	return f
}

func convert[T any](bits []uint64, to func(uint64) T) []T {
	v := make([]T, len(bits))
	for i, u := range bits {
		v[i] = to(u)
	}
	return v
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFile(t)
		var b bytes.Buffer
		if err := Encode(&b, f); err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(got, f); d != "" {
			t.Fatal(d)
		}
	})
}

// Bits that a conversion on the way would lose.
func TestRoundTripSpecialValues(t *testing.T) {
	f32 := []uint32{0x80000000, 0x7fc00001, 0xffc12345, 0x7f800001, 0x7f800000, 0xff800000, 1, 0x7f7fffff}
	f64 := []uint64{1 << 63, 0x7ff8000000000001, 0xfff8123456789abc, 0x7ff0000000000001, 0x7ff0000000000000, 1}
	a := make([]float32, len(f32))
	for i, u := range f32 {
		a[i] = math.Float32frombits(u)
	}
	f := &File{Tensors: []Tensor{
		{Name: "f32", Shape: []int{len(f32)}, Data: a},
		{Name: "f64", Shape: []int{len(f64)}, Data: convert(f64, math.Float64frombits)},
		{Name: "i64", Shape: []int{3}, Data: []int64{math.MinInt64, -1, math.MaxInt64}},
		{Name: "nil", Shape: []int{2, 0, 3}, Data: []float32(nil)},
		{Name: "", Shape: nil, Data: []uint8{7}},
	}}
	got, err := Decode(encoded(t, f))
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(got, f); d != "" {
		t.Error(d)
	}
}

// tenMB is a file of ten megabytes, most of them F32.
func tenMB() *File {
	return &File{Tensors: []Tensor{
		{Name: "a", Shape: []int{1000, 2000}, Data: make([]float32, 2_000_000)},
		{Name: "b", Shape: []int{250_000}, Data: make([]float64, 250_000)},
	}}
}

func BenchmarkEncode(b *testing.B) {
	f := tenMB()
	b.SetBytes(10_000_000)
	for b.Loop() {
		if err := Encode(io.Discard, f); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	file := encoded(b, tenMB())
	b.SetBytes(10_000_000)
	for b.Loop() {
		if _, err := Decode(file); err != nil {
			b.Fatal(err)
		}
	}
}
