package dist

import (
	"fmt"
	"math"

	"govae/internal/simd"
)

// Domain says what the numbers that a distribution is of may be.
type Domain uint8

const (
	Real   Domain = iota // any finite number
	Binary               // 0 or 1; in between, a number is taken for the probability of 1
	Unit                 // from 0 to 1
	Grey                 // one of 256 levels, the multiples of 1/255 from 0 to 1
	Counts               // whole numbers from 0 on
	OneHot               // 0 or 1, of which one in each group of a row's numbers is 1
)

var domains = []struct {
	name, want string
	ok         func(v float64) bool
}{
	Real:   {"real numbers", "a finite number", finite},
	Binary: {"bits", "0 to 1", unit},
	Unit:   {"numbers from 0 to 1", "0 to 1", unit},
	Grey: {"grey levels", "a multiple of 1/255 from 0 to 1", func(v float64) bool { // up to the rounding of float32
		return unit(v) && math.Abs(255*v-math.Round(255*v)) < 1e-4
	}},
	Counts: {"counts", "a whole number of at least 0", func(v float64) bool { return v >= 0 && finite(v) && v == math.Trunc(v) }},
	OneHot: {"one-hot rows", "0 or 1", func(v float64) bool { return v == 0 || v == 1 }},
}

// String says what is wanted.
func (d Domain) String() string { return domains[d].want }

// Binarised reports whether pixels that were made 0 or 1 (mnist.Binarization) are what a
// likelihood of the domain is of: bits and counts are. The other domains take grey pixels.
func (d Domain) Binarised() bool { return d == Binary || d == Counts }

// Check returns an error that names the first number outside the domain.
func (d Domain) Check(x []float32) error {
	if d.plainly(x) {
		return nil
	}
	ok := domains[d].ok
	for j, v := range x {
		if !ok(float64(v)) {
			return fmt.Errorf("pixel %d is %v, want %s", j, v, d)
		}
	}
	return nil
}

// plainly reports whether all numbers are of the domain, where a look at their bits tells.
// For other domains, and for −0, it may report false.
func (d Domain) plainly(x []float32) bool {
	switch d {
	case Binary, Unit:
		return simd.Within(x, 1, false)
	case Real:
		return simd.Within(x, math.MaxFloat32, true)
	}
	return false
}

// Check returns an error that names the family, and the first number of rows x outside its
// domain, or what else its method CheckRows refuses (see Family).
func Check(f Family, x []float32) error {
	err := f.Domain().Check(x)
	if c, ok := f.(interface{ CheckRows(x []float32) error }); ok && err == nil {
		err = c.CheckRows(x)
	}
	if err != nil {
		return fmt.Errorf("dist: %s likelihood: %w", f.Name(), err)
	}
	return nil
}

// Comparable returns an error if codes of a posterior can't be compared with a prior: one
// has densities and the other one probabilities, or they are of other numbers. A prior says
// what it is of by a method Domain, as a Family does; without one it is of real numbers.
func Comparable(posterior Family, prior Prior) error {
	q, p := posterior.Domain(), Real
	if says, ok := prior.(interface{ Domain() Domain }); ok {
		p = says.Domain()
	}
	if q == p || q == Unit && p == Real {
		return nil
	}
	return fmt.Errorf("the %s posterior is of %s and the %s prior of %s, which can't be compared: choose two of the same (a prior of other than real numbers has a method Domain)",
		posterior.Name(), domains[q].name, prior.Name(), domains[p].name)
}

func unit(v float64) bool   { return v >= 0 && v <= 1 }
func finite(v float64) bool { return v-v == 0 }
