package cmd_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"govae/command"
	"govae/encoder"
	"govae/klreg"
	"govae/nn"
	"govae/optim"
	"govae/train"
	"govae/vae"
)

// outsider is the name of a train that has further parts in it: this test binary, under that
// name.
const outsider = "outsider"

func init() {
	if filepath.Base(os.Args[0]) != outsider {
		return
	}
	commands[outsider] = command.Train
	mlp := func(s vae.Spec) (nn.Network, error) {
		return encoder.NewMLP(encoder.Config{In: s.Pixels(), Latent: s.Latent, Hidden: s.Hidden, Activation: s.Activation, Init: s.Init}, s.Dtype, s.Source)
	}
	vae.RegisterEncoder("optioned", vae.Part[nn.Network]{New: mlp, Options: []string{"wide", "both"}})
	optim.RegisterSchedule("brittle", func(done float64) float64 {
		return []float64{1}[1+int(done)] // out of range
	})
	vae.RegisterObjective("single", func(o vae.Objective) vae.Bound { return tilted{o.As("elbo"), o.Options} }, "single.rate")
	vae.RegisterObjective("tilted", func(o vae.Objective) vae.Bound { return tilted{o.As("elbo"), o.Options} }, "tilted.factor", "both")
	for range 2 {
		vae.RegisterObjective("doubled", func(o vae.Objective) vae.Bound { return o.As("elbo") }, "tilted.factor")
	}
}

// tilted is the ELBO, with an option that is looked at and not used.
type tilted struct {
	vae.Bound
	options vae.Options
}

func (o tilted) Check(m *vae.Model, w klreg.Weight) error {
	if _, err := o.options.Number("tilted.factor", 1, 0, 10); err != nil {
		return fmt.Errorf("outsider: %w", err)
	}
	return o.Bound.Check(m, w)
}

// asOutsider makes the name of the outsider's command.
func asOutsider(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("a program has a name that ends in .exe there")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, outsider)); err != nil && !os.IsExist(err) {
		t.Skip(err)
	}
}

// outsiders is tinyModel of the outsider's command.
func outsiders(more ...string) []string {
	args := tinyModel(append([]string{"-limit", "64"}, more...)...)
	args[0] = outsider
	return args
}

// One flag has the options of the model's parts and of the objective: each goes to what
// reads it, and one that nothing reads is bad usage.
func TestOptions(t *testing.T) {
	t.Parallel()
	asOutsider(t)
	dir := t.TempDir()
	parts := []string{"-objective", "tilted", "-encoder", "optioned"}
	out := must(t, dir, outsiders(append(parts, "-option", "tilted.factor=3,wide=2", "-option", "both=x")...)...)
	if !strings.Contains(out, "bernoulli, optioned encoder, both=x, wide=2; tilted, k=1, both=x, tilted.factor=3; batch 32") {
		t.Errorf("train prints\n%s", out)
	}
	s, err := train.ReadSettings(filepath.Join(dir, "run"))
	if want := (vae.Options{"wide": "2", "both": "x"}); err != nil || !maps.Equal(s.Model.Options, want) {
		t.Errorf("the model's options are %v, %v, want %v", s.Model.Options, err, want)
	}
	if want := (vae.Options{"tilted.factor": "3", "both": "x"}); !maps.Equal(s.Train.Objective.Options, want) {
		t.Errorf("the objective's options are %v, want %v", s.Train.Objective.Options, want)
	}
	help := must(t, dir, outsider, "-h")
	if !strings.Contains(help, "both (encoder optioned, objective tilted), single.rate (objective single), tilted.factor (objective tilted), wide (encoder optioned)") {
		t.Errorf("the help of -option:\n%s", regexp.MustCompile("(?m)^  -option.*$").FindString(help))
	}
	must(t, dir, outsider, "-resume", "-out", "run", "-epochs", "2", "-quiet", "-option", "both=x,tilted.factor=3", "-option", "wide=2")

	before := snapshot(t, dir)
	for _, c := range []badCase{
		{"-objective tilted -option tilted.factor=much", 2, []string{`option tilted.factor is "much"`, "0 to 10"}},
		{"-objective tilted -option tilted.factor=11", 2, []string{"0 to 10"}},
		{"-objective tilted -option tilted.facter=1", 2, []string{"-option tilted.facter=1", "did you mean tilted.factor?", "choose both or tilted.factor"}},
		{"-objective single -option single.rat=1", 2, []string{"here has it, did you mean single.rate?\n"}},
		{"-objective doubled -option tilted.factor=1", 2, []string{`objective "doubled" is registered twice`}},
		{"-encoder optioned -option tilted.factor=1", 2, []string{"-option tilted.factor=1", "choose both or wide"}},
		{"-option wide=1", 2, []string{"-option wide=1", "neither the model's parts nor objective elbo"}},
		{"-encoder optioned -option wide=1,wide=1", 2, []string{"-option", "wide is 1 and 1"}},
		{"-encoder optioned -option wide=1 -option both=2 -option wide=3", 2, []string{"-option", "wide is 1 and 3"}},
		{"-encoder optioned -option wide", 2, []string{`"wide"`, "NAME=VALUE"}},
		{"-encoder nosuch -option wide=1", 2, []string{`unknown encoder "nosuch"`}},
		{"-resume -out run -option wide=2", 2, []string{"has -option both=x,tilted.factor=3,wide=2: it cannot go on with wide=2"}},
		{"-resume -out run -option=", 2, []string{"cannot go on with none"}},
	} {
		args := append([]string{outsider, "-out", "new"}, strings.Fields(c.args)...)
		if r := run(t, dir, args...); strings.Contains(c.args, "-resume") || r.code != 0 {
			wantFailure(t, r, c.code, c.words...)
		}
		if after := snapshot(t, dir); !maps.Equal(before, after) {
			t.Errorf("%s: the directory has changed", c.args)
			before = after
		}
	}
}

