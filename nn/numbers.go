package nn

// data are the numbers, nil for none, where tensor.Dense.Data would panic.
func (p *Param) data() any {
	if p.Value.Shape().TotalSize() == 0 {
		return nil
	}
	return p.Value.Data()
}

// Numbers copies the parameter's numbers as float64, row by row.
func (p *Param) Numbers() []float64 {
	v := make([]float64, p.Value.Shape().TotalSize())
	switch d := p.data().(type) {
	case []float32:
		for i, x := range d {
			v[i] = float64(x)
		}
	case []float64:
		copy(v, d)
	}
	return v
}

// Fill sets all numbers of the parameter, one after another, rounded to float32 in either
// precision, so that models of both start from the same weights.
func (p *Param) Fill(f func() float64) {
	switch d := p.data().(type) {
	case []float32:
		for i := range d {
			d[i] = float32(f())
		}
	case []float64:
		for i := range d {
			d[i] = float64(float32(f()))
		}
	}
}
