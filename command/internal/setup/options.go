package setup

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"govae/internal/names"
	"govae/vae"
)

// options is the flag of the options of parts and of the objective: NAME=VALUE, with commas
// between them. A flag that is there twice adds to the first one.
type options struct {
	values vae.Options
	given  bool // by a flag
}

// String implements flag.Value.
func (o *options) String() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(o.values)) {
		words = append(words, name+"="+o.values[name])
	}
	return strings.Join(words, ",")
}

// Set implements flag.Value.
func (o *options) Set(text string) error {
	values := vae.Options{}
	if o.given {
		maps.Copy(values, o.values)
	}
	for _, word := range strings.Split(text, ",") {
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(word, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return fmt.Errorf("%q: want NAME=VALUE, such as channels=16", word)
		}
		if other, twice := values[name]; twice {
			return fmt.Errorf("%s is %s and %s, want one of them", name, other, value)
		}
		values[name] = value
	}
	o.values, o.given = values, true
	return nil
}

// part gives each option to what reads it: the objective, the model's parts, or both. One
// that nobody reads is left to the model, whose Validate refuses it.
func (s *Setup) part() {
	s.Model.Options, s.Train.Objective.Options = nil, nil
	objective, model := s.Train.Objective.OptionNames(), s.Model.OptionNames()
	for name, value := range s.options.values {
		ofObjective := slices.Contains(objective, name)
		if ofObjective {
			add(&s.Train.Objective.Options, name, value)
		}
		if !ofObjective || slices.Contains(model, name) {
			add(&s.Model.Options, name, value)
		}
	}
}

func add(o *vae.Options, name, value string) {
	if *o == nil {
		*o = vae.Options{}
	}
	(*o)[name] = value
}

// unknownOption is the error of the first option, in alphabetical order, that neither the
// objective nor the model's parts read. If a part is not known, or registered
// wrongly, that is the error to give.
func (s *Setup) unknownOption() error {
	if len(missing(s.Model, s.Train)) > 0 {
		return nil
	}
	if _, err := s.Train.Objective.Bound(); err != nil {
		return nil
	}
	known := slices.Concat(s.Train.Objective.OptionNames(), s.Model.OptionNames())
	slices.Sort(known)
	for _, name := range slices.Sorted(maps.Keys(s.Model.Options)) {
		if slices.Contains(known, name) {
			continue
		}
		choose := ": choose " + names.List(known)
		if near, ok := names.Nearest(name, known); ok && len(known) == 1 {
			choose = fmt.Sprintf(", did you mean %s?", near)
		} else if ok {
			choose = fmt.Sprintf(", did you mean %s?%s", near, choose)
		}
		if len(known) == 0 {
			return fmt.Errorf("-option %s=%s, where neither the model's parts nor objective %s have options", name, s.Model.Options[name], s.Train.Objective.Whole().Name)
		}
		return fmt.Errorf("-option %s=%s: no part of the model and no objective here has it%s", name, s.Model.Options[name], choose)
	}
	return nil
}

// optionHelp lists the options that are registered, with what reads them.
func optionHelp() string {
	owners := map[string][]string{}
	parts := vae.Registered()
	for _, kind := range []struct {
		kind  string
		names []string
		set   func(c *vae.Config, name string)
	}{
		{"encoder", parts.Encoders, func(c *vae.Config, n string) { c.Encoder = n }},
		{"decoder", parts.Decoders, func(c *vae.Config, n string) { c.Decoder = n }},
		{"posterior", parts.Posteriors, func(c *vae.Config, n string) { c.Posterior = n }},
		{"likelihood", parts.Likelihoods, func(c *vae.Config, n string) { c.Likelihood = n }},
		{"prior", parts.Priors, func(c *vae.Config, n string) { c.Prior = n }},
	} {
		for _, name := range kind.names {
			c := vae.DefaultConfig()
			kind.set(&c, name)
			for _, option := range c.OptionNames() {
				owners[option] = append(owners[option], kind.kind+" "+name)
			}
		}
	}
	for _, name := range parts.Objectives {
		for _, option := range (vae.Objective{Name: name}).OptionNames() {
			owners[option] = append(owners[option], "objective "+name)
		}
	}
	if len(owners) == 0 {
		return "none is registered here"
	}
	var list []string
	for _, option := range slices.Sorted(maps.Keys(owners)) {
		list = append(list, fmt.Sprintf("%s (%s)", option, strings.Join(owners[option], ", ")))
	}
	return strings.Join(list, ", ")
}