// A panic of a part is one line that says what it was of and where.
func TestPanic(t *testing.T) {
	t.Parallel()
	asOutsider(t)
	want := regexp.MustCompile(`^train: step 1: the schedule of the step size: panic: runtime error: index out of range .*, at cmd/outsider_test\.go:\d+\n$`)
	if r := run(t, t.TempDir(), outsiders("-schedule", "brittle")...); r.code != 1 || !want.MatchString(r.stderr) {
		t.Errorf("%v, want exit code 1 and %s", r, want)
	}
}

// A run whose parts are not in this program says which, and what to do.
func TestResumeOfUnknownParts(t *testing.T) {
	t.Parallel()
	asOutsider(t)
	dir := t.TempDir()
	must(t, dir, outsiders("-quiet", "-objective", "tilted", "-encoder", "optioned", "-option", "wide=2")...)
	before := snapshot(t, dir)
	for _, args := range []string{"-resume -out run", "-resume -out run -epochs 3", "-config run/config.json -out new"} {
		r := run(t, dir, append([]string{"train"}, strings.Fields(args)...)...)
		wantFailure(t, r, 1, filepath.Join("run", "config.json"), `encoder "optioned"`, `objective "tilted"`, "imports the package")
	}
	if text := must(t, dir, "evaluate", "-verify", "run/model.safetensors"); !strings.Contains(text, `nothing here is registered as its encoder "optioned"`) {
		t.Errorf("-verify prints\n%s", text)
	}
	if after := snapshot(t, dir); !maps.Equal(before, after) {
		t.Error("the directory has changed")
	}
}

// What a part is called by default is the default, and what is not set has a name.
func TestResumeDefaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-limit", "64")...)
	for _, args := range []string{"-encoder mlp", "-decoder mlp", "-posterior normal", "-prior standard", "-option="} {
		must(t, dir, append([]string{"train", "-quiet", "-resume", "-out", "run"}, strings.Fields(args)...)...)
	}
	for args, words := range map[string]string{
		"-posterior laplace":            "the run in run has -posterior normal: it cannot go on with laplace",
		"-prior vamp -objective stl":    "has -",
		"-option a=1":                   "the run in run has no -option: it cannot go on with a=1",
		"-above 4:2 -objective iwae":    "the run in run has no -above: it cannot go on with 4:2",
		"-prior vamp":                   "the run in run has -prior standard: it cannot go on with vamp",
		"-checkpoint-every sometimes":   "such as 10m",
		"-checkpoint-every -5":          "such as 500",
		"-keep -1":                      "keep is -1",
		"-checkpoint-every 5 -beta 0.5": "-beta 1",
	} {
		wantFailure(t, run(t, dir, append([]string{"train", "-resume", "-out", "run"}, strings.Fields(args)...)...), 2, words)
	}
	must(t, dir, "train", "-quiet", "-resume", "-epochs", "4", "-keep", "2", "-checkpoint-every", "1", "-out", "run")
	var kept []string
	for name := range snapshot(t, filepath.Join(dir, "run")) {
		if strings.HasPrefix(name, "epoch-") {
			kept = append(kept, name)
		}
	}
	if slices.Sort(kept); !slices.Equal(kept, []string{"epoch-3.safetensors", "epoch-4.safetensors"}) {
		t.Errorf("-keep 2 keeps %v", kept)
	}
	must(t, dir, tinyModel("-quiet", "-limit", "64", "-epochs", "4", "-out", "whole")...)
	for _, name := range []string{"epoch-4.safetensors", "model.safetensors"} {
		if sum(t, filepath.Join(dir, "run", name)) != sum(t, filepath.Join(dir, "whole", "model.safetensors")) {
			t.Errorf("%s has other weights than those of a run that was not saved within an epoch", name)
		}
	}
	must(t, dir, "sample", "-model", "run/epoch-3.safetensors")
}
