// Package dist has one idea of a distribution, for q(z|x), p(z) and p(x|z) alike. Each
// stands twice: as a batch on a Gorgonia graph (Dist), which training differentiates, and as
// plain float64 (Value), which is its definition, imports no graph, and is what tests hold
// the first to. All log densities are in nats.
//
// A Family makes both of the parameters that a network gives; a Conditional is a network
// with a Family. A Prior has parameters of its own.
//
// Sizes: R rows, D numbers of a row, Z latent dimensions, X pixels.
package dist

import (
	"math/rand/v2"

	G "gorgonia.org/gorgonia"

	"govae/nn"
)

// Dist is a batch of R distributions over rows of D numbers, on a graph.
type Dist interface {
	// LogProb adds log p(x) of x [R,D] to the graph: [R], in nats. The graph can be
	// differentiated through it with respect to the parameters, and for what is drawn
	// with respect to x as well.
	LogProb(x *G.Node) (*G.Node, error)
}

// Value is one distribution over D numbers as plain float64. Its methods panic if a length
// is wrong.
type Value interface {
	// LogProb is log p(x) of x [D], in nats.
	LogProb(x []float64) float64
	// Mean is E[x], [D]; for a Transformed distribution, where there is no closed form,
	// what the flow makes of the mean.
	Mean() []float64
	// Sample draws x [D].
	Sample(src rand.Source) []float64
}

// Family is a kind of distribution, whose parameters are numbers that a network gives. All
// methods are safe for concurrent use, as long as nobody trains its Params. A family may have
// three methods more:
//
//	Validate() error                              what is wrong with its fields; a model asks first
//	Means(params []float32, dim int) []float32    E[x|z] of rows, faster than At (function Means)
//	CheckRows(x []float32) error                  what its Domain can't say of rows x (function Check)
//
// A batch that On gives may have NegLogProb(x *G.Node) (*G.Node, error), which is −log p(x) in
// one operation (function NegLogProb), and Rows() int, its number of rows (klreg.KL). A Value
// may have Tempered(t float64) (Value, error) (function Temper).
type Family interface {
	// Name is the short name in errors and reports. A model is saved with the name that the
	// family is registered under (package vae), which is best the same.
	Name() string
	// Domain says what the numbers of a row may be.
	Domain() Domain
	// Outputs is the number of parameters of a distribution over dim numbers, the width
	// of the network's output. Where each number has two, all of one kind come first.
	Outputs(dim int) int
	// Params lists what training changes in the family itself, always in the same
	// order, under names of their own. Most have none.
	Params() []*nn.Param
	// On is the batch that parameters [R,Outputs(D)] on a graph stand for.
	On(params *G.Node) (Dist, error)
	// At is the distribution of parameters [Outputs(D)].
	At(params []float64) Value
}

// Code is a Family that a latent code can have: one whose draws are functions of noise,
// through which gradients pass. Its On returns a Drawable.
type Code interface {
	Family
	// Noise is how many numbers from N(0,1) a draw of dim numbers takes, at least 1.
	Noise(dim int) int
}

// Drawable is a Dist that can be drawn on the graph.
type Drawable interface {
	Dist
	// Draw adds a draw for each row to the graph, made of noise eps [R,Noise(D)].
	Draw(eps *G.Node) (*Draw, error)
	// Center adds the point that stands for each row, [R,D]: the mean where there is one.
	Center() (*G.Node, error)
}

// Draw is a draw z from a batch of distributions q.
type Draw struct {
	Z   *G.Node // [R,D]
	Eps *G.Node // the noise that it was made of

	// LogProb adds log q(z) to the graph: [R], in nats, computed from the noise. Its
	// gradient is the total one, along z as well as along the parameters of q.
	LogProb func() (*G.Node, error)
	// PathLogProb adds log q(z) with the parameters of q held fixed: its gradient goes
	// along z alone, which may be another node of Z's value. What it leaves out is the
	// score, whose expectation is zero (Roeder, Wu & Duvenaud 2017, arXiv:1703.09194).
	PathLogProb func(z *G.Node) (*G.Node, error)
}
