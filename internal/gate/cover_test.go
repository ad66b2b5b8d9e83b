package gate_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"govae/train"
	"govae/vae"
)

var writeCases = flag.Bool("cases", false, "choose the pairs of testdata/cases.json anew")

// value is one value of a dimension: its name, and what it sets in the JSON of the model and
// of the run. The default value has an empty name, which is left out of a case's name.
type value struct{ name, model, train string }

// dimensions are the choices that a case makes. A pair is a value of each of two of them.
var dimensions = [...][]value{
	{
		{},
		{name: "two", model: `"above": [{"hidden": [8], "latent": 3}]`},
	},
	{
		{name: "relu"},
		{name: "tanh", model: `"activation": "tanh", "init": "glorot"`},
		{name: "gated", model: `"activation": "gated", "init": "glorot"`},
	},
	{
		{name: "elbo", train: `"objective": {"name": "elbo"}`},
		{name: "elbo-sampled", train: `"objective": {"name": "elbo-sampled", "k": 2}`},
		{name: "stl", train: `"objective": {"name": "stl", "k": 1}`},
		{name: "stl-backward", train: `"objective": {"name": "stl", "k": 3, "backward": 1}`},
		{name: "iwae", train: `"objective": {"name": "iwae", "k": 3}`},
		{name: "iwae-backward", train: `"objective": {"name": "iwae", "k": 4, "backward": 2}`},
		{name: "dreg", train: `"objective": {"name": "dreg", "k": 3}`},
		{name: "dreg-backward", train: `"objective": {"name": "dreg", "k": 4, "backward": 2}`},
		{name: "miwae", train: `"objective": {"name": "miwae", "k": 2, "m": 2}`},
		{name: "miwae-backward", train: `"objective": {"name": "miwae", "k": 3, "m": 2, "backward": 1}`},
	},
	{
		{},
		{name: "beta", train: `"beta": 4, "warmup": 1`},
		{name: "cycles", train: `"beta": 0.5, "cycles": 2, "ramp": 0.5`},
		{name: "free-bits", train: `"free_bits": 0.5`},
		{name: "capacity", train: `"capacity": 5, "capacity_epochs": 1, "gamma": 10`},
		{name: "warmup-above", train: `"warmup": 0.5, "warmup_above": 1`},
	},
	{
		{},
		{name: "continuous-bernoulli", model: `"likelihood": "continuous-bernoulli"`, train: `"binarize": "none"`},
		{name: "gaussian", model: `"likelihood": "gaussian", "sigma": 0.3`, train: `"binarize": "none"`},
		{name: "gaussian-learned", model: `"likelihood": "gaussian-learned", "sigma": 0.5`, train: `"binarize": "none"`},
		{name: "gaussian-pixel", model: `"likelihood": "gaussian-pixel", "sigma": 0.2`, train: `"binarize": "none"`},
		{name: "logistic256", model: `"likelihood": "logistic256"`, train: `"binarize": "none"`},
	},
	{
		{},
		{name: "mixture", model: `"prior": "mixture", "components": 3`},
		{name: "vamp", model: `"prior": "vamp", "components": 3`},
	},
	{
		{},
		{name: "flow", model: `"flow": 2`},
	},
	{
		{},
		{name: "linear-clip", train: `"schedule": "linear", "clip": 20`},
		{name: "cosine", train: `"schedule": "cosine"`},
		{name: "cooldown", train: `"schedule": "cooldown"`},
		{name: "stages", train: `"schedule": "stages", "adam_eps": 0.0001`},
		{name: "warmup-k", train: `"schedule": "linear", "warmup_k": 1`},
		{name: "warmup-k-steps", train: `"schedule": "linear", "schedule_steps": true, "warmup_k": 1`},
	},
}

// choice is a value of each dimension.
type choice [len(dimensions)]int

// pair is a value of each of two dimensions.
type pair struct{ a, i, b, j int }

func (p pair) String() string {
	return fmt.Sprintf("%q with %q", dimensions[p.a][p.i].name, dimensions[p.b][p.j].name)
}

func (c choice) pairs() []pair {
	var all []pair
	for a := range c {
		for b := range a {
			all = append(all, pair{b, c[b], a, c[a]})
		}
	}
	return all
}

// choices lists all choices, in order.
func choices() []choice {
	all := []choice{{}}
	for d, values := range dimensions {
		var next []choice
		for _, c := range all {
			for i := range values {
				c[d] = i
				next = append(next, c)
			}
		}
		all = next
	}
	return all
}

