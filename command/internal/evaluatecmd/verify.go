package evaluatecmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"govae/checkpoint"
	"govae/command/internal/cli"
	"govae/command/internal/setup"
	"govae/optim"
	"govae/train"
	"govae/vae"
)

// verify says what a model or state file is. It returns an error unless the file is whole:
// of the format, as its checksum says, of finite numbers, and with the tensors of the model
// that it describes.
func verify(w io.Writer, path string) error {
	f, err := checkpoint.Read(path)
	if err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	sum, err := checkpoint.Sum(path)
	if err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	about, err := train.ReadAbout(f)
	if err != nil {
		return fmt.Errorf("evaluate: %s: %w", path, err)
	}
	if err := allFinite(f); err != nil {
		return fmt.Errorf("evaluate: %s: %w", path, err)
	}
	weights := &checkpoint.File{Metadata: f.Metadata, Tensors: weightsOf(f)}
	lines, err := model(weights)
	if err != nil {
		return fmt.Errorf("evaluate: %s: %w", path, err)
	}
	what := "a model"
	if about.State {
		what = "a training state, with its model"
	}
	if sum == "" {
		sum = "none in the file: whether its numbers are those once written is not known"
	} else {
		sum = "it holds: sha256 " + sum
	}
	lines = append([]string{"file", fmt.Sprintf("%s: %s", path, what), "checksum", sum}, lines...)
	lines = append(lines, "parameters", fmt.Sprintf("%d numbers in %d tensors", numbers(weights.Tensors), len(weights.Tensors)))
	if more := len(f.Tensors) - len(weights.Tensors); more > 0 {
		lines = append(lines, "moments", fmt.Sprintf("%d numbers in %d tensors", numbers(f.Tensors)-numbers(weights.Tensors), more))
	}
	if about.Step >= 0 {
		lines = append(lines, "step", fmt.Sprint(about.Step))
	}
	if about.Machine != "" {
		lines = append(lines, "machine", about.Machine)
	}
	lines = append(lines, run(f, about)...)
	if len(about.Unknown) > 0 {
		lines = append(lines, "unknown", "metadata of another program: "+strings.Join(about.Unknown, ", "))
	}
	lines = append(lines, "whole", "yes")
	out := cli.NewOutput(w)
	for i := 0; i < len(lines); i += 2 {
		fmt.Fprintf(out, "%-11s %s\n", lines[i], lines[i+1])
	}
	return out.Err("evaluate", path+" is whole")
}

// model describes the model in a file, in lines of a word and what it is. If its parts are
// registered, its tensors must be those of the model.
func model(f *checkpoint.File) ([]string, error) {
	text, ok := f.Metadata[vae.ConfigKey]
	if !ok {
		return []string{"model", "of no variational autoencoder of govae: its tensors are not compared"}, nil
	}
	var c vae.Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return nil, fmt.Errorf("its metadata %q: %w", vae.ConfigKey, err)
	}
	c = c.Whole()
	sizes := fmt.Sprintf("%d×%d", c.Rows, c.Cols)
	for _, h := range c.Hidden {
		sizes += fmt.Sprintf("-%d", h)
	}
	sizes += fmt.Sprintf("-%d", c.Latent)
	for _, a := range c.Above {
		sizes += fmt.Sprintf(", above it %d", a.Latent)
	}
	if c.Flow > 0 {
		sizes += fmt.Sprintf(", flow of %d", c.Flow)
	}
	if c.Labels > 0 {
		sizes += fmt.Sprintf(", labels 0 to %d", c.Labels-1)
	}
	lines := []string{"model", sizes, "parts", fmt.Sprintf("encoder %s, posterior %s, decoder %s, likelihood %s, prior %s", c.Encoder, c.Posterior, c.Decoder, c.Likelihood, c.Prior)}
	if unknown := setup.Missing(c); len(unknown) > 0 {
		return append(lines, "note", "its tensors are not compared with its parts, for nothing here is registered as its "+strings.Join(unknown, ", nor as its ")), nil
	}
	_, err := vae.FromFile(f)
	return lines, err
}

// run describes the run that a file is of.
func run(f *checkpoint.File, about train.About) []string {
	s, ok, _ := train.TrainedWith(f) // ReadAbout has seen that it can be read
	if !ok {
		if about.Settings == nil {
			return nil
		}
		var b bytes.Buffer
		if json.Compact(&b, about.Settings) != nil || b.Len() > 1000 {
			return []string{"run", fmt.Sprintf("of a train.Loop, with settings of %d bytes", len(about.Settings))}
		}
		return []string{"run", "of a train.Loop: " + b.String()}
	}
	t := s.Train
	objective, _ := json.Marshal(t.Objective.Whole())
	return []string{"run", fmt.Sprintf("%d epochs in batches of %d, %s %v (%s), beta %v, seed %d", t.Epochs, t.Batch, cmp.Or(t.Optimizer, optim.Default), t.LR, t.Schedule, t.Beta, t.Seed),
		"objective", string(objective), "data", fmt.Sprintf("%s; binarisation %s", s.Data, t.Binarize)}
}

// weightsOf are the tensors of a file but for moments of others, which have the name of what
// they are of behind their own, after a dot.
func weightsOf(f *checkpoint.File) (weights []checkpoint.Tensor) {
	names := map[string]bool{}
	for _, t := range f.Tensors {
		names[t.Name] = true
	}
	for _, t := range f.Tensors {
		moment := false
		for i, r := range t.Name {
			moment = moment || r == '.' && names[t.Name[i+1:]]
		}
		if !moment {
			weights = append(weights, t)
		}
	}
	return weights
}

func numbers(tensors []checkpoint.Tensor) (n int) {
	for _, t := range tensors {
		size := 1
		for _, d := range t.Shape {
			size *= d
		}
		n += size
	}
	return n
}

// allFinite returns an error that names the first tensor with a number that is not finite.
func allFinite(f *checkpoint.File) error {
	for _, t := range f.Tensors {
		bad := false
		switch data := t.Data.(type) {
		case []float32:
			for _, v := range data {
				bad = bad || v-v != 0
			}
		case []float64:
			for _, v := range data {
				bad = bad || math.IsNaN(v) || math.IsInf(v, 0)
			}
		}
		if bad {
			return fmt.Errorf("%s holds a number that is not finite", t.Name)
		}
	}
	return nil
}
