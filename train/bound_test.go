package train_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"govae/checkpoint"
	"govae/internal/torture"
	"govae/train"
)

// swap changes a file of a run's directory, or removes it if change gives nil.
func swap(t *testing.T, dir, name string, change func(b []byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b = change(b); b == nil {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, b, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// with returns what makes one text of a file another, of which there must be one.
func with(t *testing.T, old, now string) func([]byte) []byte {
	return func(b []byte) []byte {
		t.Helper()
		if strings.Count(string(b), old) != 1 {
			t.Fatalf("%q is there %d times", old, strings.Count(string(b), old))
		}
		return []byte(strings.Replace(string(b), old, now, 1))
	}
}

// metadata changes an entry of a safetensors file, whose checksum is then right again.
func metadata(t *testing.T, key, value string) func([]byte) []byte {
	return func(b []byte) []byte {
		t.Helper()
		f, err := checkpoint.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		f.Metadata[key] = value
		var out strings.Builder
		if err := checkpoint.Encode(&out, f); err != nil {
			t.Fatal(err)
		}
		return []byte(out.String())
	}
}

// A state that is damaged, and has no former one that serves, is an error that says both, and
// what to do.
func TestNoState(t *testing.T) {
	const state, former = "state.safetensors", "former.safetensors"
	cut := func(b []byte) []byte { return b[:len(b)-1] }
	gone := func([]byte) []byte { return nil }
	for _, test := range []struct {
		former func([]byte) []byte
		want   string
	}{{cut, "the state before it does not serve: "}, {gone, "there is no former.safetensors to go on from"}} {
		dir := t.TempDir()
		l := newSlopes(t, false).loop(dir)
		if err := l.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		swap(t, dir, state, cut)
		swap(t, dir, former, test.former)
		again := newSlopes(t, false).loop(dir)
		again.Resume = true
		err := again.Run(context.Background())
		if err == nil || !strings.Contains(err.Error(), state) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "put one of them back, or choose") {
			t.Errorf("error %v, want %s", err, test.want)
		}
	}
}

// A new run takes no directory with files of another one, not even with a model of one epoch
// alone, which Keep would remove; without config.json it does not advise to resume.
func TestLeftFiles(t *testing.T) {
	for _, name := range []string{"epoch-1.safetensors", "model.safetensors", "metrics.jsonl"} {
		for _, config := range []bool{false, true} {
			dir := t.TempDir()
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
				t.Fatal(err)
			}
			want := "that has lost its config.json: put that back and resume, or choose another directory"
			if config {
				want = "choose another directory, or resume it"
				if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("null"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l := newSlopes(t, false).loop(dir)
			l.Keep = 1
			if err := l.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "("+name+")") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", name, err, want)
			}
			if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
				t.Errorf("%s is %q, %v", name, b, err)
			}
		}
	}
	l := newSlopes(t, false).loop(t.TempDir()) // a name that no run gives
	if err := os.WriteFile(filepath.Join(l.Dir, "epoch-01.safetensors"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := l.Run(context.Background()); err != nil {
		t.Error(err)
	}
}

// The files of a run are bound to one another and to the data: one that was changed, or
// exchanged for that of another run, is named, and the run does not go on.
func TestResumeOfMixedFiles(t *testing.T) {
	mc, c := tiny()
	c.Epochs, c.Validation, c.Limit = 2, 50, 100
	run := func(name string, change func(*train.Config)) string {
		c := c
		change(&c)
		c.Out = filepath.Join(t.TempDir(), name)
		mustFit(t, mc, c)
		return c.Out
	}
	from := run("run", func(*train.Config) {})
	seed := run("seed", func(c *train.Config) { c.Seed = 2 })
	short := run("short", func(c *train.Config) { c.Epochs = 1 })
	other := func(dir, name string) func([]byte) []byte {
		return func([]byte) []byte {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	gone := func([]byte) []byte { return nil }
	const config, state, model, best, metrics = "config.json", "state.safetensors", "model.safetensors", "best.safetensors", "metrics.jsonl"
	d := data(t)
	tried := 0
	for _, test := range []struct {
		name, file string
		change     func([]byte) []byte
		data       train.Data
		want       []string // in the error
	}{
		{"rate changed", config, with(t, `"lr": 0.001`, `"lr": 0.1`), d, []string{"other settings", "its lr is 0.1, here 0.001"}},
		{"key twice", config, with(t, `"lr": 0.001`, `"lr": 0.1, "lr": 0.001`), d, []string{config, `"lr"`, "one of which"}},
		{"key in two cases", config, with(t, `"lr": 0.001`, `"lr": 0.001, "LR": 0.1`), d, []string{config, `"LR"`, "one of which"}},
		{"text behind", config, func(b []byte) []byte { return append(b, "{}"...) }, d, []string{config, "text after the end"}},
		{"config of another seed", config, other(seed, config), d, []string{"other settings", "seed is 2"}},
		{"state of another seed", state, other(seed, state), d, []string{state, "seed is 2"}},
		{"state of a shorter run", state, other(short, state), d, nil}, // an earlier state of the same run
		{"model of another seed", model, other(seed, model), d, []string{model, "seed is 2", "remove it"}},
		{"model of an earlier step", model, other(short, model), d, []string{model, "of step 2", "of step 4"}},
		{"model of other weights", model, metadataOf(t, other(short, model), "govae.step", "4"), d, []string{model, "both are of step 4"}},
		{"model cut", model, func(b []byte) []byte { return b[:len(b)-1] }, d, []string{model, "cut short"}},
		{"best of another seed", best, other(seed, best), d, []string{best, "seed is 2"}},
		{"best gone", best, gone, d, []string{best, "no such file", "put it back"}},
		{"config gone", config, gone, d, []string{"has lost its config.json", "put that back"}},
		{"metrics gone", metrics, gone, d, []string{metrics, "no such file", "put the file back"}},
		{"metrics cut", metrics, func(b []byte) []byte { return b[:bytes.IndexByte(b, '\n')+1] }, d, []string{metrics, "1 epochs, but", "put the file back"}},
		{"metrics damaged", metrics, func(b []byte) []byte { return b[1:] }, d, []string{metrics, "line 1 is not", "put the file back"}},
		{"metrics of another seed", metrics, other(seed, metrics), d, []string{metrics, "not those of the run"}},
		{"metrics changed", metrics, with(t, `{"epoch":1,"step":2,`, `{"epoch":1,"step":3,`), d, []string{metrics, "not those of the run"}},
		{"another machine", state, metadata(t, "govae.machine", "z80 with no kernels"), d, []string{state, "z80 with no kernels", "any machine"}},
		{"best of another machine", best, metadata(t, "govae.machine", "z80"), d, nil}, // of a run that has moved since
		{"other test data", "", nil, train.Data{Train: d.Train, Test: d.Test.Slice(1, 300)}, []string{"its test data are 300 images", "these are 299"}},
		{"no test data", "", nil, train.Data{Train: d.Train}, []string{"its test data are 300 images", "none"}},
		{"other validation data", "", nil, train.Data{Train: d.Train.Slice(0, 390), Test: d.Test}, []string{"its validation data are 50 images"}},
	} {
		tried++
		t.Run(test.name, func(t *testing.T) {
			c := c
			c.Out, c.Resume, c.Epochs = filepath.Join(t.TempDir(), "run"), true, 3
			if err := os.CopyFS(c.Out, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			if test.file != "" {
				swap(t, c.Out, test.file, test.change)
			}
			_, err := train.Run(context.Background(), fresh(t, mc, c), test.data, c, train.Hooks{})
			if (err == nil) != (test.want == nil) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			for _, w := range test.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error lacks %q: %v", w, err)
				}
			}
		})
	}
	torture.Count(t, "resume with a file changed, or exchanged for another run's, or on other data: the difference is named", tried)
}

func metadataOf(t *testing.T, make func([]byte) []byte, key, value string) func([]byte) []byte {
	return func(b []byte) []byte { return metadata(t, key, value)(make(b)) }
}

// What can be made good is made good, and said: a model file that is gone, a state that is
// damaged, another kind of machine that is allowed. The end is that of a whole run.
func TestResumeMends(t *testing.T) {
	mc, c := tiny()
	c.Limit = 100
	_, want := mustFit(t, mc, c)
	c.Epochs = 2
	c.Out = filepath.Join(t.TempDir(), "from")
	mustFit(t, mc, c)
	from := c.Out
	gone := func([]byte) []byte { return nil }
	tried := 0
	for _, test := range []struct {
		name, file string
		change     func([]byte) []byte
		epochs     int
		notice     string
	}{
		{"model gone", "model.safetensors", gone, 3, "is gone"},
		{"model gone, nothing to do", "model.safetensors", gone, 2, "is gone"},
		{"state cut", "state.safetensors", func(b []byte) []byte { return b[:len(b)/2] }, 3, "going on from"},
		{"state gone", "state.safetensors", gone, 3, "going on from"},
		{"another machine", "state.safetensors", metadata(t, "govae.machine", "z80"), 3, ""},
	} {
		tried++
		t.Run(test.name, func(t *testing.T) {
			c := c
			c.Out, c.Resume, c.AnyMachine, c.Epochs = filepath.Join(t.TempDir(), "run"), true, true, test.epochs
			if err := os.CopyFS(c.Out, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			swap(t, c.Out, test.file, test.change)
			said := ""
			m := fresh(t, mc, c)
			epochs, err := train.Run(context.Background(), m, data(t), c, train.Hooks{Notice: func(text string) { said += text }})
			if err != nil || !strings.Contains(said, test.notice) || (said == "") != (test.notice == "") {
				t.Errorf("said %q, error %v", said, err)
			}
			if test.epochs == 3 && fmt.Sprint(epochs[2].Test) == "" || test.epochs == 3 && *epochs[2].Test != *want[2].Test {
				t.Errorf("the third epoch has %+v, an unbroken run %+v", epochs[2].Test, want[2].Test)
			}
			if f, err := checkpoint.Read(filepath.Join(c.Out, "model.safetensors")); err != nil || f.Metadata["govae.step"] != fmt.Sprint(2*test.epochs) {
				t.Errorf("model.safetensors: %v", err)
			}
		})
	}
	torture.Count(t, "resume without a model file, or with a damaged state: made good, to the same bits", tried)
}

// A directory is one process's own: a second run, and a second resume, are refused while the
// first is at work, and leave it alone.
func TestOneRunADirectory(t *testing.T) {
	mc, c := tiny()
	c.Limit, c.Out = 100, filepath.Join(t.TempDir(), "run")
	refused := 0
	try := func(resume bool) {
		c := c
		c.Resume = resume
		_, err := train.Run(context.Background(), fresh(t, mc, c), data(t), c, train.Hooks{})
		if err == nil || resume && !strings.Contains(err.Error(), "another process is at work in "+c.Out) {
			t.Errorf("resume %v: error %v", resume, err)
		}
		refused++
	}
	m := fresh(t, mc, c)
	_, err := train.Run(context.Background(), m, data(t), c, train.Hooks{Epoch: func(e train.Epoch) {
		if e.Epoch == 1 {
			try(true)
			try(false)
		}
	}})
	if err != nil || refused != 2 {
		t.Fatalf("%d refused, error %v", refused, err)
	}
	c.Resume, c.Epochs = true, 4
	if _, err := train.Run(context.Background(), fresh(t, mc, c), data(t), c, train.Hooks{}); err != nil {
		t.Errorf("after it: %v", err)
	}
}
