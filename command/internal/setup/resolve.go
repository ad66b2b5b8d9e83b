package setup

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"govae/command/internal/cli"
	"govae/internal/names"
	"govae/mnist"
	"govae/nn"
	"govae/optim"
	"govae/train"
	"govae/vae"
)

// sigma is where a flag that nothing reads yet stands.
const sigma = 0.3

// Initial is what a preset says, and the defaults of what it does not. An unknown preset is
// bad usage.
func Initial(preset string) (s Setup, err error) {
	s.Preset = preset
	if s.Model, s.Train, err = train.Preset(preset); err != nil {
		return s, cli.Usage(err)
	}
	s.Train.Optimizer = cmp.Or(s.Train.Optimizer, optim.Default)
	s.Train.Objective = s.Train.Objective.Whole()
	s.Model.Sigma = sigma
	s.Train.Ramp, s.Train.Gamma = 0.5, 1000 // Fu et al. 2019; Burgess et al. 2018
	return s, nil
}

// Start makes s what the command line says: its flags on top of start, which is that of the
// preset, or on top of the settings in a file. given are the flags that Parse has found.
func (s *Setup) Start(f *cli.Flags, given map[string]string, start Setup) error {
	start.k = s.k
	if config := s.Config; config != "" {
		if _, ok := given["preset"]; ok {
			return cli.Usagef("%s: -preset %s and -config %s: want one of them", f.Name(), s.Preset, config)
		}
		settings, err := train.ReadConfig(config)
		if err != nil {
			return err
		}
		if start, err = start.Of(settings, config); err != nil {
			return err
		}
	}
	*s = start
	f.Again(given)
	s.Model.Seed = s.Train.Seed
	return nil
}

// Of is s with the settings of a run, which are in that file. Those that no flag showed are
// as in s.
func (s Setup) Of(run train.Settings, file string) (Setup, error) {
	if unknown := missing(run.Model, run.Train); len(unknown) > 0 {
		return s, fmt.Errorf("train: %s: nothing here is registered as its %s: a program that imports the package which registers it can go on",
			filepath.Clean(file), strings.Join(unknown, ", nor as its "))
	}
	was := s
	s.Model, s.Train = run.Model, run.Train
	s.Model.Sigma, s.Train.Ramp, s.Train.Gamma = cmp.Or(s.Model.Sigma, was.Model.Sigma), cmp.Or(s.Train.Ramp, was.Train.Ramp), cmp.Or(s.Train.Gamma, was.Train.Gamma)
	s.Train.Objective, s.Train.Optimizer, s.Train.Out = s.Train.Objective.Whole(), cmp.Or(s.Train.Optimizer, optim.Default), was.Train.Out
	s.Train.CheckpointEvery, s.Train.Keep = was.Train.CheckpointEvery, was.Train.Keep
	s.options = options{values: vae.Options{}}
	for _, of := range []vae.Options{s.Model.Options, s.Train.Objective.Options} {
		for name, value := range of {
			s.options.values[name] = value
		}
	}
	return s, nil
}

// Missing names the parts of a model that nothing here is registered as: encoder "conv".
func Missing(m vae.Config) []string {
	m, parts := m.Whole(), vae.Registered()
	return without([]part{
		{"encoder", m.Encoder, parts.Encoders},
		{"decoder", m.Decoder, parts.Decoders},
		{"posterior", m.Posterior, parts.Posteriors},
		{"likelihood", m.Likelihood, parts.Likelihoods},
		{"prior", m.Prior, parts.Priors},
		{"activation", m.Activation, nn.Activations()},
		{"init", m.Init, nn.Inits()},
	})
}

// missing is Missing of a model and of its training.
func missing(m vae.Config, t train.Config) []string {
	return append(Missing(m), without([]part{
		{"objective", t.Objective.Whole().Name, vae.Objectives()},
		{"optimizer", cmp.Or(t.Optimizer, optim.Default), optim.Names()},
		{"schedule", t.Schedule, optim.Schedules()},
	})...)
}

