// Package panics makes errors of panics in functions that a user wrote and the library calls.
package panics

import (
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"
)

// inner are the beginnings of the names of functions that a user cannot change: where one
// of these panicked, the place that called it counts too.
var inner = []string{"govae/graph.", "govae/internal/", "gorgonia.org/"}

// Error is the error of what recover returned: what the panic was, and the file and line of
// it. The deferred function that recovered calls it.
func Error(recovered any) error {
	if err, ok := recovered.(error); ok {
		return fmt.Errorf("panic: %w, at %s", err, place())
	}
	return fmt.Errorf("panic: %v, at %s", recovered, place())
}

// place is where the panic was. The functions that it went through are still on the stack.
func place() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var at []string
	for panicked, more := false, true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		panicked = panicked || f.Function == "runtime.gopanic"
		if !panicked || strings.HasPrefix(f.Function, "runtime.") {
			continue
		}
		within := slices.ContainsFunc(inner, func(prefix string) bool { return strings.HasPrefix(f.Function, prefix) }) && !strings.HasSuffix(f.File, "_test.go")
		if at == nil || !within {
			at = append(at, fmt.Sprintf("%s:%d", path.Join(path.Base(path.Dir(f.File)), path.Base(f.File)), f.Line))
		}
		if !within {
			break
		}
	}
	return strings.Join(at, ", called at ")
}
