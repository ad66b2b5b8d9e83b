package dist

import (
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// newPriorFlow is a flow on codes [R,latent] without a condition.
func newPriorFlow(t testing.TB, latent int, dt tensor.Dtype) *RealNVP {
	t.Helper()
	f, err := NewRealNVP(FlowConfig{Name: "prior.flow", Layers: 3, Latent: latent, Hidden: 4, Init: "glorot"}, dt, seeded(3))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range f.Params() {
		w := normals(uint64(40+i), p.Value.Shape().TotalSize())
		for j := range w {
			w[j] *= 0.5
		}
		set(p.Value, w)
	}
	return f
}

// A Gaussian that a flow transforms has draws and densities of its definition. In float32
// each of three layers rounds its sums again, so 1e-4 is allowed.
func TestTransformedBatch(t *testing.T) {
	flows := map[tensor.Dtype]*RealNVP{}
	for dt := range precisionsOf {
		flows[dt] = newFlow(t, 3, 3, dt)
	}
	// The parameters of both precisions have to be the same numbers.
	for i, p := range flows[tensor.Float32].Params() {
		set(flows[tensor.Float64].Params()[i].Value, p.Numbers())
	}
	codeCheck{dim: 3, rel: 1e-4, make: func(dt tensor.Dtype) Code { return Transformed{Normal{}, flows[dt]} },
		draw: func(f Code, params, eps []float64) []float64 {
			z0 := make([]float64, len(eps))
			for j, e := range eps {
				z0[j] = params[j] + math.Exp(params[len(eps)+j]/2)*e
			}
			z, _ := f.(Transformed).Flow.TransformValue(z0, params)
			return z
		}}.check(t)
}

// The family passes on what its base says of itself.
func TestTransformedFamily(t *testing.T) {
	flow := newFlow(t, 1, 2, tensor.Float64)
	f := Transformed{Normal{}, flow}
	if f.Name() != "normal+flow" || f.Domain() != Real || f.Outputs(2) != 4 || f.Noise(2) != 2 || len(f.Params()) != len(flow.Params()) {
		t.Errorf("%s, %v, %d outputs, %d of noise, %d parameters", f.Name(), f.Domain(), f.Outputs(2), f.Noise(2), len(f.Params()))
	}
	// Draws have the moments of the density, on a grid; its error is that of TestFlowDensity.
	v := f.At([]float64{0.4, -0.3, -0.5, 0.2})
	mean, square := gridMoments(t, v)
	moments(t, "Sample", 20_000, sampler(v, seeded(31)), mean, square)
}

// gridMoments are the means and mean squares of a density in two dimensions, which has to
// integrate to 1.
func gridMoments(t *testing.T, v Value) (mean, square []float64) {
	t.Helper()
	mean, square = make([]float64, 2), make([]float64, 2)
	mass := onGrid(0.1, 12, func(x []float64) float64 {
		p := math.Exp(v.LogProb(x))
		for j := range x {
			mean[j] += x[j] * p * 0.01
			square[j] += x[j] * x[j] * p * 0.01
		}
		return p
	})
	within(t, "integral of the density", []float64{mass}, []float64{1}, 1e-4, 0)
	return mean, square
}

// A base that can't be drawn still has a density.
func TestTransformedOfStandard(t *testing.T) {
	g := G.NewGraph()
	d, err := FlowPrior{Dim: 2, Flow: newPriorFlow(t, 2, tensor.Float64)}.On(g, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := d.(*TransformedBatch)
	const want = "dist: a flow on dist.StandardBatch, which can't be drawn"
	_, err = b.Draw(G.NewMatrix(g, tensor.Float64, G.WithShape(3, 2)))
	refused(t, "Draw", err, want)
	_, err = b.Center()
	refused(t, "Center", err, want)
	_, err = Transformed{Normal{}, b.Flow}.On(G.NewMatrix(g, tensor.Float64, G.WithShape(3, 3)))
	refused(t, "On", err, "dist: normal: parameters of shape (3, 3)")
}

// A prior with a flow: the graph has the density of the value, which integrates to 1, and
// draws have its moments.
func TestFlowPrior(t *testing.T) {
	flows := map[tensor.Dtype]*RealNVP{}
	for dt := range precisionsOf {
		flows[dt] = newPriorFlow(t, 2, dt)
	}
	for i, p := range flows[tensor.Float32].Params() {
		set(flows[tensor.Float64].Params()[i].Value, p.Numbers())
	}
	prior := FlowPrior{Dim: 2, Flow: flows[tensor.Float64]}
	v, err := prior.At(nil)
	if err != nil {
		t.Fatal(err)
	}
	nodeCheck{name: "FlowPrior", shapes: []tensor.Shape{{4, 2}}, wrt: []int{0}, rel: 1e-4,
		build: func(in []*G.Node) (*G.Node, error) {
			p, err := FlowPrior{Dim: 2, Flow: flows[in[0].Dtype()]}.On(in[0].Graph(), nil)
			if err != nil {
				return nil, err
			}
			return p.LogProb(in[0])
		},
		value: func(in, _ [][]float64) []float64 {
			return rowsOf(4, in[0], nil, func(x, _ []float64) []float64 { return []float64{v.LogProb(x)} })
		}}.check(t)
	mean, square := gridMoments(t, v)
	moments(t, "Sample of the value", 20_000, sampler(v, seeded(32)), mean, square)
	z, err := prior.Sample(20_000, nil, 1, seeded(33))
	if err != nil {
		t.Fatal(err)
	}
	moments(t, "Sample of the prior", 20_000, rowsFrom(z, 2), mean, square)
	if z, err = prior.Sample(1, nil, 0, seeded(34)); err != nil {
		t.Fatal(err)
	}
	within(t, "the draw at temperature 0", rowsFrom(z, 2)(), v.Mean(), 1e-6, 1)
	if n := len(prior.Params()); n != len(flows[tensor.Float64].Params()) || prior.Name() != "flow" {
		t.Errorf("%s with %d parameters", prior.Name(), n)
	}
}
