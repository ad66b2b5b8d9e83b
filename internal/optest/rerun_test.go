package optest

import (
	"fmt"
	"math"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/nn"
)

// Operations own their output buffers, and Gorgonia adds gradients of several
// branches in place, into the buffer of the first. These graphs have such sums;
// the values of all their nodes must be right in every run, not only in the first.

// branched is a graph in which gradients are sums. Its build returns the output
// and the intermediate nodes that a user may want to read.
type branched struct {
	name   string
	shapes [][]int
	wrt    []int
	build  func(s *graph.Steps, in []*G.Node) G.Nodes
}

func branchedGraphs() []branched { return append(trainingGraphs(), drawnGraphs()...) }

func trainingGraphs() []branched {
	const b, n, x = 4, 3, 5
	bn, bx := []int{b, n}, []int{b, x}
	return []branched{
		{"z used twice", [][]int{bn, bn, bn, {x, n}, {x}, bx}, []int{0, 1, 3, 4}, func(s *graph.Steps, in []*G.Node) G.Nodes {
			z := s.Do(reparameterize(in[0], in[1], in[2]))
			l := s.Do(nn.Dense(z, in[3], in[4], nn.Tanh))
			l2 := s.Do(nn.Dense(z, in[3], in[4], nn.Identity))
			d, d2 := s.Do(negLogProb(dist.Bernoulli{}, l, in[5])), s.Do(negLogProb(dist.Gaussian{Sigma: math.Sqrt(0.5)}, l2, in[5]))
			return G.Nodes{s.Do(G.Add(d, d2)), z, l, l2, d, d2}
		}},
		{"mu and logvar used by z and by KL", [][]int{bn, bn, bn}, []int{0, 1}, func(s *graph.Steps, in []*G.Node) G.Nodes {
			z, kl := s.Do(reparameterize(in[0], in[1], in[2])), s.Do(gaussianKL(in[0], in[1]))
			a, b := s.Do(graph.RowSums(z)), s.Do(graph.RowSums(kl))
			return G.Nodes{s.Do(G.HadamardProd(a, b)), z, kl, a, b}
		}},
		{"two Columns of one node", [][]int{{b, x}, {2 * n, x}, {2 * n}, bn}, []int{1, 2}, func(s *graph.Steps, in []*G.Node) G.Nodes {
			h := s.Do(nn.Dense(in[0], in[1], in[2], nn.Softplus))
			mu, lv := s.Do(graph.Columns(h, 0, n)), s.Do(graph.Columns(h, n, 2*n))
			z, kl := s.Do(reparameterize(mu, lv, in[3])), s.Do(gaussianKL(mu, lv))
			return G.Nodes{s.Do(G.Add(s.Do(graph.RowSums(z)), s.Do(graph.RowSums(kl)))), h, mu, lv, z, kl}
		}},
		{"overlapping Columns", [][]int{bx, bn}, []int{0}, func(s *graph.Steps, in []*G.Node) G.Nodes {
			p, q, r := s.Do(graph.Columns(in[0], 0, 3)), s.Do(graph.Columns(in[0], 1, 4)), s.Do(graph.Columns(in[0], 2, 5))
			kl := s.Do(gaussianKL(p, q))
			return G.Nodes{s.Do(graph.RowSums(s.Do(reparameterize(kl, r, in[1])))), p, q, r, kl}
		}},
		{"an output used by stock operations", [][]int{bn, bn, bn}, []int{0, 1}, func(s *graph.Steps, in []*G.Node) G.Nodes {
			z := s.Do(reparameterize(in[0], in[1], in[2]))
			t := s.Do(G.Tanh(s.Do(G.HadamardProd(z, in[2]))))
			u := s.Do(G.Add(z, t))
			return G.Nodes{s.Do(graph.RowSums(s.Do(G.HadamardProd(u, z)))), z}
		}},
		{"whole model with free bits", [][]int{{b, x}, {2 * n, x}, {2 * n}, bn, {x, n}, {x}}, []int{1, 2, 4, 5}, func(s *graph.Steps, in []*G.Node) G.Nodes {
			h := s.Do(nn.Dense(in[0], in[1], in[2], nn.Identity))
			mu, lv := s.Do(graph.Columns(h, 0, n)), s.Do(graph.Columns(h, n, 2*n))
			z := s.Do(reparameterize(mu, lv, in[3]))
			l := s.Do(nn.Dense(z, in[4], in[5], nn.Identity))
			d, kl := s.Do(negLogProb(dist.Bernoulli{}, l, in[0])), s.Do(gaussianKL(mu, lv))
			rate, free := s.Do(graph.RowSums(kl)), s.Do(freeBits(kl, 0.1))
			both := s.Do(G.Add(free, s.Do(graph.Mean(rate))))
			return G.Nodes{s.Do(G.Add(s.Do(graph.Mean(d)), both)), mu, lv, z, l, d, kl, rate, free}
		}},
	}
}

