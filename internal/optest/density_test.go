package optest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
)

// densityCases are the log-densities, each with log 2π written out a dimension.
func densityCases() []opCase {
	return []opCase{standardDensityCase(), gaussianDensityCase(), drawDensityCase(),
		mixtureDensityCase(4, false), mixtureDensityCase(1, false), mixtureDensityCase(4, true)}
}

// leastScale is the least scale of a gradient's error: below it float32 has denormal
// numbers, of fewer digits.
const leastScale = 1e-36

// rowsCase is a log-density of rows [R,Z] that is a sum over dimensions of term,
// whose gradient with respect to input wrt[k] is grad's k-th number.
func rowsCase(name string, inputs int, wrt []int, build func(in []*G.Node) (*G.Node, error),
	term func(v []float64) (l, scale float64), grad func(v []float64) (d, scale []float64)) opCase {
	s := []int{testB, testN}
	c := opCase{name: name, wrt: wrt, build: build}
	for range inputs {
		c.shapes = append(c.shapes, s)
	}
	value, slopes := elementwise(term, grad)
	c.value = func(in [][]float64) (out, scale []float64) {
		l, ls := value(in)
		out, scale = make([]float64, testB), make([]float64, testB)
		for i := range l {
			out[i/testN] += l[i]
			scale[i/testN] += ls[i]
		}
		return out, scale
	}
	c.grad = func(in [][]float64, cot []float64) (grads, scale [][]float64) {
		each := make([]float64, size(s))
		for i := range each {
			each[i] = cot[i/testN]
		}
		return slopes(in, each)
	}
	c.points = normals(c.shapes)
	return c
}

func standardDensityCase() opCase {
	c := rowsCase("standardLogDensity", 1, []int{0}, func(in []*G.Node) (*G.Node, error) { return dist.StandardBatch{}.LogProb(in[0]) },
		func(v []float64) (l, scale float64) {
			l = -(v[0]*v[0] + math.Log(2*math.Pi)) / 2
			return l, -l
		}, func(v []float64) (d, scale []float64) { return []float64{-v[0]}, v })
	c.edge = func(r *rand.Rand) [][]float64 { return [][]float64{pick(r, testB*testN, extremeMu...)} }
	return c
}

func gaussianDensityCase() opCase {
	c := rowsCase("gaussianLogDensity", 3, []int{0, 1, 2}, nil,
		func(v []float64) (l, scale float64) {
			square, fixed := (v[0]-v[1])*(v[0]-v[1])*math.Exp(-v[2]), math.Log(2*math.Pi)
			return -(square + v[2] + fixed) / 2, (square + math.Abs(v[2]) + fixed) / 2
		}, func(v []float64) (d, scale []float64) {
			slope := (v[0] - v[1]) * math.Exp(-v[2])
			square := (v[0] - v[1]) * slope
			return []float64{-slope, slope, (square - 1) / 2}, []float64{math.Abs(slope) + leastScale, math.Abs(slope) + leastScale, (square + 1) / 2}
		})
	c.edge = func(r *rand.Rand) [][]float64 { // 40²·exp(80) is still a float32
		n := testB * testN
		return [][]float64{pick(r, n, -20, 20, 0, 1e-8), pick(r, n, -20, 20, 0, -0.5), pick(r, n, extremeLogvar...)}
	}
	return overParams(c, 1, func(in []*G.Node) (*G.Node, error) { return dist.NormalNode(in[0], in[1]) })
}

func drawDensityCase() opCase {
	c := rowsCase("drawLogDensity", 3, []int{0, 1}, nil,
		func(v []float64) (l, scale float64) { return drawTerm(v[1:]) }, // of no mean
		func([]float64) (d, scale []float64) { return []float64{0, -0.5}, []float64{0, 0} })
	c.edge = func(r *rand.Rand) [][]float64 {
		n := testB * testN
		return [][]float64{pick(r, n, extremeMu...), pick(r, n, extremeLogvar...), pick(r, n, extremeMu...)}
	}
	return overParams(c, 0, func(in []*G.Node) (*G.Node, error) {
		d, err := (&dist.NormalBatch{Params: in[0]}).Draw(in[1])
		if err != nil {
			return nil, err
		}
		return d.LogProb()
	})
}

