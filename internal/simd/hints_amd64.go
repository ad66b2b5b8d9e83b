package simd

// pause waits for about n·40 cycles without keeping the core's other half busy.
//
//go:noescape
func pause(n int)

// Prefetch asks for bytes that will be read soon, such as the next image of a
// shuffled batch, whose place in memory the processor cannot guess.
func Prefetch(b []uint8) {
	if len(b) > 0 {
		prefetch(&b[0], len(b))
	}
}

//go:noescape
func prefetch(p *uint8, n int)

// prefetch2 asks for n bytes in the second-level cache.
//
//go:noescape
func prefetch2(p *float32, n int)
