package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// dtype is a type of tensor element.
type dtype struct {
	name string // as in the header
	size int    // bytes
}

// dtypes lists what this package holds, in the order in which tensors are laid
// out. Sizes never grow, so each tensor begins at a multiple of its own size.
var dtypes = []dtype{{"I64", 8}, {"F64", 8}, {"F32", 4}, {"U8", 1}}

// empty are the Data of tensors by their dtype's name, without values.
var empty = map[string]any{"I64": []int64{}, "F64": []float64{}, "F32": []float32{}, "U8": []uint8{}}

// dtypeOf returns the dtype of a slice and its length. For data of any other
// type the dtype has size 0 and is named for the Go type.
func dtypeOf(data any) (d dtype, n int) {
	switch v := data.(type) {
	case []int64:
		return dtypes[0], len(v)
	case []float64:
		return dtypes[1], len(v)
	case []float32:
		return dtypes[2], len(v)
	case []uint8:
		return dtypes[3], len(v)
	}
	return dtype{name: fmt.Sprintf("%T", data)}, 0
}

// maxRank is the most dimensions a tensor may have: more than those of any model. It keeps
// a header of many short numbers from asking for much memory.
const maxRank = 8

// count returns the number of elements of a shape. A negative size, too many
// dimensions and a product beyond the range of int are errors.
func count(shape []int) (int, error) {
	if len(shape) > maxRank {
		return 0, fmt.Errorf("%d dimensions, at most %d are allowed", len(shape), maxRank)
	}
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape %v has a negative size", shape)
		}
		if d > 0 && n > math.MaxInt/d {
			return 0, fmt.Errorf("shape %v is too large", shape)
		}
		n *= d
	}
	return n, nil
}

// appendValues appends the little-endian bytes of data, which is of one of the
// types that dtypeOf knows, to b.
func appendValues(b []byte, data any) []byte {
	switch v := data.(type) {
	case []int64:
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		}
	case []float64:
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
	case []float32:
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	case []uint8:
		b = append(b, v...)
	}
	return b
}

// readValues is the inverse of appendValues: n values of dtype d from r. It reads through
// buf, whose size is a multiple of 8.
func readValues(r io.Reader, d dtype, n int, buf []byte) (any, error) {
	switch d.name {
	case "I64":
		return fill(r, make([]int64, n), d.size, buf)
	case "F64":
		return fill(r, make([]float64, n), d.size, buf)
	case "F32":
		return fill(r, make([]float32, n), d.size, buf)
	default: // U8
		return fill(r, make([]uint8, n), d.size, buf)
	}
}

// fill sets v, whose elements take size bytes each.
func fill[T any](r io.Reader, v []T, size int, buf []byte) ([]T, error) {
	for rest := v; len(rest) > 0; {
		n := min(len(rest), len(buf)/size)
		if _, err := io.ReadFull(r, buf[:n*size]); err != nil {
			return nil, err
		}
		if _, err := binary.Decode(buf[:n*size], binary.LittleEndian, rest[:n]); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	return v, nil
}
