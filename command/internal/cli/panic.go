package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// stackVariable, if it is set in the environment, has the stack of a panic printed.
const stackVariable = "GOVAE_STACK"

// guarded runs a command of that name. A panic is an error that says where it was; its stack
// goes to stderr if stackVariable is set. One in another goroutine ends the process as ever.
func guarded(ctx context.Context, name string, run func(ctx context.Context, args []string) error, args []string, stderr io.Writer) (err error) {
	defer func() {
		what := recover()
		if what == nil {
			return
		}
		advice := "please report it, with the stack that " + stackVariable + "=1 prints"
		if os.Getenv(stackVariable) != "" {
			stderr.Write(debug.Stack())
			advice = "please report it, with this stack"
		}
		err = fmt.Errorf("%s: panic: %v%s: this is a fault of govae or of a part: %s", name, what, panicked(), advice)
	}()
	return run(ctx, args)
}

// panicked says where the panic was that the caller has recovered from: the innermost line of
// code that is not of the Go runtime.
func panicked() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)]) // without Callers, this function and its caller
	for {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") {
			return fmt.Sprintf(", at %s:%d of package %s", filepath.Base(f.File), f.Line, packageOf(f.Function))
		}
		if !more {
			return ""
		}
	}
}

// packageOf is the package of a function by its whole name, such as govae/dist.Normal.On.
func packageOf(function string) string {
	dir, name := "", function
	if i := strings.LastIndexByte(strings.Split(function, "[")[0], '/'); i >= 0 {
		dir, name = function[:i+1], function[i+1:]
	}
	pkg, _, _ := strings.Cut(name, ".")
	return dir + pkg
}