// spec is the case of a choice: 50 steps of 16 images.
func (c choice) spec() spec {
	var names []string
	model, run := []string{`"hidden": [12], "latent": 4`}, []string{`"epochs": 2, "batch": 16, "limit": 400`}
	for d, i := range c {
		v := dimensions[d][i]
		for _, p := range []struct {
			text string
			list *[]string
		}{{v.name, &names}, {v.model, &model}, {v.train, &run}} {
			if p.text != "" {
				*p.list = append(*p.list, p.text)
			}
		}
	}
	join := func(parts []string) json.RawMessage { return json.RawMessage("{" + strings.Join(parts, ", ") + "}") }
	return spec{Name: strings.Join(names, " "), Model: join(model), Train: join(run)}
}

// acceptedChoices are the choices that govae accepts.
func acceptedChoices(t *testing.T) []choice {
	t.Helper()
	models, runs := map[choice]*vae.Model{}, map[choice]*train.Config{}
	var all []choice
	for _, c := range choices() {
		mk, rk := c, c // what sets something in the model, in the run
		for d, values := range dimensions {
			if values[c[d]].model == "" {
				mk[d] = 0
			}
			if values[c[d]].train == "" {
				rk[d] = 0
			}
		}
		m, ok := models[mk]
		if !ok {
			mc, _, err := configs(mk.spec())
			if err != nil {
				t.Fatal(err)
			}
			mc.Rows, mc.Cols = 2, 2 // quick to make
			if mc.Validate() == nil {
				if m, err = vae.New(mc); err != nil {
					t.Fatal(err)
				}
			}
			models[mk] = m
		}
		r, ok := runs[rk]
		if !ok {
			_, rc, err := configs(rk.spec())
			if err != nil {
				t.Fatal(err)
			}
			r = &rc
			runs[rk] = r
		}
		if m != nil && accepted(m, *r) {
			all = append(all, c)
		}
	}
	return all
}

// cover chooses cases until each pair of each choice is in one of them. The next case is
// always the choice with the most new pairs, and of several the first one.
func cover(choices []choice) []choice {
	open := map[pair]bool{}
	for _, c := range choices {
		for _, p := range c.pairs() {
			open[p] = true
		}
	}
	var chosen []choice
	for len(open) > 0 {
		best, most := choice{}, 0
		for _, c := range choices {
			n := 0
			for _, p := range c.pairs() {
				if open[p] {
					n++
				}
			}
			if n > most {
				best, most = c, n
			}
		}
		for _, p := range best.pairs() {
			delete(open, p)
		}
		chosen = append(chosen, best)
	}
	return chosen
}

// Take two values of two dimensions that some model and run accept together. A case of
// "pairs" has both.
func TestCasesCoverPairs(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	choices := acceptedChoices(t)
	all := readSpecs(t)
	if *writeCases {
		all.Pairs = nil
		for _, c := range cover(choices) {
			all.Pairs = append(all.Pairs, c.spec())
		}
		writeSpecs(t, all)
	}
	byName, open := map[string]choice{}, map[pair]bool{}
	for _, c := range choices {
		byName[c.spec().Name] = c
		for _, p := range c.pairs() {
			open[p] = true
		}
	}
	seen := map[[2]int]bool{}
	for n, s := range all.Pairs {
		c, ok := byName[s.Name]
		if want := c.spec(); !ok || !same(s.Model, want.Model) || !same(s.Train, want.Train) {
			t.Errorf("case %q is not what its name says", s.Name)
		}
		for _, p := range c.pairs() {
			delete(open, p)
		}
		for d, i := range c {
			if !seen[[2]int{d, i}] && n >= shortPairs {
				t.Errorf("%q occurs first in case %d, want it in the first %d, which run under -short", dimensions[d][i].name, n+1, shortPairs)
			}
			seen[[2]int{d, i}] = true
		}
	}
	for p := range open {
		t.Errorf("no case of %v: go test ./internal/gate -run Cover -cases adds one, then record it with -update", p)
	}
}

// same reports whether two texts are the same JSON, apart from space.
func same(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// writeSpecs writes cases.json, one line for each case.
func writeSpecs(t *testing.T, s specs) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("{")
	for i, group := range []struct {
		name  string
		specs []spec
	}{{"pairs", s.Pairs}, {"special", s.Special}, {"presets", s.Presets}, {"models", s.Models}, {"runs", s.Runs}} {
		fmt.Fprintf(&b, "%s\n%q: [", comma(i), group.name)
		for j, c := range group.specs {
			line, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%s\n %s", comma(j), line)
		}
		b.WriteString("\n]")
	}
	b.WriteString("\n}\n")
	if err := os.WriteFile(caseFile, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}
