package dist

import (
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/simd"
)

// NormalNode computes log N(z; mu, diag exp logvar) of z [R,D] under parameters h [R,2D]
// (mu, then logvar): [R], in nats, with gradients to both.
func NormalNode(z, h *G.Node) (*G.Node, error) {
	const name = "normal"
	if err := checkNormal(name, h, z); err != nil {
		return nil, err
	}
	shape := z.Shape()
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		var s graph.Steps
		dz := s.Do(graph.Compute(name+".dz", shape, graph.Both(normalDZ[float32], normalDZ[float64]), dl, z, h))
		dh := s.Do(graph.Compute(name+".dh", h.Shape(), graph.Both(normalDH[float32], normalDH[float64]), dl, z, h))
		return G.Nodes{dz, dh}, s.Err()
	}
	size := shape.TotalSize()
	k := graph.Both(normalProb(make([]float32, size)), normalProb(make([]float64, size)))
	return graph.Op{Name: name, Shape: tensor.Shape{shape[0]}, Run: k, Wrt: []bool{true, true}, Diff: grad}.Apply(z, h)
}

// halves are mu and logvar of row i of h.
func halves[T graph.Float](h []T, i, d int) (mu, logvar []T) {
	return h[2*i*d : (2*i+1)*d], h[(2*i+1)*d : (2*i+2)*d]
}

// normalProb has room for the precisionOf.
func normalProb[T graph.Float](room []T) func(l []T, in [][]T) {
	return func(l []T, in [][]T) {
		z, h, d := in[0], in[1], len(in[0])/len(l)
		precisionOf(room, h, d)
		for i := range l {
			sum := 0.0
			mu, logvar := halves(h, i, d)
			for j, m := range mu {
				e := float64(z[i*d+j]) - float64(m)
				sum += e*e*float64(room[i*d+j]) + float64(logvar[j])
			}
			l[i] = T(-(sum + float64(d)*log2Pi) / 2)
		}
	}
}

// precisionOf computes exp(−logvar): p [R,D].
func precisionOf[T graph.Float](p, h []T, d int) {
	for i := range len(p) / d {
		_, logvar := halves(h, i, d)
		for j, v := range logvar {
			p[i*d+j] = -v
		}
	}
	simd.Exp(p, p)
}

func normalDZ[T graph.Float](dz []T, in [][]T) {
	dl, z, h := in[0], in[1], in[2]
	d := len(z) / len(dl)
	precisionOf(dz, h, d)
	for i, g := range dl {
		mu, _ := halves(h, i, d)
		for j, m := range mu {
			dz[i*d+j] *= -1 * g * (z[i*d+j] - m)
		}
	}
}

func normalDH[T graph.Float](dh []T, in [][]T) {
	dl, z, h := in[0], in[1], in[2]
	d := len(z) / len(dl)
	for i, g := range dl {
		mu, logvar := halves(h, i, d)
		dmu, dlogvar := halves(dh, i, d)
		for j, v := range logvar {
			dlogvar[j] = -v
		}
		simd.Exp(dlogvar, dlogvar)
		for j, p := range dlogvar {
			e := z[i*d+j] - mu[j]
			dmu[j] = p * (g * e)
			dlogvar[j] = g * (e*e*p - 1) / 2
		}
	}
}

// drawNode computes log q(z) of the draw z = mu + exp(logvar/2)·eps, of h [R,2D] and eps
// [R,D]: [R], in nats,
//
//	−½ Σ_j (eps_j² + logvar_j + log 2π)
//
// The gradient is the total one, along z as well as along the parameters of q: mu
// drops out of it, and ∂/∂logvar_j = −½.
func drawNode(h, eps *G.Node) (*G.Node, error) {
	const name = "normalDraw"
	if err := checkNormal(name, h, eps); err != nil {
		return nil, err
	}
	d := eps.Shape()[1]
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		dh, err := graph.Compute(name+".dh", h.Shape(), graph.Both(halfRows[float32](d), halfRows[float64](d)), dl)
		return G.Nodes{dh, nil}, err
	}
	return graph.Op{Name: name, Shape: tensor.Shape{eps.Shape()[0]}, Run: graph.Both(draws[float32], draws[float64]),
		Wrt: []bool{true, false}, Diff: grad}.Apply(h, eps)
}

func draws[T graph.Float](l []T, in [][]T) { simd.NormalDraws(l, in[0], in[1]) }

func halfRows[T graph.Float](d int) func(dh []T, in [][]T) {
	return func(dh []T, in [][]T) {
		for i, g := range in[0] {
			dmu, dlogvar := halves(dh, i, d)
			clear(dmu)
			for j := range dlogvar {
				dlogvar[j] = g / -2
			}
		}
	}
}

// pathNode is drawNode with the parameters of q held fixed: its gradient goes along z
// alone, ∂/∂z_j = −eps_j·exp(−logvar_j/2).
func pathNode(z, h, eps *G.Node) (*G.Node, error) {
	const name = "normalPath"
	if err := checkNormal(name, h, z, eps); err != nil {
		return nil, err
	}
	shape := z.Shape()
	grad := func(_, dl *G.Node) (G.Nodes, error) {
		dz, err := graph.Compute(name+".dz", shape, graph.Both(pathGrad[float32], pathGrad[float64]), dl, h, eps)
		return G.Nodes{dz, nil, nil}, err
	}
	k := graph.Both(func(l []float32, in [][]float32) { draws(l, in[1:]) }, func(l []float64, in [][]float64) { draws(l, in[1:]) })
	return graph.Op{Name: name, Shape: tensor.Shape{shape[0]}, Run: k, Wrt: []bool{true, false, false}, Diff: grad}.Apply(z, h, eps)
}

func pathGrad[T graph.Float](dz []T, in [][]T) {
	dl, h, eps := in[0], in[1], in[2]
	d := len(dz) / len(dl)
	for i := range dl {
		_, logvar := halves(h, i, d)
		for j, v := range logvar {
			dz[i*d+j] = -v / 2
		}
	}
	simd.Exp(dz, dz)
	for i, g := range dl {
		for j := i * d; j < (i+1)*d; j++ {
			dz[j] *= -g * eps[j]
		}
	}
}
