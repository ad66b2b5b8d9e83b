package dist

import (
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/nn"
)

// Prior is p(z), or p(z|y) given labels, with parameters of its own. It may have two methods
// more, Domain() Domain, if codes are no real numbers, and Validate() error, which a model asks
// first.
type Prior interface {
	// Name is the short name in errors and reports. A model is saved with the name that the
	// prior is registered under (package vae), which is best the same.
	Name() string
	// On is the batch of distributions on a graph; y is [R,Labels], nil for none. The number of
	// rows R is not known without labels: the LogProb of what On gives takes z of any number of
	// rows (a RepeatedBatch makes one distribution do so).
	On(g *G.ExprGraph, y *G.Node) (Dist, error)
	// Sample draws n codes [n,Z], given labels y [n,Labels] or nil. A temperature of 1 is
	// the prior; every standard deviation is multiplied by it.
	Sample(n int, y []float32, temperature float64, src rand.Source) ([]float32, error)
	// At is the distribution as plain numbers, given the labels of one code or nil.
	At(y []float64) (Value, error)
	// Params lists what training changes, under names that start with "prior.".
	Params() []*nn.Param
}
