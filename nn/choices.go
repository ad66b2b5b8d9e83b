package nn

import (
	"fmt"
	"slices"

	"govae/internal/names"
)

// choices are things by their names. Those that come with the package are listed first, in
// the order in which they were added. The others follow, sorted.
type choices[T any] struct {
	names.Registry[T]
	first []string
}

func (c *choices[T]) builtin(name string, thing T) {
	c.first = append(c.first, name)
	c.Register(name, thing)
}

func (c *choices[T]) all() []string {
	all := slices.Clone(c.first)
	for _, name := range c.Names() {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// find is Get with an error that lists the names as all does.
func (c *choices[T]) find(name string) (T, error) {
	thing, err := c.Get(name)
	all := c.all()
	if err == nil || slices.Contains(all, name) { // the second is a name registered twice
		return thing, err
	}
	near := ""
	if n, ok := names.Nearest(name, all); ok {
		near = fmt.Sprintf(", did you mean %s?", n)
	}
	return thing, fmt.Errorf("unknown %s %q%s: choose %s", c.Kind, name, near, names.List(all))
}
