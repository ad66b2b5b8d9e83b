package dist

import "math"

// BitsPerDim is nats/(X·log 2): bits per pixel of an image of X pixels, for
// −log p(x) or a bound on it in nats. For the probability of 256 levels it is
// comparable between models, and 8 for the uniform distribution. That of a density
// on [0,1] can be negative.
func BitsPerDim(nats float64, pixels int) float64 { return nats / (float64(pixels) * math.Ln2) }
