package vae

import "govae/klreg"

// As is the bound of another objective with the numbers and the name of this one, which adds to
// it. If there is no such name, its methods return the error of Bound.
func (o Objective) As(name string) Bound {
	b, err := o.bound(name)
	if err != nil {
		return noBound{err}
	}
	return b
}

type noBound struct{ err error }

// Check implements Bound.
func (n noBound) Check(*Model, klreg.Weight) error { return n.err }

// Loss implements Bound.
func (n noBound) Loss(*Pass) (LossNodes, error) { return LossNodes{}, n.err }
