package dist

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// onGraph runs a program of float64 whose inputs are rows, and returns its outputs.
func onGraph(t testing.TB, in map[string][][]float64, build func(b *graph.Builder, in map[string]*G.Node) (map[string]*G.Node, error)) map[string][]float64 {
	t.Helper()
	sizes := map[string]int{}
	p, err := graph.Compile(tensor.Float64, func(b *graph.Builder) error {
		nodes := map[string]*G.Node{}
		for name, rows := range in {
			n, err := graph.Combine([]float64{1}, b.Input(name, len(rows), len(rows[0])))
			if err != nil {
				return err
			}
			nodes[name] = n
		}
		out, err := build(b, nodes)
		for name, n := range out {
			b.Output(name, n)
			sizes[name] = n.Shape().TotalSize()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, rows := range in {
		for i, row := range rows {
			short := make([]float32, len(row))
			for j, v := range row {
				short[j] = float32(v)
			}
			if err := p.Load(name, i, short); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := p.Take(); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(); err != nil {
		t.Fatal(err)
	}
	values := map[string][]float64{}
	for name, n := range sizes {
		values[name] = make([]float64, n)
		if err := graph.Copy(p, name, values[name]); err != nil {
			t.Fatal(err)
		}
	}
	return values
}

// rows32 are rows of numbers that float32 holds.
func rows32(seed uint64, rows, width int) [][]float64 {
	x := normals(seed, rows*width)
	out := make([][]float64, rows)
	for i := range out {
		out[i] = x[i*width : (i+1)*width]
	}
	return out
}

// codes are the families that a code can have, with the number of dimensions.
func codes(t testing.TB) map[string]Code {
	return map[string]Code{"normal": Normal{}, "flow": Transformed{Normal{}, newFlow(t, 3, 4, tensor.Float64)}}
}

// On the graph, each code has the density of its value, at any point and at its draws; its
// draw is that of the value's noise, and without the score the gradient is that of the
// density along z alone.
func TestCodesAgainstValues(t *testing.T) {
	const rows, dim, h = 3, 4, 1e-6
	for name, f := range codes(t) {
		params, x, eps := rows32(1, rows, f.Outputs(dim)), rows32(2, rows, dim), rows32(3, rows, f.Noise(dim))
		out := onGraph(t, map[string][][]float64{"params": params, "x": x, "eps": eps}, func(b *graph.Builder, in map[string]*G.Node) (map[string]*G.Node, error) {
			q, err := f.On(in["params"])
			if err != nil {
				return nil, err
			}
			d, err := q.(Drawable).Draw(in["eps"])
			if err != nil {
				return nil, err
			}
			var s graph.Steps
			n := map[string]*G.Node{"z": d.Z, "density": s.Do(q.LogProb(in["x"])), "drawn": s.Do(d.LogProb()), "at z": s.Do(q.LogProb(d.Z)), "center": s.Do(q.(Drawable).Center())}
			path := s.Do(d.PathLogProb(in["x"]))
			if s.Err() != nil {
				return nil, s.Err()
			}
			grads, err := b.Gradients(G.Must(G.Sum(path)), in["x"])
			n["path"], n["dx"] = path, grads[0]
			return n, err
		})
		for i := range rows {
			v := f.At(params[i])
			within(t, name+": density", out["density"][i:i+1], []float64{v.LogProb(x[i])}, 1e-12, 1)
			within(t, name+": path", out["path"][i:i+1], pathWant(name, v, x[i], params[i], eps[i]), 1e-12, 1)
			within(t, name+": of the draw", out["drawn"][i:i+1], out["at z"][i:i+1], 1e-11, 1)
			within(t, name+": center", out["center"][i*dim:(i+1)*dim], v.Mean(), 1e-12, 1)
			if name != "flow" {
				continue
			}
			for j := range dim {
				was := x[i][j]
				x[i][j] = was + h
				up := v.LogProb(x[i])
				x[i][j] = was - h
				down := v.LogProb(x[i])
				x[i][j] = was
				within(t, fmt.Sprintf("%s: derivative %d", name, j), out["dx"][i*dim+j:i*dim+j+1], []float64{(up - down) / (2 * h)}, 1e-7, 1)
			}
		}
	}
}

// pathWant is what PathLogProb computes at a point that is not the draw: a Gaussian's value
// is that of its noise, whatever the point.
func pathWant(name string, v Value, x, params, eps []float64) []float64 {
	if name == "flow" {
		return []float64{v.LogProb(x)}
	}
	n := v.(NormalValue)
	z := make([]float64, len(eps))
	for j := range z {
		z[j] = n.Mu[j] + math.Exp(n.Logvar[j]/2)*eps[j]
	}
	return []float64{v.LogProb(z)}
}

// Each prior has the density of its value, and draws with the mean and the variance of draws
// of its value, within 4 standard errors of 20000 of each: 12 comparisons of which of all
// seeds 1 in 1300 fails.
func TestPriorsAgainstValues(t *testing.T) {
	const rows, dim, n = 5, 3, 20000
	mix, err := NewMixture(4, dim, tensor.Float64, seeded(1))
	if err != nil {
		t.Fatal(err)
	}
	mix.Logvar.Fill(rand.New(seeded(2)).NormFloat64)
	mix.Logits.Fill(rand.New(seeded(3)).NormFloat64)
	flow, err := NewRealNVP(FlowConfig{Name: "prior.flow", Layers: 2, Latent: dim, Hidden: 4, Init: "glorot"}, tensor.Float64, seeded(4))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range flow.Params() {
		p.Fill(rand.New(seeded(uint64(10 + i))).NormFloat64)
	}
	for _, p := range []Prior{StandardNormal{dim}, mix, FlowPrior{Dim: dim, Flow: flow}, FlowPrior{dim, flow, mix}} {
		v, err := p.At(nil)
		if err != nil {
			t.Fatal(err)
		}
		x := rows32(5, rows, dim)
		out := onGraph(t, map[string][][]float64{"x": x}, func(b *graph.Builder, in map[string]*G.Node) (map[string]*G.Node, error) {
			d, err := p.On(b.Graph(), nil)
			if err != nil {
				return nil, err
			}
			l, err := d.LogProb(in["x"])
			return map[string]*G.Node{"l": l}, err
		})
		for i := range rows {
			within(t, p.Name(), out["l"][i:i+1], []float64{v.LogProb(x[i])}, 1e-11, 1)
		}
		drawn, err := p.Sample(n, nil, 1, seeded(6))
		if err != nil || len(drawn) != n*dim {
			t.Fatalf("%s: %d numbers, %v", p.Name(), len(drawn), err)
		}
		src := seeded(7)
		var a, b [dim]stats
		for i := range n {
			one := v.Sample(src)
			for j := range dim {
				a[j].add(float64(drawn[i*dim+j]))
				b[j].add(one[j])
			}
		}
		for j := range dim {
			if z := a[j].apart(b[j]); math.Abs(z) > 4 {
				t.Errorf("%s, dimension %d: the means of draws are %v and %v, %.1f standard errors apart", p.Name(), j, a[j].mean(), b[j].mean(), z)
			}
		}
		cold, err := p.Sample(1, nil, 0, seeded(8))
		if err != nil || math.IsInf(v.LogProb([]float64{float64(cold[0]), float64(cold[1]), float64(cold[2])}), 0) {
			t.Errorf("%s at temperature 0: %v, %v", p.Name(), cold, err)
		}
	}
}

// stats are a mean and a variance.
type stats struct{ n, sum, squares float64 }

func (s *stats) add(v float64) { s.n++; s.sum += v; s.squares += v * v }
func (s stats) mean() float64  { return s.sum / s.n }
func (s stats) variance() float64 {
	return s.squares/s.n - s.mean()*s.mean()
}

// apart is the difference of two means in standard errors.
func (s stats) apart(o stats) float64 {
	return (s.mean() - o.mean()) / math.Sqrt(s.variance()/s.n+o.variance()/o.n)
}

func TestDomains(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for d, tt := range map[Domain]struct{ good, bad []float32 }{
		Real:   {[]float32{-3, 0, 1e30}, []float32{inf, -inf, nan}},
		Binary: {[]float32{0, 1, 0.3}, []float32{-0.1, 1.1, nan}},
		Unit:   {[]float32{0, 1, 0.3}, []float32{-0.1, inf, nan}},
		Grey:   {[]float32{0, 1, 100.0 / 255}, []float32{0.3, -1, nan}},
		Counts: {[]float32{0, 1, 7}, []float32{0.5, -1, inf}},
		OneHot: {[]float32{0, 1}, []float32{0.5, -1, 2, nan}},
	} {
		if err := d.Check(tt.good); err != nil {
			t.Errorf("%v: %v", d, err)
		}
		for _, v := range tt.bad {
			if err := d.Check([]float32{tt.good[0], v}); err == nil {
				t.Errorf("%v: %v is taken", d, v)
			}
		}
	}
}
