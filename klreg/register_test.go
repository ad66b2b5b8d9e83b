package klreg_test

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/klreg"
)

// exponential is a batch of rows of exponential variables x ≥ 0, from their log-rates.
type exponential struct {
	logRate *G.Node // [R,D]
}

// LogProb implements dist.Dist: Σ_j (logRate_j − exp(logRate_j)·x_j), here without a gradient.
func (e exponential) LogProb(x *G.Node) (*G.Node, error) {
	terms, err := graph.Compute("exponential", nil, graph.Each(func(v []float64) float64 { return v[0] - math.Exp(v[0])*v[1] }), e.logRate, x)
	if err != nil {
		return nil, err
	}
	return graph.RowSums(terms)
}

// exponentialKL is log(a/b) + b/a − 1 of each variable with the rates a and b. Its derivatives
// along log a and log b are 1 − b/a and b/a − 1.
func exponentialKL(q, p dist.Dist) (*G.Node, error) {
	slope := func(sign float64) graph.Kernel { // from dkl, kl, log a and log b
		return graph.Each(func(v []float64) float64 { return sign * v[0] * math.Expm1(v[3]-v[2]) })
	}
	return graph.Op{Name: "exponentialKL", Run: graph.Each(func(v []float64) float64 { return math.Expm1(v[1]-v[0]) - (v[1] - v[0]) }),
		Grads: []graph.Kernel{slope(-1), slope(1)}}.Apply(q.(exponential).logRate, p.(exponential).logRate)
}

func init() { klreg.Register(exponential{}, exponential{}, exponentialKL) }

// A family of one's own has a closed form as soon as it is registered. Then vae's ELBO
// finds it too, and free bits work on its dimensions.
func ExampleRegister() {
	g := G.NewGraph()
	rates := func(name string, logs ...float64) exponential {
		v := tensor.New(tensor.WithShape(1, len(logs)), tensor.WithBacking(logs))
		return exponential{G.NewMatrix(g, tensor.Float64, G.WithName(name), G.WithShape(1, len(logs)), G.WithValue(v))}
	}
	q, p := rates("q", math.Log(4), 0), rates("p", 0, 0)
	fmt.Println(klreg.HasClosed(q, p), klreg.HasClosed(q, dist.StandardBatch{}))
	dims, err := klreg.KL(q, p)
	if err != nil {
		fmt.Println(err)
		return
	}
	var kl G.Value
	G.Read(dims, &kl)
	vm := G.NewTapeMachine(g)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.4f nats\n", kl.Data())
	_, err = klreg.KL(q, dist.StandardBatch{})
	fmt.Println(err)
	// Output:
	// true false
	// [0.6363 0.0000] nats
	// klreg: no closed form of KL(klreg_test.exponential ‖ dist.StandardBatch) is registered: estimate it, or register one by klreg.Register
}
