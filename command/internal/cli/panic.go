package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"govae/internal/panics"
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
		err = fmt.Errorf("%s: %w: this is a fault of govae or of a part: %s", name, panics.Error(what), advice)
	}()
	return run(ctx, args)
}
