package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"govae/mnist"
	"govae/vae"
)

func TestExitCode(t *testing.T) {
	stopped := func(s os.Signal) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(caught{s})
		return ctx
	}
	plain, sigint, sigterm := context.Background(), stopped(os.Interrupt), stopped(syscall.SIGTERM)
	failed := errors.New("train: failed")
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		line string
	}{
		{"done", plain, nil, 0, ""},
		{"done in spite of Ctrl-C", sigint, nil, 0, ""},
		{"help", plain, flag.ErrHelp, 0, ""},
		{"wrapped help", plain, fmt.Errorf("train: %w", flag.ErrHelp), 0, ""},
		{"failed", plain, failed, 1, "train: failed\n"},
		{"usage", plain, Usage(failed), 2, "train: failed\n"},
		{"wrapped usage", plain, fmt.Errorf("a: %w", Usagef("b is %d", 3)), 2, "a: b is 3\n"},
		{"no error is no usage", plain, Usage(nil), 0, ""},
		{"SIGINT", sigint, Interruptedf("train: interrupted"), 130, "train: interrupted\n"},
		{"SIGTERM", sigterm, Interruptedf("train: interrupted"), 143, "train: interrupted\n"},
		{"wrapped SIGTERM", sigterm, fmt.Errorf("x: %w", Interruptedf("stop")), 143, "x: stop\n"},
		{"failed after SIGINT", sigint, failed, 1, "train: failed\n"},
		{"usage after SIGINT", sigint, Usage(failed), 2, "train: failed\n"},
		{"two errors", plain, errors.Join(failed, errors.New("mnist: failed too")), 1, "train: failed; mnist: failed too\n"},
		{"odd lines", plain, errors.New("a\r\n\n  b \n"), 1, "a; b\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if code := exitCode(test.ctx, test.err, &stderr); code != test.code || stderr.String() != test.line {
				t.Errorf("code %d, %q, want %d, %q", code, stderr.String(), test.code, test.line)
			}
		})
	}
}

func TestErrorsWrap(t *testing.T) {
	for _, err := range []error{Usage(fs.ErrNotExist), Usagef("x: %w", fs.ErrNotExist), Interruptedf("x: %w", fs.ErrNotExist)} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%T does not wrap its cause", err)
		}
	}
}

// options are the flags of testFlags.
type options struct {
	n      int
	seed   uint64
	rate   float64
	name   string
	quiet  bool
	hidden Ints
}

func testFlags(o *options) *Flags {
	f := NewFlags("prog", "does this.\nAnd that.")
	f.Group("Numbers")
	f.IntVar(&o.n, "n", 7, "`N` things")
	f.Uint64Var(&o.seed, "seed", 1, "`SEED` of chance")
	f.Float64Var(&o.rate, "rate", 0.5, "`RATE` of change")
	f.Group("Rest")
	f.StringVar(&o.name, "name", "", "`NAME` of it")
	f.BoolVar(&o.quiet, "quiet", false, "print nothing")
	o.hidden = Ints{400}
	f.Var(&o.hidden, "hidden", "`SIZES` of layers")
	return f
}

func TestParse(t *testing.T) {
	var o options
	f := testFlags(&o)
	err := f.Parse([]string{"-n", "-3", "--seed=18446744073709551615", "-rate", "1e-3", "-name", "-x y", "-quiet", "-hidden", "4, 2"})
	if err != nil {
		t.Fatal(err)
	}
	want := options{-3, 1<<64 - 1, 1e-3, "-x y", true, Ints{4, 2}}
	if fmt.Sprint(o) != fmt.Sprint(want) {
		t.Errorf("flags are %v, want %v", o, want)
	}
	var seen []string
	f.Visit(func(g *flag.Flag) { seen = append(seen, g.Name+"="+g.Value.String()) })
	if got := strings.Join(seen, " "); got != "hidden=4,2 n=-3 name=-x y quiet=true rate=0.001 seed=18446744073709551615" {
		t.Errorf("Visit sees %s", got)
	}
}

