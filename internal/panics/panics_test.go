package panics

import (
	"errors"
	"strings"
	"testing"
)

var errMine = errors.New("an error of mine")

func caught(f func()) (err error) {
	defer func() { err = Error(recover()) }()
	f()
	return nil
}

// The error says what the panic was and where, and wraps it if it was an error.
func TestError(t *testing.T) {
	var none []int
	for want, f := range map[string]func(){
		"panic: 7, at panics/panics_test.go:21":                 func() { panic(7) },
		"panic: an error of mine, at panics/panics_test.go:22":  func() { panic(errMine) },
		"panic: runtime error: index out of range [3] with len": func() { _ = none[3] },
	} {
		err := caught(f)
		if !strings.HasPrefix(err.Error(), want) || strings.Contains(want, "mine") != errors.Is(err, errMine) {
			t.Errorf("error %v, want %s", err, want)
		}
		if !strings.Contains(err.Error(), ", at panics/panics_test.go:2") {
			t.Errorf("error %v does not say where", err)
		}
	}
}