// drawTerm is log N(mu + exp(logvar/2)·eps; mu, exp logvar) of v = logvar, eps.
func drawTerm(v []float64) (l, scale float64) {
	fixed := math.Log(2 * math.Pi)
	return -(v[1]*v[1] + v[0] + fixed) / 2, (v[1]*v[1] + math.Abs(v[0]) + fixed) / 2
}

// pathDensityCase is no derivative of its value, so it is not among those whose
// gradients are held to differences.
func pathDensityCase() opCase {
	c := rowsCase("pathLogDensity", 4, []int{0}, nil,
		func(v []float64) (l, scale float64) { return drawTerm(v[2:]) },
		func(v []float64) (d, scale []float64) {
			d = []float64{-v[3] * math.Exp(-v[2]/2)}
			return d, d
		})
	c.edge = func(r *rand.Rand) [][]float64 {
		n := testB * testN
		return [][]float64{pick(r, n, extremeMu...), pick(r, n, extremeMu...), pick(r, n, extremeLogvar...), normal(r, n, 1)}
	}
	return overParams(c, 1, func(in []*G.Node) (*G.Node, error) {
		d, err := (&dist.NormalBatch{Params: in[1]}).Draw(in[2])
		if err != nil {
			return nil, err
		}
		return d.PathLogProb(in[0])
	})
}

// mixtureParts are, for row r and component c, the logarithm of π_c·N(z_r; mu_c,
// exp logvar_c), and the sum of absolute values that it is made of when the square is
// multiplied out, as the operation does. That sum is the scale of the errors: of the
// log-density, absolutely, and of a responsibility p(c|z), relatively.
func mixtureParts(in [][]float64, comps int) (parts, scale [][]float64) {
	z, mu, logvar, logits := in[0], in[1], in[2], in[3]
	norm := logSumExp(logits)
	n := len(mu) / comps
	for r := range len(z) / n {
		p, s := make([]float64, comps), make([]float64, comps)
		for c := range comps {
			p[c], s[c] = logits[c]-norm, math.Abs(logits[c])+math.Abs(norm)
			for j := range n {
				a, m, lv := z[r*n+j], mu[c*n+j], logvar[c*n+j]
				p[c] -= ((a-m)*(a-m)*math.Exp(-lv) + lv + math.Log(2*math.Pi)) / 2
				s[c] += ((math.Abs(a)+math.Abs(m))*(math.Abs(a)+math.Abs(m))*math.Exp(-lv) + math.Abs(lv) + math.Log(2*math.Pi)) / 2
			}
		}
		parts, scale = append(parts, p), append(scale, s)
	}
	return parts, scale
}

func logSumExp(a []float64) float64 {
	top, sum := math.Inf(-1), 0.0
	for _, v := range a {
		top = max(top, v)
	}
	for _, v := range a {
		sum += math.Exp(v - top)
	}
	return top + math.Log(sum)
}

