// Package cli is what the commands share: flags in groups, one line an error,
// exit codes, and a clean stop on Ctrl-C.
//
// Exit codes: 0 done, 1 failed, 2 bad usage, 130, 143 and 129 interrupted by SIGINT,
// SIGTERM and SIGHUP after a checkpoint.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"govae/internal/names"
)

// Usage marks an error as bad usage: exit code 2.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// Usagef is Usage of a new error.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Interruptedf makes the error of a command that stopped because its context
// ended, and has saved what there was to save: exit code 130 or 143. An error
// of any other kind is a failure, also after a Ctrl-C.
func Interruptedf(format string, args ...any) error {
	return interruptedError{fmt.Errorf(format, args...)}
}

type interruptedError struct{ error }

func (e interruptedError) Unwrap() error { return e.error }

// Main runs a command of that name and exits. The context ends at the first SIGINT, SIGTERM or SIGHUP; a
// second one ends the process at once. A SIGHUP that was ignored at the start, as nohup
// does, stays ignored. A reader of the output that goes away does not end the command. A panic
// is a failure that says in one line where it was.
func Main(name string, run func(ctx context.Context, args []string) error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	stops := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		stops = append(stops, syscall.SIGHUP)
	}
	signal.Notify(signals, stops...)
	signal.Ignore(syscall.SIGPIPE)
	go func() {
		s := <-signals
		if _, ok := Terminal(os.Stdout); ok {
			fmt.Print("\r") // back over the ^C that the terminal has shown, to where a bar is wiped from
		}
		cancel(caught{s})
		os.Exit(code(<-signals))
	}()
	os.Exit(exitCode(ctx, guarded(ctx, name, run, os.Args[1:], os.Stderr), os.Stderr))
}

// code is the exit code after a signal.
func code(s os.Signal) int {
	if n, ok := s.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return 130
}

// caught is why the context ended.
type caught struct{ signal os.Signal }

func (c caught) Error() string { return c.signal.String() }

// exitCode reports the error on one line.
func exitCode(ctx context.Context, err error, stderr io.Writer) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(stderr, oneLine(err.Error()))
	var interrupted interruptedError
	var usage usageError
	switch {
	case errors.As(err, &interrupted):
		var c caught
		if errors.As(context.Cause(ctx), &c) {
			return code(c.signal)
		}
		return 130
	case errors.As(err, &usage):
		return 2
	}
	return 1
}

// oneLine joins the lines of a text, such as errors.Join makes.
func oneLine(s string) string {
	var lines []string
	for _, line := range strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return printable(strings.Join(lines, "; "))
}

// printable is s without what a terminal would obey, such as escapes in a file's name.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Threads has the process use n cores, or all for 0. More than there are are no use.
func Threads(n int) {
	if n > 0 {
		runtime.GOMAXPROCS(min(n, runtime.NumCPU()))
	}
}

// Flags is a flag.FlagSet whose help shows the flags in groups: the groups in
// the order in which they were started, in each the flags by name.
type Flags struct {
	*flag.FlagSet
	about   string
	groups  []group
	version bool
}

type group struct {
	title string
	from  map[string]bool // flags defined before this group
}

// NewFlags makes an empty set. about says in a few lines what the command does.
func NewFlags(name, about string) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), about: about}
	f.SetOutput(io.Discard) // Parse reports, once
	return f
}

// Group starts a group: flags defined from here on belong to it.
func (f *Flags) Group(title string) {
	f.groups = append(f.groups, group{title, f.defined()})
}

func (f *Flags) defined() map[string]bool {
	names := map[string]bool{}
	f.VisitAll(func(g *flag.Flag) { names[g.Name] = true })
	return names
}

// Parse parses the arguments. For -h it prints the help and returns
// flag.ErrHelp; any other error is bad usage.
func (f *Flags) Parse(args []string) error {
	if f.Lookup("version") == nil {
		f.Group("Help")
		f.BoolVar(&f.version, "version", false, "print what this program is, and end")
	}
	f.VisitAll(func(g *flag.Flag) { g.Value = wrap(g.Value) })
	err := f.FlagSet.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		f.help(os.Stdout)
		return err
	}
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if err != nil {
		return Usagef("%s: %w%s (-h lists the flags)", f.Name(), err, f.nearest(err))
	}
	if f.version {
		fmt.Println(Version(f.Name()))
		return flag.ErrHelp
	}
	return nil
}

// nearest suggests a flag in the place of one that is not known.
func (f *Flags) nearest(err error) string {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if near, ok := names.Nearest(name, slices.Collect(maps.Keys(f.defined()))); unknown && ok {
		return fmt.Sprintf(", did you mean -%s?", near)
	}
	return ""
}

// Error is bad usage of what a package says of a setting: where its text begins with the
// name of a flag, it is the flag that is named.
func (f *Flags) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if pkg, rest, found := strings.Cut(text, ": "); found && !strings.Contains(pkg, " ") {
		text = rest
	}
	longest := ""
	for name := range f.defined() {
		if words := strings.ReplaceAll(name, "-", " "); strings.HasPrefix(text, words+" ") && len(name) > len(longest) {
			longest = name
		}
	}
	if longest != "" {
		text = "-" + longest + text[len(longest):]
	}
	return Usagef("%s: %s", f.Name(), text)
}

// Given lists the flags that Parse found in the arguments: the text of each by its name.
func (f *Flags) Given() map[string]string {
	given := map[string]string{}
	f.Visit(func(g *flag.Flag) { given[g.Name] = g.Value.String() })
	return given
}

// Texts lists the texts of all flags by their names.
func (f *Flags) Texts() map[string]string {
	texts := map[string]string{}
	f.VisitAll(func(g *flag.Flag) { texts[g.Name] = g.Value.String() })
	return texts
}

// Again sets flags to texts that they have had before, after the defaults under them changed.
func (f *Flags) Again(given map[string]string) {
	for name, text := range given {
		f.Set(name, text) // cannot fail: the flag has taken this text
	}
}

func (f *Flags) help(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", f.Name(), f.about)
	for i, g := range f.groups {
		next := f.defined()
		if i+1 < len(f.groups) {
			next = f.groups[i+1].from
		}
		fmt.Fprintf(w, "\n%s\n", g.title)
		f.VisitAll(func(fl *flag.Flag) {
			if !next[fl.Name] || g.from[fl.Name] {
				return
			}
			arg, usage := flag.UnquoteUsage(fl)
			def := fl.DefValue
			if def == "" {
				def = `""`
			}
			fmt.Fprintf(w, "  %-22s %s (default %s)\n", strings.TrimSpace("-"+fl.Name+" "+arg), usage, def)
		})
	}
}
