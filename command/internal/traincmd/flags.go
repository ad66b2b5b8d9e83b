package traincmd

import (
	"errors"
	"flag"
	"path/filepath"
	"reflect"
	"strings"

	"govae/command/internal/cli"
	"govae/command/internal/setup"
	"govae/train"
)

// options are the flags, resolved.
type options struct {
	setup.Setup
	data    string
	threads int
	quiet   bool
}

// flags defines all flags on o, whose present values are the defaults.
func flags(o *options) *cli.Flags {
	f := cli.NewFlags("train", "fits a variational autoencoder to MNIST and writes a run directory.\n"+
		"With no flags: 784-400-20, 10 epochs on all 60,000 images, into runs/mnist.")
	f.Group("Data")
	f.StringVar(&o.data, "data", o.data, "`DIR` with the four MNIST files, or others of that format; if empty, $MNIST_DIR, else GoMNIST's own copy of MNIST")
	o.DataFlags(f)
	f.IntVar(&o.Train.Validation, "validation", o.Train.Validation, "hold the last `N` training images out; their ELBO chooses best.safetensors")
	f.IntVar(&o.Train.Patience, "patience", o.Train.Patience, "stop after `N` epochs without a better ELBO of the held out images; 0 for never")
	f.Group("Model")
	o.ModelFlags(f)
	f.Group("Objective")
	o.ObjectiveFlags(f, "k")
	f.Float64Var(&o.Train.Beta, "beta", o.Train.Beta, "`B`, factor of the KL term in the loss")
	f.Group("Optimisation")
	o.OptimisationFlags(f)
	f.Group("Run")
	f.StringVar(&o.Train.Out, "out", o.Train.Out, "`DIR` of the run, made if it is not there")
	f.BoolVar(&o.Train.Resume, "resume", o.Train.Resume, "go on with the run in -out, with its settings; a larger -epochs prolongs it")
	f.BoolVar(&o.Train.AnyMachine, "any-machine", o.Train.AnyMachine, "with -resume: go on also on another kind of machine than the run was on, where the last digits differ")
	f.Var((*every)(&o.Train.CheckpointEvery), "checkpoint-every", "save the run within an epoch too, each time after `N` steps, or after a time such as 10m; if empty, at the end of each epoch alone. -resume does not remember it")
	f.IntVar(&o.Train.Keep, "keep", o.Train.Keep, "keep the models of the last `N` epochs, as epoch-1.safetensors and so on, beside the last and the best one. -resume does not remember it")
	f.IntVar(&o.threads, "threads", o.threads, "use `N` cores; 0 for all. The result does not depend on it")
	f.BoolVar(&o.quiet, "quiet", o.quiet, "print nothing but errors")
	return f
}

// every is the flag of train.Every.
type every train.Every

// String implements flag.Value.
func (e *every) String() string { return train.Every(*e).String() }

// Set implements flag.Value.
func (e *every) Set(text string) error {
	v, err := train.ParseEvery(text)
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "train: ")) // the command says it
	}
	*e = every(v)
	return nil
}

// parse resolves the flags: what was given on the command line overrides the
// preset; if a run is resumed, it must agree with the settings of that run.
func parse(args []string) (*options, error) {
	start, err := initial("default")
	if err != nil {
		return nil, err
	}
	o := options{Setup: start}
	f := flags(&o)
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	given := f.Given()
	if start, err = initial(o.Preset); err != nil {
		return nil, err
	}
	switch {
	case o.Train.Out == "":
		return nil, cli.Usagef("train: -out is empty, want a directory")
	case o.Train.AnyMachine && !o.Train.Resume:
		return nil, cli.Usagef("train: -any-machine without -resume")
	case o.threads < 0:
		return nil, cli.Usagef("train: threads is %d, want at least 0", o.threads)
	}
	if err := o.Start(f, given, start); err != nil {
		return nil, err
	}
	if o.Train.Resume {
		if err := resume(&o, f, given); err != nil {
			return nil, err
		}
	}
	return &o, o.Resolve(f, given)
}

// initial is what a preset says, into the usual directory.
func initial(preset string) (setup.Setup, error) {
	s, err := setup.Initial(preset)
	s.Train.Out = "runs/mnist"
	return s, err
}

// resume makes o the options of the run in -out. Flags that were given (with a preset or
// -config: all flags) must agree with it. One that changes no setting, such as -threads, agrees.
func resume(o *options, f *cli.Flags, given map[string]string) error {
	now, texts := *o, f.Texts()
	run, err := train.ReadSettings(now.Train.Out)
	if err != nil {
		return err
	}
	was := now
	if was.Setup, err = now.Setup.Of(run, filepath.Join(now.Train.Out, "config.json")); err != nil {
		return err
	}
	was.Train.Resume, was.Train.AnyMachine = true, now.Train.AnyMachine
	if _, ok := given["data"]; !ok {
		was.data = run.Place
	}
	_, preset := given["preset"]
	_, config := given["config"]
	f.VisitAll(func(g *flag.Flag) {
		if _, ok := given[g.Name]; !ok && !preset && !config || err != nil {
			return
		}
		*o = was
		o.Model = o.Model.Whole()
		had := " -" + g.Name + " " + g.Value.String()
		if g.Value.String() == "" {
			had = " no -" + g.Name
		}
		f.Set(g.Name, texts[g.Name]) // cannot fail: the flag has had this text
		why := ""
		if g.Name == "epochs" {
			if was.Train.CanGrow() {
				return
			}
			why = ", for its schedules are of them"
		}
		if !reflect.DeepEqual(o.Result(), was.Result()) {
			err = cli.Usagef("train: the run in %s has%s: it cannot go on with %s%s", was.Train.Out, had, orNone(texts[g.Name]), why)
		}
	})
	*o = was
	if _, ok := given["epochs"]; ok {
		o.Train.Epochs = now.Train.Epochs
	}
	return err
}

// orNone is a text, or words for an empty one.
func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
