package graph

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Load writes rows of float32 into the buffer of the next batch of an input, of either
// precision, from the given row on. It is an error if they do not fit.
func (p *Program) Load(name string, row int, src []float32) error {
	t, err := p.buffer(name)
	if err != nil {
		return err
	}
	shape := t.Shape()
	if row < 0 || shape.Dims() == 0 || len(src) > (shape[0]-row)*(shape.TotalSize()/shape[0]) {
		return fmt.Errorf("graph: %d numbers from row %d of input %s on, whose shape is %v", len(src), row, name, shape)
	}
	load(t, row, src)
	return nil
}

// load copies rows into a tensor [B,…], from the given row on.
func load(dst *tensor.Dense, row int, src []float32) {
	at := row * (dst.Shape().TotalSize() / dst.Shape()[0])
	switch d := dst.Data().(type) {
	case []float32:
		copy(d[at:], src)
	case []float64:
		for i, v := range src {
			d[at+i] = float64(v)
		}
	}
}
