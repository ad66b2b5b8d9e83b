package nn

import (
	"fmt"
	"math"
	"strings"
)

// An initialisation gives the bounds of the uniform distributions that the weights and the
// biases of a layer of in inputs and out outputs are drawn from, U(−bound, bound).
type initialisation func(in, out int) (weight, bias float64)

// inits are the initialisations:
//
//	pytorch  W, b ~ U(−1/√I, 1/√I): the default of PyTorch's nn.Linear
//	glorot   W ~ U(−√(6/(I+O)), √(6/(I+O))), b = 0: Glorot & Bengio 2010, eq. 16
var inits = map[string]initialisation{
	"pytorch": func(in, _ int) (weight, bias float64) { return 1 / math.Sqrt(float64(in)), 1 / math.Sqrt(float64(in)) },
	"glorot":  func(in, out int) (weight, bias float64) { return math.Sqrt(6 / float64(in+out)), 0 },
}

// Inits lists the names of the initialisations.
func Inits() []string { return []string{"pytorch", "glorot"} }

func initOf(name string) (initialisation, error) {
	f, ok := inits[name]
	if !ok {
		return nil, fmt.Errorf("unknown initialisation %q: choose %s", name, either(Inits()))
	}
	return f, nil
}

// either lists names in words: a, b or c.
func either(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
