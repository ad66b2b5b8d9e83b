package dist

import (
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/nn"
)

// Prior is p(z), or p(z|y) given labels, with parameters of its own.
type Prior interface {
	// Name is the short name that a model is saved with.
	Name() string
	// On is the batch of distributions on a graph; y is [R,Labels], nil for none.
	On(g *G.ExprGraph, y *G.Node) (Dist, error)
	// Sample draws n codes [n,Z], given labels y [n,Labels] or nil. A temperature of 1 is
	// the prior; every standard deviation is multiplied by it.
	Sample(n int, y []float32, temperature float64, src rand.Source) ([]float32, error)
	// At is the distribution as plain numbers, given the labels of one code or nil.
	At(y []float64) (Value, error)
	// Params lists what training changes, under names that start with "prior.".
	Params() []*nn.Param
}
