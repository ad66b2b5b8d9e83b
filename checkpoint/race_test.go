//go:build race

package checkpoint

// The race detector allocates for itself.
func init() { slack = 1 << 20 }
