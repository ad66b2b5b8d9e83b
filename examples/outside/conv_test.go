package outside

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/mnist"
	"govae/nn"
	"govae/vae"
)

// The gradients of all parameters are held to differences. Gorgonia's operations write into
// memory of earlier runs, so the program runs many times.
func TestConvGradients(t *testing.T) {
	spec := vae.Spec{Config: vae.Config{Rows: 8, Cols: 4, Hidden: []int{2, 3}, Latent: 2, Init: "pytorch"},
		Dtype: tensor.Float64, Source: seeded(), Posterior: dist.Normal{}, Likelihood: dist.Bernoulli{}}
	for _, name := range []string{"encoder", "decoder"} {
		net, err := newConv(spec, name, map[string]int{"encoder": 4, "decoder": 32}[name])
		if err != nil {
			t.Fatal(err)
		}
		const rows = 3
		checkParams(t, name, net, rows)
	}
}

// checkParams differentiates Σ c·net(x) with fixed numbers c, at random x.
func checkParams(t *testing.T, name string, net nn.Network, rows int) {
	in, _, out := net.Dims()
	r := rand.New(seeded())
	random := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = r.NormFloat64()
		}
		return v
	}
	p, err := graph.Compile(tensor.Float64, func(b *graph.Builder) error {
		y, err := net.Apply(data(b.Graph(), "x", random(rows*in), rows, in), nil)
		if err != nil {
			return err
		}
		weighted, err := G.HadamardProd(y, data(b.Graph(), "c", random(rows*out), rows, out))
		if err != nil {
			return err
		}
		cost, err := G.Sum(weighted)
		if err != nil {
			return err
		}
		var wrt G.Nodes
		for _, p := range net.Params() {
			wrt = append(wrt, p.Node(b.Graph()))
		}
		grads, err := b.Gradients(cost, wrt...)
		if err != nil {
			return err
		}
		b.Output("cost", cost)
		for i, p := range net.Params() {
			b.Output(p.Names[0], grads[i])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cost := func() float64 {
		if err := p.Run(); err != nil {
			t.Fatal(err)
		}
		c, err := p.Number("cost")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, param := range net.Params() {
		w := param.Value.Data().([]float64)
		grad := make([]float64, len(w))
		cost()
		if err := graph.Copy(p, param.Names[0], grad); err != nil {
			t.Fatal(err)
		}
		for j := range w {
			const h = 1e-6
			old := w[j]
			w[j] = old + h
			up := cost()
			w[j] = old - h
			down := cost()
			w[j] = old
			if want := (up - down) / (2 * h); !(math.Abs(grad[j]-want) <= 1e-6*max(1, math.Abs(want))) {
				t.Errorf("%s: gradient %d of %s is %v, differences give %v", name, j, param.Names[0], grad[j], want)
			}
		}
	}
}

// An image is encoded alone as it is among others: rows don't mix.
func TestConvRows(t *testing.T) {
	m := newModel(t, small(convolutional))
	set := load(t).Test
	x := make([]float32, 8*set.Size())
	set.Fill(x, []int{0, 1, 2, 3, 4, 5, 6, 7}, mnist.None, nil)
	together, _, err := m.Encode(x)
	if err != nil {
		t.Fatal(err)
	}
	pictures, err := m.Decode(together)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		alone, _, err := m.Encode(x[i*set.Size():][:set.Size()])
		if err != nil {
			t.Fatal(err)
		}
		picture, err := m.Decode(together[i*8:][:8])
		if err != nil {
			t.Fatal(err)
		}
		near := func(a, b []float32) bool {
			return slices.EqualFunc(a, b, func(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-5 })
		}
		if !near(alone, together[i*8:][:8]) || !near(picture, pictures[i*set.Size():][:set.Size()]) {
			t.Errorf("image %d alone gives other numbers than among 8", i)
		}
	}
}
