package nn

import (
	"fmt"

	"gorgonia.org/tensor"
)

// CheckParams returns an error unless the parameters can be trained and saved: each is there,
// float32 or float64, has at least one number and one dimension, and names that divide its
// first dimension; and no name is used twice, also not by one parameter that stands in the
// list twice.
func CheckParams(params []*Param) error {
	names := map[string]bool{}
	for i, p := range params {
		if p == nil || p.Value == nil || len(p.Names) == 0 {
			return fmt.Errorf("nn: parameter %d of %d: want one with a name and a value", i+1, len(params))
		}
		switch dt, s := p.Value.Dtype(), p.Value.Shape(); {
		case dt != tensor.Float32 && dt != tensor.Float64:
			return fmt.Errorf("nn: parameter %s of %v, want float32 or float64", p.Names[0], dt)
		case s.Dims() == 0 || s.TotalSize() < 1:
			return fmt.Errorf("nn: parameter %s of shape %v, want at least one dimension and one number", p.Names[0], s)
		case s[0]%len(p.Names) != 0:
			return fmt.Errorf("nn: parameter %q of shape %v: its %d names do not part it into equal rows", p.Names, s, len(p.Names))
		}
		for _, n := range p.Names {
			if n == "" || names[n] {
				return fmt.Errorf("nn: two parameters named %q, or one without a name", n)
			}
			names[n] = true
		}
	}
	return nil
}
