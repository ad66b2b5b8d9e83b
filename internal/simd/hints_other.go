//go:build !amd64

package simd

import "runtime"

func pause(int) { runtime.Gosched() }

// Prefetch does nothing here.
func Prefetch([]uint8) {}
