package vae

import (
	"cmp"
	"slices"
)

// Whole returns the configuration with the names of its parts written out: an empty encoder
// or decoder is mlp, an empty posterior normal, and an empty prior standard.
func (c Config) Whole() Config {
	c.Encoder, c.Decoder = cmp.Or(c.Encoder, mlp), cmp.Or(c.Decoder, mlp)
	c.Posterior, c.Prior = cmp.Or(c.Posterior, normal), cmp.Or(c.Prior, standard)
	return c
}

// OptionNames lists, in alphabetical order, what Options may hold: the names that the parts
// which c names were registered with. It is nil if one of the parts is not known.
func (c Config) OptionNames() []string {
	k, err := c.known()
	if err != nil {
		return nil
	}
	return k.options()
}

// OptionNames lists, in alphabetical order, what Options may hold: the names that the
// objective was registered with. It is nil if the objective is not known.
func (o Objective) OptionNames() []string {
	known, err := objectives.Get(o.Whole().Name)
	if err != nil {
		return nil
	}
	return sorted(known.options)
}

// sorted are all names of some lists, each once.
func sorted(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// ConfigKey is where the metadata of a model file hold the Config, as JSON.
const ConfigKey = configKey
