package cli

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
)

type broken struct{ next *broken }

func (b *broken) deep(n int) int {
	if n == 0 {
		return b.next.deep(1) // nil
	}
	return b.next.deep(0)
}

// A panic is one line that names the command and the place; errors pass.
func TestGuarded(t *testing.T) {
	failed := errors.New("train: failed")
	for _, test := range []struct {
		name string
		run  func(context.Context, []string) error
		want string
	}{
		{"error", func(context.Context, []string) error { return failed }, `^train: failed$`},
		{"nil", func(context.Context, []string) error { return nil }, ``},
		{"text", func(context.Context, []string) error { panic("a\nb") }, `^train: panic: a; b, at cli/panic_test\.go:\d+: this is a fault of govae or of a part: please report it, with the stack that GOVAE_STACK=1 prints$`},
		{"nil pointer", func(context.Context, []string) error { (&broken{}).deep(0); return nil }, `^train: panic: runtime error: invalid memory address or nil pointer dereference, at cli/panic_test\.go:18: `},
		{"nil panic", func(context.Context, []string) error { panic(nil) }, `^train: panic: panic called with nil argument.*, at cli/panic_test\.go:\d+: `},
		{"in a library", func(_ context.Context, args []string) error { return errors.New(strings.Repeat("x", -len(args))) }, `^train: panic: strings: negative Repeat count, at strings/strings\.go:\d+`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stderr bytes.Buffer
			err := guarded(context.Background(), "train", test.run, []string{"x"}, &stderr)
			got := ""
			if err != nil {
				got = oneLine(err.Error())
			}
			if !regexp.MustCompile(test.want).MatchString(got) || (test.want == "") != (err == nil) || stderr.Len() > 0 {
				t.Errorf("%q and %q, want %s", got, stderr.String(), test.want)
			}
		})
	}
	t.Setenv(stackVariable, "1")
	var stderr bytes.Buffer
	err := guarded(context.Background(), "train", func(context.Context, []string) error { panic("x") }, nil, &stderr)
	if err == nil || !strings.HasSuffix(err.Error(), "with this stack") || !strings.Contains(stderr.String(), "TestGuarded") {
		t.Errorf("%v, and a stack of %q", err, stderr.String())
	}
}
