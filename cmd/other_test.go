//go:build !unix

package cmd_test

import "testing"

// modest does nothing where there is no way to know.
func modest(*testing.T, result) {}