// part is a part of some kind, and the names that are known of that kind.
type part struct {
	kind, name string
	known      []string
}

// without are the parts that are not known.
func without(parts []part) (unknown []string) {
	for _, p := range parts {
		if !slices.Contains(p.known, p.name) {
			unknown = append(unknown, fmt.Sprintf("%s %q", p.kind, p.name))
		}
	}
	return unknown
}

// Settled is s without the values that nothing reads, and with each option where it belongs.
func (s Setup) Settled() Setup {
	usesSigma, usesComponents := s.Model.Uses()
	if !usesSigma {
		s.Model.Sigma = 0
	}
	if !usesComponents {
		s.Model.Components = 0
	}
	if s.Train.Cycles == 0 {
		s.Train.Ramp = 0
	}
	if s.Train.Capacity == 0 {
		s.Train.Gamma = 0
	}
	s.part()
	s.options = options{}
	return s
}

// Result is all of s that the result of a run depends on, with all names written out.
func (s Setup) Result() Setup {
	s = s.Settled()
	s.Model = s.Model.Whole()
	s.Preset, s.Config, s.k, s.Train.Out, s.Train.AnyMachine = "", "", "", "", false
	s.Train.CheckpointEvery, s.Train.Keep = train.Every{}, 0
	return s
}

// Resolve settles s. What does not go together is bad usage, and so is a flag among those
// given whose value nothing reads.
func (s *Setup) Resolve(f *cli.Flags, given map[string]string) error {
	if err := s.unused(f, given); err != nil {
		return err
	}
	*s = s.Settled()
	if k, m := s.Train.Objective.K, s.Train.Objective.M; k < 1 || m < 1 {
		return cli.Usagef("%s: %s is %d and m is %d, want at least 1", f.Name(), s.k, k, m)
	}
	if err := s.unknownOption(); err != nil {
		return cli.Usagef("%s: %w", f.Name(), err)
	}
	if err := s.Train.Validate(); err != nil {
		return f.Error(err)
	}
	if err := s.Model.Validate(); err != nil {
		return f.Error(err)
	}
	if domain, err := s.Model.Domain(); err != nil {
		return cli.Usage(err)
	} else if !domain.Binarised() && s.Train.Binarize != mnist.None {
		return cli.Usagef("%s: a %s likelihood is of grey pixels: it goes with -binarize none, not %s", f.Name(), s.Model.Likelihood, s.Train.Binarize)
	}
	return nil
}

// unused returns an error if a flag was given whose value nothing reads.
func (s *Setup) unused(f *cli.Flags, given map[string]string) error {
	usesSigma, usesComponents := s.Model.Uses()
	likelihoods, priors := users()
	for _, fl := range []struct {
		name string
		off  bool
		want string
	}{
		{"sigma", !usesSigma, "-likelihood " + names.List(likelihoods)},
		{"components", !usesComponents && s.Model.Components != 0, "-prior " + names.List(priors)},
		{"ramp", s.Train.Cycles == 0, "-cycles"},
		{"capacity-epochs", s.Train.Capacity == 0, "-capacity"},
		{"gamma", s.Train.Capacity == 0, "-capacity"},
		{"schedule-steps", s.Train.ScheduleSteps && (s.Train.WarmupK == 0 || !optim.UsesLength(s.Train.Schedule)), "-warmup-k and a -schedule that falls"},
	} {
		if text, ok := given[fl.name]; ok && fl.off {
			return cli.Usagef("%s: -%s %s without %s", f.Name(), fl.name, text, fl.want)
		}
	}
	return nil
}

// users lists the likelihoods that read sigma, and the priors that read components.
func users() (likelihoods, priors []string) {
	parts := vae.Registered()
	for _, name := range parts.Likelihoods {
		if uses, _ := (vae.Config{Likelihood: name}).Uses(); uses {
			likelihoods = append(likelihoods, name)
		}
	}
	for _, name := range parts.Priors {
		if _, uses := (vae.Config{Prior: name}).Uses(); uses {
			priors = append(priors, name)
		}
	}
	return likelihoods, priors
}
