package optest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

func resampleCases() []opCase {
	return []opCase{resampleCase(1, 1), resampleCase(3, 2), resampleCase(50, 5), resampleCase(2, 7),
		takeCase(1, 1, testN), takeCase(3, 2, testN), takeCase(50, 5, 0)}
}

// normalised are random weights, of which each k sum to 1, as float32 has them.
func normalised(r *rand.Rand, groups, k int) []float64 {
	w := weights(normal(r, groups*k, 3), k)
	for i := range w {
		w[i] = float64(float32(w[i]))
	}
	return w
}

// chosen is Resample by its definition; sums of weights that end below 1 by their
// rounding end at the last weight that is not zero.
func chosen(w []float64, u float64, n int) (places []float64) {
	for i := range n {
		place, sum := 0, 0.0
		for j, v := range w {
			if v > 0 && sum <= (u+float64(i))/float64(n) {
				place = j
			}
			sum += v
		}
		places = append(places, float64(place))
	}
	return places
}

func noGradient([][]float64, []float64) (grads, scale [][]float64) { return nil, nil }

func resampleCase(k, n int) opCase {
	shapes := [][]int{{testGroups * k}, {testGroups, 1}}
	uniform := func(r *rand.Rand) (u []float64) {
		for range testGroups {
			u = append(u, float64(r.Float32()))
		}
		return u
	}
	return opCase{name: fmt.Sprintf("resample %d of %d", n, k), shapes: shapes, grad: noGradient,
		build: func(in []*G.Node) (*G.Node, error) { return graph.Resample(in[0], in[1], k, n) },
		value: func(in [][]float64) (out, scale []float64) {
			for g, u := range in[1] {
				out = append(out, chosen(in[0][g*k:(g+1)*k], u, n)...)
			}
			return out, make([]float64, len(out)) // exact
		},
		points: func(r *rand.Rand) [][]float64 { return [][]float64{normalised(r, testGroups, k), uniform(r)} },
		edge: func(r *rand.Rand) [][]float64 { // one draw has all the weight; u at its ends
			w := make([]float64, testGroups*k)
			for g := range testGroups {
				w[g*k+r.IntN(k)] = pick(r, 1, 1, 1-0x1p-24)[0]
			}
			return [][]float64{w, pick(r, testGroups, 0, 1-0x1p-24, 0.5)}
		}}
}

// takeCase takes rows of width numbers, or, for 0, numbers.
func takeCase(k, n, width int) opCase {
	s := []int{testGroups * k}
	if width > 0 {
		s = append(s, width)
	}
	shapes := [][]int{s, {testGroups * n}}
	return opCase{name: fmt.Sprintf("take %d of %d rows of %d", n, k, width), shapes: shapes, grad: noGradient,
		build: func(in []*G.Node) (*G.Node, error) { return graph.Take(in[0], in[1], k) },
		value: func(in [][]float64) (out, scale []float64) {
			w := max(width, 1)
			for r, place := range in[1] {
				row := r/n*k + int(place)
				out = append(out, in[0][row*w:(row+1)*w]...)
			}
			return out, make([]float64, len(out)) // exact
		},
		points: func(r *rand.Rand) [][]float64 {
			places := make([]float64, testGroups*n)
			for i := range places {
				places[i] = float64(r.IntN(k))
			}
			return [][]float64{normal(r, size(s), 1), places}
		}}
}

// In the mean over u each draw is chosen as often as it weighs, and at any u no less than
// that rounded down and no more than rounded up. Over the midpoints of N intervals each
// of the n·k ends of a draw's intervals in u is off by less than 1/N.
func TestResampleIsUnbiased(t *testing.T) {
	const k, n, steps = 7, 3, 2000
	m := newMachine(t, tensor.Float64, [][]int{{k}, {1, 1}}, func(in []*G.Node) (*G.Node, error) { return graph.Resample(in[0], in[1], k, n) })
	w := normalised(seeded(4), 1, k)
	mean := make([]float64, k)
	for i := range steps {
		counts := make([]float64, k)
		for _, j := range m.run(t, [][]float64{w, {(float64(i) + 0.5) / steps}}, nil)[0] {
			counts[int(j)]++
		}
		for j, c := range counts {
			mean[j] += c / steps
			if want := n * w[j]; c < math.Floor(want-1e-6) || c > math.Ceil(want+1e-6) {
				t.Errorf("draw %d of weight %v is chosen %v times of %d", j, w[j], c, n)
			}
		}
	}
	for j, got := range mean {
		if math.Abs(got-n*w[j]) > 2.0*n/steps {
			t.Errorf("draw %d is chosen %v times in the mean, want %v", j, got, n*w[j])
		}
	}
}

func TestResampleErrors(t *testing.T) {
	f := func(shape ...int) *G.Node {
		return G.NewTensor(G.NewGraph(), tensor.Float64, len(shape), G.WithShape(shape...), G.WithName(fmt.Sprint(shape)))
	}
	for what, build := range map[string]func() (*G.Node, error){
		"weights not in groups": func() (*G.Node, error) { return graph.Resample(f(7), f(2, 1), 3, 1) },
		"weights in a matrix":   func() (*G.Node, error) { return graph.Resample(f(6, 1), f(2, 1), 3, 1) },
		"u for fewer":           func() (*G.Node, error) { return graph.Resample(f(6), f(1, 1), 3, 1) },
		"u a vector":            func() (*G.Node, error) { return graph.Resample(f(6), f(2), 3, 1) },
		"none":                  func() (*G.Node, error) { return graph.Resample(f(6), f(2, 1), 3, 0) },
		"rows not in groups":    func() (*G.Node, error) { return graph.Take(f(7, 2), f(2), 3) },
		"index not in groups":   func() (*G.Node, error) { return graph.Take(f(6, 2), f(3), 3) },
		"index in a matrix":     func() (*G.Node, error) { return graph.Take(f(6, 2), f(2, 1), 3) },
		"rows in a cube":        func() (*G.Node, error) { return graph.Take(f(6, 2, 2), f(2), 3) },
	} {
		if _, err := build(); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}