func (b branched) machine(t testing.TB, dt tensor.Dtype, wrt ...int) *machine {
	t.Helper()
	return newMachineKeeping(t, dt, b.shapes, func(in []*G.Node) (G.Nodes, error) {
		var s graph.Steps
		nodes := b.build(&s, in)
		return nodes, s.Err()
	}, wrt...)
}

// Runs of one machine, with inputs that change, give the bits that fresh graphs
// give.
func TestRepeatedRunsEqualFreshGraphs(t *testing.T) {
	for _, b := range branchedGraphs() {
		for _, p := range precisions {
			t.Run(fmt.Sprintf("%s/%v", b.name, p.dt), func(t *testing.T) {
				m := b.machine(t, p.dt, b.wrt...)
				r := seeded(4)
				for run := range 6 {
					in := normals(b.shapes)(r)
					cot := normal(r, size(m.out[0].Shape()), 1)
					got, want := m.run(t, in, cot), b.machine(t, p.dt, b.wrt...).run(t, in, cot)
					for i := range got {
						for j := range got[i] {
							if got[i][j] != want[i][j] {
								t.Fatalf("run %d: output %d, element %d: %v, in a fresh graph %v", run, i, j, got[i][j], want[i][j])
							}
						}
					}
				}
			})
		}
	}
}

// A fresh graph may be wrong too, so the kept values of a graph with gradients are
// held to those of a graph without any, each read alone.
func TestKeptValuesAreIntact(t *testing.T) {
	for _, b := range branchedGraphs() {
		t.Run(b.name, func(t *testing.T) {
			m := b.machine(t, tensor.Float64, b.wrt...)
			r := seeded(5)
			in := normals(b.shapes)(r)
			cot := normal(r, size(m.out[0].Shape()), 1)
			for run := range 2 {
				got := m.run(t, in, cot)
				for i, v := range got[1+len(b.wrt):] {
					alone := newMachine(t, tensor.Float64, b.shapes, func(in []*G.Node) (*G.Node, error) {
						var s graph.Steps
						nodes := b.build(&s, in)
						return nodes[1+i], s.Err()
					})
					for j, w := range alone.run(t, in, nil)[0] {
						if v[j] != w {
							t.Fatalf("run %d: intermediate %d, element %d: %v, alone %v", run, i, j, v[j], w)
						}
					}
				}
			}
		})
	}
}

// The gradients that are sums are right: central differences, as in
// TestGradientsAreDifferences, in the second run.
func TestBranchedGradients(t *testing.T) {
	for _, b := range branchedGraphs() {
		t.Run(b.name, func(t *testing.T) {
			m, forward := b.machine(t, tensor.Float64, b.wrt...), b.machine(t, tensor.Float64)
			r := seeded(6)
			for range 2 {
				in := normals(b.shapes)(r)
				for _, x := range in { // smaller, since the graphs are products
					for i := range x {
						x[i] /= 2
					}
				}
				cot := normal(r, size(m.out[0].Shape()), 1)
				out := m.run(t, in, cot)
				for k, i := range b.wrt {
					want := differences(in[i], cot, func() []float64 { return forward.run(t, in, nil)[0] })
					check(t, fmt.Sprintf("input %d", i), out[1+k], want, floor(want, 1), 1e-7)
				}
			}
		})
	}
}