// mixtureDensityCase has comps components, with ties two equal pairs of them.
func mixtureDensityCase(comps int, ties bool) opCase {
	name := fmt.Sprintf("mixtureLogDensity of %d", comps)
	if ties {
		name += " with ties"
	}
	c := opCase{name: name, shapes: [][]int{{testB, testN}, {comps, testN}, {comps, testN}, {comps}}, wrt: []int{0, 1, 2, 3},
		build: func(in []*G.Node) (*G.Node, error) { return dist.MixtureNode(in[0], in[1], in[2], in[3]) }}
	c.value = func(in [][]float64) (out, scale []float64) {
		parts, scales := mixtureParts(in, comps)
		for r, p := range parts {
			l, s := logSumExp(p), 0.0
			for k := range p {
				s += math.Exp(p[k]-l) * scales[r][k]
			}
			out, scale = append(out, l), append(scale, s+math.Abs(l))
		}
		return out, scale
	}
	c.grad = func(in [][]float64, cot []float64) (grads, scale [][]float64) {
		z, mu, logvar, logits := in[0], in[1], in[2], in[3]
		for _, x := range in {
			grads, scale = append(grads, make([]float64, len(x))), append(scale, make([]float64, len(x)))
		}
		add := func(input, i int, g, s float64) {
			grads[input][i] += g
			scale[input][i] += math.Abs(s) + leastScale
		}
		parts, scales := mixtureParts(in, comps)
		norm := logSumExp(logits)
		for r, p := range parts {
			l, row := logSumExp(p), 0.0
			for k := range p {
				row += math.Exp(p[k]-l) * scales[r][k]
			}
			for k := range p {
				resp, pi := math.Exp(p[k]-l), math.Exp(logits[k]-norm)
				g, s := cot[r]*resp, cot[r]*resp*(1+row+scales[r][k])
				add(3, k, cot[r]*(resp-pi), s+cot[r]*pi*(1+math.Abs(logits[k])+math.Abs(norm)))
				for j := range testN {
					d, a := z[r*testN+j]-mu[k*testN+j], math.Abs(z[r*testN+j])+math.Abs(mu[k*testN+j])
					prec := math.Exp(-logvar[k*testN+j])
					add(0, r*testN+j, -g*d*prec, s*a*prec)
					add(1, k*testN+j, g*d*prec, s*a*prec)
					add(2, k*testN+j, g*(d*d*prec-1)/2, s*(a*a*prec+1)/2)
				}
			}
		}
		return grads, scale
	}
	pairs := func(in [][]float64) [][]float64 {
		for _, x := range in[1:] {
			if ties {
				copy(x[len(x)/2:], x[:len(x)/2])
			}
		}
		return in
	}
	c.points = func(r *rand.Rand) [][]float64 { return pairs(normals(c.shapes)(r)) }
	c.edge = func(r *rand.Rand) [][]float64 {
		n := comps * testN
		return pairs([][]float64{pick(r, testB*testN, -2, 2, 0, 1e-8), pick(r, n, -2, 2, 0, 1e-8), pick(r, n, 80, -4, 4, 0), pick(r, comps, -1e4, 1e4, 0, 1)})
	}
	return c
}

// A mixture of equal components is one of them, whatever its weights.
func TestMixtureOfEqualsIsOne(t *testing.T) {
	const comps = 3
	r := seeded(21)
	z, mu, logvar := normal(r, testB*testN, 1), normal(r, testN, 1), normal(r, testN, 1)
	var mus, logvars, ones []float64
	for range testB { // for the Gaussian, a row each
		mus, logvars = append(mus, mu...), append(logvars, logvar...)
		ones = append(ones, 1)
	}
	rows := []int{testB, testN}
	gaussian := newMachine(t, tensor.Float64, [][]int{rows, rows, rows}, gaussianNodes, 0)
	want := gaussian.run(t, [][]float64{z, mus, logvars}, ones)
	m := mixtureDensityCase(comps, false)
	got := newMachine(t, tensor.Float64, [][]int{{testB, testN}, {comps, testN}, {comps, testN}, {comps}}, m.build, 0).run(t,
		[][]float64{z, mus[:comps*testN], logvars[:comps*testN], {3, -2, 0}}, ones)
	for i, what := range []string{"value", "gradient along z"} {
		check(t, what, got[i], want[i], floor(want[i], 10), 1e-13)
	}
}

// The densities integrate to 1 over a grid that holds all of their mass but 1e-12.
func TestDensitiesIntegrateToOne(t *testing.T) {
	const step, half = 0.05, 300 // z from −15 to 15
	rows := 2*half + 1
	z := make([]float64, rows)
	for i := range z {
		z[i] = step * float64(i-half)
	}
	one := []int{rows, 1}
	same := func(v float64) []float64 {
		a := make([]float64, rows)
		for i := range a {
			a[i] = v
		}
		return a
	}
	for name, c := range map[string]struct {
		shapes [][]int
		build  func(in []*G.Node) (*G.Node, error)
		in     [][]float64
	}{
		"standard": {[][]int{one}, standardDensityCase().build, [][]float64{z}},
		"gaussian": {[][]int{one, one, one}, gaussianNodes, [][]float64{z, same(-1.5), same(0.7)}},
		"mixture":  {[][]int{one, {3, 1}, {3, 1}, {3}}, mixtureDensityCase(3, false).build, [][]float64{z, {-3, 0.5, 4}, {0, -1, 0.8}, {0.3, 2, -1}}},
	} {
		sum := 0.0
		for _, l := range newMachine(t, tensor.Float64, c.shapes, c.build).run(t, c.in, nil)[0] {
			sum += step * math.Exp(l)
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("%s integrates to %v", name, sum)
		}
	}
}

func gaussianNodes(in []*G.Node) (*G.Node, error) { return normalDensity(in[0], in[1], in[2]) }