func TestParseErrors(t *testing.T) {
	for args, want := range map[string]string{
		"-nosuch":                   "-nosuch",
		"x":                         `unexpected argument "x"`,
		"-n 1 x -n 2":               `unexpected argument "x"`,
		"-n":                        "needs an argument",
		"-n x":                      `"x" for flag -n: want a whole number`,
		"-n 1.5":                    `"1.5" for flag -n: want a whole number`,
		"-n 9999999999999999999999": "value out of range",
		"-seed -1":                  `"-1" for flag -seed: want a whole number of at least 0`,
		"-rate x":                   `"x" for flag -rate: want a number`,
		"-quiet=x":                  `"x" for -quiet: want true or false`,
		"-hidden x":                 `"x" for flag -hidden: want whole numbers`,
	} {
		var o options
		err := testFlags(&o).Parse(strings.Fields(args))
		var usage usageError
		if err == nil || !errors.As(err, &usage) {
			t.Errorf("%s: %v, want bad usage", args, err)
			continue
		}
		if s := err.Error(); !strings.HasPrefix(s, "prog: ") || !strings.Contains(s, want) || !strings.HasSuffix(s, "(-h lists the flags)") || strings.Contains(s, "\n") {
			t.Errorf("%s: %q, want %q in it", args, s, want)
		}
	}
}

func TestHelp(t *testing.T) {
	var o options
	var b bytes.Buffer
	testFlags(&o).help(&b)
	want := `prog: does this.
And that.

Numbers
  -n N                   N things (default 7)
  -rate RATE             RATE of change (default 0.5)
  -seed SEED             SEED of chance (default 1)

Rest
  -hidden SIZES          SIZES of layers (default 400)
  -name NAME             NAME of it (default "")
  -quiet                 print nothing (default false)
`
	if b.String() != want {
		t.Errorf("help is\n%s\nwant\n%s", b.String(), want)
	}
}

func TestInts(t *testing.T) {
	for text, want := range map[string]Ints{
		"":           {},
		"400":        {400},
		"400,200":    {400, 200},
		" 400 , 200": {400, 200},
		"0,-1":       {0, -1},
		"+5":         {5},
		"007":        {7},
	} {
		var v Ints
		if err := v.Set(text); err != nil || !slices.Equal(v, want) || v == nil {
			t.Errorf("Set(%q) = %v, %#v, want %v", text, err, v, want)
		}
		var again Ints
		if err := again.Set(v.String()); err != nil || !slices.Equal(v, again) {
			t.Errorf("Set(String()) of %v = %v, %v", v, again, err)
		}
	}
	for _, text := range []string{",", "400,", ",400", "400,,200", "abc", "400x", "4e2", "4.5", "0x10", "400 200", "400;200", "1_000", "99999999999999999999", "४"} {
		v := Ints{1, 2}
		if err := v.Set(text); err == nil || !slices.Equal(v, Ints{1, 2}) {
			t.Errorf("Set(%q) = %v, leaves %v, want an error and no change", text, err, v)
		}
	}
	if s := (*Ints)(nil).String(); s != "" {
		t.Errorf("String of nil = %q", s)
	}
}

func TestFloats(t *testing.T) {
	for text, want := range map[string]Floats{"1": {1}, "0.5, 1,4e2": {0.5, 1, 400}, "-1,0": {-1, 0}, "1e-7": {1e-7}} {
		var v, again Floats
		if err := v.Set(text); err != nil || !slices.Equal(v, want) {
			t.Errorf("Set(%q) = %v, %v, want %v", text, err, v, want)
		}
		if err := again.Set(v.String()); err != nil || !slices.Equal(v, again) {
			t.Errorf("Set(String()) of %v = %v, %v", v, again, err)
		}
	}
	for _, text := range []string{"", ",", "1,", "1,,2", "x", "1 2", "1;2"} {
		v := Floats{1, 2}
		if err := v.Set(text); err == nil || !slices.Equal(v, Floats{1, 2}) {
			t.Errorf("Set(%q) = %v, leaves %v, want an error and no change", text, err, v)
		}
	}
	if s := (*Floats)(nil).String(); s != "" {
		t.Errorf("String of nil = %q", s)
	}
}

func TestOpenModel(t *testing.T) {
	m, s, err := OpenModel("")
	if err != nil || s.Train.Binarize != mnist.Dynamic || m.Config().Latent != 20 {
		t.Errorf("OpenModel of the model that comes with govae = %v, %v", s, err)
	}
	path := filepath.Join(t.TempDir(), "m")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	if _, s, err := OpenModel(path); err != nil || s.Train.Binarize != mnist.Dynamic {
		t.Errorf("OpenModel of a model without training settings = %v, %v, want dynamic", s.Train.Binarize, err)
	}
	cfg := m.Config()
	cfg.Likelihood = "continuous-bernoulli"
	grey, err := vae.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := grey.Save(path); err != nil {
		t.Fatal(err)
	}
	if _, s, err := OpenModel(path); err != nil || s.Train.Binarize != mnist.None {
		t.Errorf("OpenModel of a model of grey pixels without training settings = %v, %v, want none", s.Train.Binarize, err)
	}
	if _, _, err := OpenModel(path + "x"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path+"x") {
		t.Errorf("OpenModel of no file = %v", err)
	}
}
