package optest

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/internal/simd"
	"govae/klreg"
	"govae/nn"
)

// Wrong shapes, mixed precisions and other types are errors when the graph is
// built, and the error says which operation it was.
func TestShapeErrors(t *testing.T) {
	g := G.NewGraph()
	in := func(dt tensor.Dtype, shape ...int) *G.Node {
		return G.NewTensor(g, dt, len(shape), G.WithShape(shape...), G.WithName(fmt.Sprint(dt, shape)))
	}
	f := func(shape ...int) *G.Node { return in(tensor.Float64, shape...) }
	f32 := func(shape ...int) *G.Node { return in(tensor.Float32, shape...) }
	scalar := G.NewScalar(g, tensor.Float64, G.WithName("scalar"))
	linear := func(x, w, b *G.Node) func() (*G.Node, error) {
		return func() (*G.Node, error) { return nn.Dense(x, w, b, nn.ReLU) }
	}
	for _, tt := range []struct {
		what, want string
		build      func() (*G.Node, error)
	}{
		{"inputs of another width", "linear", linear(f(2, 3), f(4, 5), f(4))},
		{"bias of another length", "linear", linear(f(2, 3), f(4, 3), f(3))},
		{"bias of two dimensions", "linear", linear(f(2, 3), f(4, 3), f(4, 1))},
		{"weight of one dimension", "linear", linear(f(2, 3), f(3), f(3))},
		{"input of three dimensions", "linear", linear(f(1, 2, 3), f(4, 3), f(4))},
		{"scalar input", "linear", linear(scalar, f(4, 3), f(4))},
		{"two precisions", "linear", linear(f(2, 3), f32(4, 3), f(4))},
		{"from below 0", "columns", func() (*G.Node, error) { return graph.Columns(f(2, 3), -1, 2) }},
		{"to beyond the width", "columns", func() (*G.Node, error) { return graph.Columns(f(2, 3), 0, 4) }},
		{"no column", "columns", func() (*G.Node, error) { return graph.Columns(f(2, 3), 1, 1) }},
		{"a vector", "columns", func() (*G.Node, error) { return graph.Columns(f(3), 0, 1) }},
		{"eps of another shape", "reparameterize", func() (*G.Node, error) { return dist.Reparameterize(f(2, 6), f(3, 2)) }},
		{"means alone", "reparameterize", func() (*G.Node, error) { return dist.Reparameterize(f(2, 3), f(2, 3)) }},
		{"eps in float32", "reparameterize", func() (*G.Node, error) { return dist.Reparameterize(f(2, 6), f32(2, 3)) }},
		{"vectors", "gaussianKL", func() (*G.Node, error) { return klreg.GaussianDimsNode(f(6)) }},
		{"an odd width", "gaussianKL", func() (*G.Node, error) { return klreg.GaussianDimsNode(f(2, 3)) }},
		{"a vector", "row sums", func() (*G.Node, error) { return graph.RowSums(f(3)) }},
		{"pixels of another shape", "bernoulli", func() (*G.Node, error) { return negLogProb(dist.Bernoulli{}, f(2, 3), f(1, 3)) }},
		{"pixels in float32", "bernoulli", func() (*G.Node, error) { return negLogProb(dist.Bernoulli{}, f(2, 3), f32(2, 3)) }},
		{"vectors", "gaussian", func() (*G.Node, error) { return negLogProb(dist.Gaussian{Sigma: math.Sqrt(1)}, f(3), f(3)) }},
		{"pixels of another shape", "continuousBernoulli", func() (*G.Node, error) { return negLogProb(dist.ContinuousBernoulli{}, f(2, 3), f(2, 4)) }},
		{"one parameter a pixel", "gaussianPixel", func() (*G.Node, error) {
			return negLogProb(dist.GaussianPixel{MinSigma: math.Sqrt(1)}, f(2, 3), f(2, 3))
		}},
		{"one parameter a pixel", "logistic256", func() (*G.Node, error) { return negLogProb(dist.Logistic256{}, f(2, 3), f(2, 3)) }},
		{"pixels of three dimensions", "logistic256", func() (*G.Node, error) { return negLogProb(dist.Logistic256{}, f(2, 6), f(2, 3, 1)) }},
		{"a matrix", "mean", func() (*G.Node, error) { return graph.Mean(f(2, 3)) }},
		{"a scalar", "mean", func() (*G.Node, error) { return graph.Mean(scalar) }},
		{"a vector", "free bits", func() (*G.Node, error) { return freeBits(f(3), 1) }},
		{"integers", "rowSums", func() (*G.Node, error) { return graph.RowSums(in(tensor.Int, 2, 3)) }},
	} {
		n, err := tt.build()
		if err == nil {
			t.Errorf("%s of %s: no error, result %v", tt.want, tt.what, n.Shape())
		} else if !strings.Contains(err.Error(), ": ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s of %s: error %q does not name the operation", tt.want, tt.what, err)
		}
	}
}

