package figure

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteNPY writes data as an array of the given shape in NumPy's .npy format,
// version 1.0, which numpy.load reads: little-endian float32 ('<f4') in C order,
// the last index varying fastest. Every dimension must be at least 1 and their
// product must be len(data).
//
// Format: numpy.lib.format,
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
func WriteNPY(w io.Writer, data []float32, shape ...int) error {
	if err := checkShape(len(data), shape); err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	b.Write(npyHeader(shape)) // a bufio.Writer keeps its first error for Flush
	var word [4]byte
	for _, v := range data {
		binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
		b.Write(word[:])
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("figure: npy: %w", err)
	}
	return nil
}

// checkShape reports whether shape holds exactly n values.
func checkShape(n int, shape []int) error {
	const most = 32 // dimensions an array has in any version of NumPy
	if len(shape) == 0 || len(shape) > most {
		return fmt.Errorf("figure: npy: %d dimensions: want 1 to %d", len(shape), most)
	}
	rest := n
	for _, d := range shape {
		if d <= 0 {
			return fmt.Errorf("figure: npy: shape %v: dimension %d is not positive", shape, d)
		}
		if rest%d != 0 {
			return fmt.Errorf("figure: npy: shape %v does not hold %d values", shape, n)
		}
		rest /= d
	}
	if rest != 1 {
		return fmt.Errorf("figure: npy: shape %v does not hold %d values", shape, n)
	}
	return nil
}

// npyHeader returns everything before the data:
//
//	\x93NUMPY  1 0  length (uint16)  {'descr': …, 'shape': (…), }  spaces  \n
//
// padded so that the data starts at a multiple of 64 bytes.
func npyHeader(shape []int) []byte {
	const align = 64
	var dims strings.Builder
	for i, d := range shape {
		if i > 0 {
			dims.WriteByte(' ')
		}
		fmt.Fprintf(&dims, "%d,", d)
	}
	tuple := dims.String()
	if len(shape) > 1 { // Python writes (2, 3) but (6,)
		tuple = strings.TrimSuffix(tuple, ",")
	}
	dict := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", tuple)

	h := []byte("\x93NUMPY\x01\x00")
	used := len(h) + 2 + len(dict) + 1
	pad := (align - used%align) % align
	h = binary.LittleEndian.AppendUint16(h, uint16(len(dict)+pad+1))
	h = append(h, dict...)
	h = append(h, strings.Repeat(" ", pad)...)
	return append(h, '\n')
}
