package vae

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"govae/internal/names"
)

// Options are settings of registered parts or of an objective, by names of their own. The
// names that one reads are given where it is registered.
type Options map[string]string

// Get is the option of that name, or standard if it is not set.
func (o Options) Get(name, standard string) string {
	if v, ok := o[name]; ok {
		return v
	}
	return standard
}

// Number is the option of that name as a number from least to most, or standard if it is
// not set. The error says what it is instead.
func (o Options) Number(name string, standard, least, most float64) (float64, error) {
	text, ok := o[name]
	if !ok {
		return standard, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= least && v <= most) {
		return 0, fmt.Errorf("option %s is %q, want a number from %v to %v", name, text, least, most)
	}
	return v, nil
}

// only returns an error that names the first option, in alphabetical order, that is not a
// known one.
func (o Options) only(of string, known ...string) error {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		switch near, ok := names.Nearest(name, known); {
		case slices.Contains(known, name):
		case ok && len(known) == 1:
			return fmt.Errorf("unknown option %q of %s, did you mean %s?", name, of, near)
		case len(known) == 0:
			return fmt.Errorf("option %q, where none goes with %s", name, of)
		case ok:
			return fmt.Errorf("unknown option %q of %s, did you mean %s?: choose %s", name, of, near, names.List(known))
		default:
			return fmt.Errorf("unknown option %q of %s: choose %s", name, of, names.List(known))
		}
	}
	return nil
}
