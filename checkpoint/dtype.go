package checkpoint

import (
	"encoding/binary"
	"fmt"
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

// maxRank is the most dimensions a tensor may have. No library has tensors of
// more; the limit keeps a damaged header from asking for much memory.
const maxRank = 64

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

// parseValues is the inverse of appendValues: the values of dtype d in b, in
// memory of their own.
func parseValues(d dtype, b []byte) any {
	n := len(b) / d.size
	switch d.name {
	case "I64":
		v := make([]int64, n)
		for i := range v {
			v[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
		}
		return v
	case "F64":
		v := make([]float64, n)
		for i := range v {
			v[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
		}
		return v
	case "F32":
		v := make([]float32, n)
		for i := range v {
			v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
		return v
	default: // U8
		v := make([]uint8, n)
		copy(v, b)
		return v
	}
}