func TestNoSecondDerivative(t *testing.T) {
	m := G.NewMatrix(G.NewGraph(), tensor.Float64, G.WithName("m"), G.WithShape(2, 2))
	grads, err := G.Grad(G.Must(graph.Mean(G.Must(graph.RowSums(m)))), m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := G.Grad(G.Must(G.Sum(grads[0])), m); err == nil {
		t.Error("an operation of a gradient has a gradient")
	}
}

// A kernel that panics gives an error: Gorgonia runs it on a goroutine of its own,
// where a panic would end the process.
func TestPanicInKernelIsAnError(t *testing.T) {
	g := G.NewGraph()
	x := G.NewVector(g, tensor.Float64, G.WithName("x"), G.WithShape(2), G.WithValue(tensor.New(tensor.WithBacking([]float64{1, 2}))))
	k := graph.Kernel{F64: func(out []float64, in [][]float64) { out[0] = in[0][len(out)] }}
	if _, err := graph.Compute("broken", tensor.Shape{2}, k, x); err != nil {
		t.Fatal(err)
	}
	err := G.NewTapeMachine(g).RunAll()
	if err == nil || !strings.Contains(err.Error(), "graph: broken: panic: runtime error: index out of range") {
		t.Errorf("error %v", err)
	}
}

// So does one that panics on another core, in a part of the rows. The test runs
// in a process of its own, which such a panic would end.
func TestPanicOnAnotherCoreIsAnError(t *testing.T) {
	const env, b, n = "GOVAE_TEST_PANIC", 2, 1 << 14
	if os.Getenv(env) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanicOnAnotherCoreIsAnError$")
		cmd.Env = append(os.Environ(), env+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v; output:\n%.600s", err, out)
		}
		return
	}
	runtime.GOMAXPROCS(2)
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(b, n), G.WithValue(tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(b, n))))
	k := graph.Kernel{F64: func(out []float64, in [][]float64) { simd.Bernoulli(out, nil, in[0], in[0][:n:n]) }} // the second row is missing
	if _, err := graph.Compute("short", tensor.Shape{b}, k, x); err != nil {
		t.Fatal(err)
	}
	if err := G.NewTapeMachine(g).RunAll(); err == nil || !strings.Contains(err.Error(), "graph: short: ") {
		t.Errorf("error %v", err)
	}
}

// Values whose numbers do not lie in rows, one after another, would be read in the
// wrong order: they are an error or are read right, but never silently wrong.
func TestViewsAreNotMisread(t *testing.T) {
	dense := func(data []float64, opts ...tensor.ConsOpt) *tensor.Dense {
		return tensor.New(append([]tensor.ConsOpt{tensor.WithShape(2, 2), tensor.WithBacking(data)}, opts...)...)
	}
	slice := func(d *tensor.Dense) *tensor.Dense { // columns 0 and 1 of [2,3]
		v, err := d.Slice(nil, G.S(0, 2))
		if err != nil {
			t.Fatal(err)
		}
		return v.(*tensor.Dense)
	}
	transposed := dense([]float64{1, 3, 2, 4})
	if err := transposed.T(); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]*tensor.Dense{ // each is [1 2; 3 4]
		"rows":          dense([]float64{1, 2, 3, 4}),
		"column slice":  slice(tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{1, 2, -1, 3, 4, -1}))),
		"transposed":    transposed,
		"Fortran order": tensor.New(tensor.WithShape(2, 2), tensor.AsFortran([]float64{1, 2, 3, 4})),
	} {
		t.Run(name, func(t *testing.T) {
			if e, _ := v.At(1, 0); e != 3.0 {
				t.Fatalf("the test is wrong: element 1,0 is %v", e)
			}
			g := G.NewGraph()
			x := G.NewMatrix(g, tensor.Float64, G.WithName("x"), G.WithShape(2, 2), G.WithValue(v))
			sums := G.Must(graph.RowSums(x))
			if err := G.NewTapeMachine(g).RunAll(); err != nil {
				return
			}
			check(t, "row sums", numbers(t, sums.Value()), []float64{3, 7}, nil, 0)
		})
	}
}

// A likelihood's derivative lies in one buffer, which one gradient can use.
func TestLikelihoodIsDifferentiatedOnce(t *testing.T) {
	g := G.NewGraph()
	x := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(make([]float64, 6)))
	l := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(make([]float64, 6)))
	logits := G.NewMatrix(g, G.Float64, G.WithName("l"), G.WithShape(2, 3), G.WithValue(l))
	pixels := G.NewMatrix(g, G.Float64, G.WithName("x"), G.WithShape(2, 3), G.WithValue(x))
	d, err := negLogProb(dist.Bernoulli{}, logits, pixels)
	if err != nil {
		t.Fatal(err)
	}
	sd := d.Op().(G.SDOp)
	if _, err := sd.SymDiff(G.Nodes{logits, pixels}, d, d); err != nil {
		t.Fatal(err)
	}
	if _, err := sd.SymDiff(G.Nodes{logits, pixels}, d, d); err == nil {
		t.Error("a second gradient was given")
	}
}
