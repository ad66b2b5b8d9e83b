package nn

import (
	"fmt"
	"math"

	"govae/internal/names"
)

// An initialisation gives the bounds of the uniform distributions that the weights and the
// biases of a layer of in inputs and out outputs are drawn from, U(−bound, bound).
type initialisation func(in, out int) (weight, bias float64)

var inits = &names.Registry[initialisation]{Kind: "initialisation"}

func init() {
	inits.Register("pytorch", func(in, _ int) (weight, bias float64) { return 1 / math.Sqrt(float64(in)), 1 / math.Sqrt(float64(in)) })
	inits.Register("glorot", func(in, out int) (weight, bias float64) { return math.Sqrt(6 / float64(in+out)), 0 })
}

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

// initOf is the initialisation of a name. One without a function is an error.
func initOf(name string) (initialisation, error) {
	f, err := inits.Get(name)
	if err == nil && f == nil {
		err = fmt.Errorf("initialisation %q is registered without a function", name)
	}
	return f, err
}

// Inits lists the names of the initialisations, sorted.
func Inits() []string { return inits.Names() }
