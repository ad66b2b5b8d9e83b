package cli

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"

	"golang.org/x/term"

	"govae/internal/simd"
)

// Terminal reports whether f is a terminal that takes cursor movements, and its width in
// columns.
func Terminal(f *os.File) (width int, ok bool) {
	if os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return width, err == nil
}

// Output writes what a command says while it works. What can't be written ends nothing: the
// first error is kept for the end. Control characters are written as Go does in quotes.
type Output struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

// NewOutput is an Output to w.
func NewOutput(w io.Writer) *Output { return &Output{w: w} }

// Write implements io.Writer; it never fails.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		_, o.err = io.WriteString(o.w, printable(string(b)))
	}
	return len(b), nil
}

// Err is the first error of a Write, nil if all was written. done says what is safe, such as
// "the run in runs/mnist is done".
func (o *Output) Err(command, done string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s, but not all of its output could be written: %w", command, done, o.err)
}

// Status returns show, which puts a line on a terminal's standard error in the place of
// the one before, and clean, which takes it away. Elsewhere both do nothing.
func Status() (show func(format string, args ...any), clean func()) {
	if _, ok := Terminal(os.Stderr); !ok {
		return func(string, ...any) {}, func() {}
	}
	return func(format string, args ...any) { fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...) },
		func() { fmt.Fprint(os.Stderr, "\r\x1b[K") }
}

// Version says what a command was built from, and what it runs on.
func Version(command string) string {
	revision := "unknown revision"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				revision += ", modified"
			}
		}
	}
	return fmt.Sprintf("govae %s: %s; %s, %s/%s, SIMD level %s", command, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH, simd.Current())
}
