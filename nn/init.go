package nn

import "math"

// An initialisation gives the bounds of the uniform distributions that the weights and the
// biases of a layer of in inputs and out outputs are drawn from, U(−bound, bound).
type initialisation func(in, out int) (weight, bias float64)

var inits = func() *choices[initialisation] {
	c := &choices[initialisation]{}
	c.Kind = "initialisation"
	c.builtin("pytorch", func(in, _ int) (weight, bias float64) { return 1 / math.Sqrt(float64(in)), 1 / math.Sqrt(float64(in)) })
	c.builtin("glorot", func(in, out int) (weight, bias float64) { return math.Sqrt(6 / float64(in+out)), 0 })
	return c
}()

// RegisterInit adds an initialisation under a name, for NewLinear and MLPConfig.Init. f
// gives the bounds of the weights and the biases of a layer of in inputs and out outputs,
// which are drawn from U(−bound, bound). The bounds are finite and at least 0.
//
// These are there:
//
//	pytorch  W, b ~ U(−1/√I, 1/√I): the default of PyTorch's nn.Linear
//	glorot   W ~ U(−√(6/(I+O)), √(6/(I+O))), b = 0: Glorot & Bengio 2010, eq. 16
//
// It is meant for init functions. A name that is registered twice is an error when it is
// used.
func RegisterInit(name string, f func(in, out int) (weight, bias float64)) { inits.Register(name, f) }

// Inits lists the names of the initialisations: pytorch, glorot, then those that were
// registered, sorted.
func Inits() []string { return inits.all() }
