package figure

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

// TestWriteNPY holds the whole file to bytes written out by hand from the format
// description: magic, version 1.0, header length 118 = 0x76 little-endian, the
// dictionary padded with spaces to byte 127, a newline, then '<f4' data.
func TestWriteNPY(t *testing.T) {
	data := []float32{1, -2, 0.5, 0, float32(math.Inf(1)), 3}
	body := "\x00\x00\x80\x3f" + "\x00\x00\x00\xc0" + "\x00\x00\x00\x3f" + "\x00\x00\x00\x00" + "\x00\x00\x80\x7f" + "\x00\x00\x40\x40"
	for _, tt := range []struct {
		shape []int
		tuple string
	}{
		{[]int{6}, "(6,)"},
		{[]int{2, 3}, "(2, 3)"},
		{[]int{1, 3, 2}, "(1, 3, 2)"},
	} {
		var b bytes.Buffer
		if err := WriteNPY(&b, data, tt.shape...); err != nil {
			t.Fatal(err)
		}
		dict := "{'descr': '<f4', 'fortran_order': False, 'shape': " + tt.tuple + ", }"
		want := "\x93NUMPY\x01\x00\x76\x00" + dict + strings.Repeat(" ", 117-len(dict)) + "\n" + body
		if b.String() != want {
			t.Errorf("shape %v:\ngot  %q\nwant %q", tt.shape, b.String(), want)
		}
	}
}

// TestNPYHeaderIsAligned tries header lengths around the multiples of 64.
func TestNPYHeaderIsAligned(t *testing.T) {
	var shape []int
	for range 32 {
		shape = append(shape, 10)
		h := npyHeader(shape)
		if len(h)%64 != 0 || h[len(h)-1] != '\n' {
			t.Errorf("%d dimensions: header of %d bytes ends in %q", len(shape), len(h), h[len(h)-1])
		}
		if n := int(h[8]) + int(h[9])<<8; n != len(h)-10 {
			t.Errorf("%d dimensions: header says %d bytes, has %d", len(shape), n, len(h)-10)
		}
	}
}

func TestWriteNPYErrors(t *testing.T) {
	for _, tt := range []struct {
		n     int
		shape []int
		want  string
	}{
		{1, nil, "figure: npy: 0 dimensions: want 1 to 32"},
		{1, make([]int, 33), "figure: npy: 33 dimensions: want 1 to 32"},
		{6, []int{2, 0}, "figure: npy: shape [2 0]: dimension 0 is not positive"},
		{6, []int{-2, -3}, "figure: npy: shape [-2 -3]: dimension -2 is not positive"},
		{6, []int{2, 2}, "figure: npy: shape [2 2] does not hold 6 values"},
		{6, []int{3}, "figure: npy: shape [3] does not hold 6 values"},
		{0, []int{3}, "figure: npy: shape [3] does not hold 0 values"},
		{6, []int{1 << 62, 4, 6}, "figure: npy: shape [4611686018427387904 4 6] does not hold 6 values"},
	} {
		var b bytes.Buffer
		err := WriteNPY(&b, make([]float32, tt.n), tt.shape...)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%d values, shape %v: error %q, want %q", tt.n, tt.shape, err, tt.want)
		}
		if b.Len() != 0 {
			t.Errorf("%d values, shape %v: wrote %d bytes before the error", tt.n, tt.shape, b.Len())
		}
	}
}

var errFull = errors.New("disk full")

// fullDisk fails every write.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrorsAreReported(t *testing.T) {
	one := []float64{1}
	for name, err := range map[string]error{
		"npy":     WriteNPY(fullDisk{}, []float32{1}, 1),
		"curves":  Curves(fullDisk{}, "", Panel{Curves: []Curve{{X: one, Y: one}}}),
		"scatter": Scatter(fullDisk{}, "", "", "", one, one, []uint8{0}),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: error %v, want %v", name, err, errFull)
		}
	}
}
