package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"

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

// initOf is the initialisation of that name.
func initOf(name string) (initialisation, error) {
	f, err := inits.Get(name)
	if err == nil && f == nil {
		err = fmt.Errorf("initialisation %q is registered without a function", name)
	}
	return f, err
}

// Inits lists the names of the initialisations, sorted.
func Inits() []string { return inits.Names() }

// NewLinear makes a layer of i inputs and o outputs, float32 or float64, whose initial
// weights come from src as init says (Inits lists the names).
//
// With several names the layer is several heads of o/len(names) outputs each, which init
// counts one by one. W and B are named NAME.weight and NAME.bias. It is an error if there
// is no such init, no input, no name, or no whole number of outputs for each name.
func NewLinear(dt tensor.Dtype, o, i int, act Activation, init string, src rand.Source, names ...string) (Linear, error) {
	bounds, err := initOf(init)
	if err != nil {
		return Linear{}, err
	}
	if o < 1 || i < 1 || len(names) == 0 || o%len(names) != 0 {
		return Linear{}, fmt.Errorf("nn: a layer of %d inputs and %d outputs named %q, want at least 1 of each, and a whole number of outputs for each name", i, o, names)
	}
	var weights, biases []string
	for _, n := range names {
		weights, biases = append(weights, n+".weight"), append(biases, n+".bias")
	}
	l := Linear{W: NewParam(dt, "", o, i), B: NewParam(dt, "", o), Act: act}
	l.W.Names, l.B.Names = weights, biases
	r := rand.New(src)
	bound, biasBound := bounds(i, o/len(names))
	if !(bound >= 0 && biasBound >= 0) || math.IsInf(bound+biasBound, 0) {
		return Linear{}, fmt.Errorf("nn: initialisation %s of %d inputs and %d outputs: bounds %v and %v, want finite numbers of at least 0", init, i, o/len(names), bound, biasBound)
	}
	l.W.Fill(uniform(r, bound))
	l.B.Fill(uniform(r, biasBound))
	return l, nil
}

// uniform draws from U(−bound, bound).
func uniform(r *rand.Rand, bound float64) func() float64 {
	return func() float64 { return bound * (2*r.Float64() - 1) }
}

// CheckNames returns an error if there is no such activation of hidden layers, or no
// such initialisation. It lists those that there are.
func CheckNames(activation, init string) error {
	if _, err := activationOf(activation); err != nil {
		return err
	}
	_, err := initOf(init)
	return err
}
