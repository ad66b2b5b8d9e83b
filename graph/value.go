package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Slice32 gives the numbers of a value of float32 without copying them. It is an error if
// the value is of another type, or a view whose numbers do not lie row by row.
func Slice32(v G.Value) ([]float32, error) {
	switch v := v.(type) {
	case *G.F32:
		return []float32{float32(*v)}, nil
	case *tensor.Dense:
		if err := byRows(v); err != nil {
			return nil, err
		}
		if d, ok := v.Data().([]float32); ok {
			return d, nil
		}
		if d, ok := v.Data().(float32); ok {
			return []float32{d}, nil
		}
	}
	return nil, fmt.Errorf("graph: a value of %T, want float32", v)
}

// Slice64 is Slice32 for a value of float64.
func Slice64(v G.Value) ([]float64, error) {
	switch v := v.(type) {
	case *G.F64:
		return []float64{float64(*v)}, nil
	case *tensor.Dense:
		if err := byRows(v); err != nil {
			return nil, err
		}
		if d, ok := v.Data().([]float64); ok {
			return d, nil
		}
		if d, ok := v.Data().(float64); ok {
			return []float64{d}, nil
		}
	}
	return nil, fmt.Errorf("graph: a value of %T, want float64", v)
}

// byRows refuses a tensor whose numbers do not lie row by row in memory, such as
// a column of a matrix.
func byRows(v *tensor.Dense) error {
	if v.RequiresIterator() || v.DataOrder().IsColMajor() {
		return fmt.Errorf("graph: a view of a tensor, want its numbers row by row")
	}
	return nil
}
