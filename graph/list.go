package graph

import (
	"fmt"
	"strings"
)

// Inputs lists the inputs, in the order in which they were added.
func (p *Program) Inputs() []Input {
	list := make([]Input, len(p.inputs))
	for i, in := range p.inputs {
		list[i] = in.Input
	}
	return list
}

// Scalars lists the names of the scalars.
func (p *Program) Scalars() []string {
	names := make([]string, len(p.scalars))
	for i, s := range p.scalars {
		names[i] = s.name
	}
	return names
}

// Outputs lists the names of the outputs, in the order in which they were added.
func (p *Program) Outputs() []string {
	names := make([]string, len(p.outputs))
	for i, o := range p.outputs {
		names[i] = o.name
	}
	return names
}

// IsScalar reports whether there is an output of that name that is one number.
func (p *Program) IsScalar(name string) bool {
	for _, o := range p.outputs {
		if o.name == name {
			return o.node.IsScalar()
		}
	}
	return false
}

// unknown says which names there are.
func unknown(kind, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("graph: no %s named %q: there is none", kind, name)
	}
	return fmt.Errorf("graph: no %s named %q, but %s", kind, name, strings.Join(known, ", "))
}
