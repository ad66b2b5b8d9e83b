package dist

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/internal/simd"
)

// bernoulliNode computes the distortion −log p(x|z) = Σ softplus(l) − x·l in nats,
// [B], of pixels x under logits l, both [B,X]. It passes a gradient to the
// logits, and to x only by a kernel dx.
func bernoulliNode(logits, x *G.Node, dx ...graph.Kernel) (*G.Node, error) {
	return likelihoodNode("bernoulli", 1, graph.Both(bernoulli[float32], bernoulli[float64]), logits, x, dx...)
}

func bernoulli[T graph.Float](d []T, in [][]T) { simd.Bernoulli(d, in[2], in[0], in[1]) }

// bernoulliDX is −dd·l, from dd, d and the logits.
func bernoulliDX[T graph.Float](dx []T, in [][]T) {
	simd.RowScale(dx, in[0], in[2])
	for i := range dx {
		dx[i] = -dx[i]
	}
}

// gaussianNode computes the distortion −log p(x|z) = Σ ½((x−m)²/var + log 2π·var) in
// nats, [B], of pixels x under means m, both [B,X], and one fixed variance.
func gaussianNode(mean, x *G.Node, variance float64) (*G.Node, error) {
	return likelihoodNode(fmt.Sprintf("gaussian(%v)", variance), 1, graph.Both(gaussian[float32](variance), gaussian[float64](variance)), mean, x)
}

func gaussian[T graph.Float](variance float64) func(d []T, in [][]T) {
	return func(d []T, in [][]T) { simd.Gaussian(d, in[2], in[0], in[1], variance) }
}

// continuousBernoulliNode computes the distortion −log p(x|z) = Σ (log((eˡ−1)/l) − x·l)
// in nats, [B], of pixels x in [0,1] under logits l, both [B,X].
func continuousBernoulliNode(logits, x *G.Node) (*G.Node, error) {
	return likelihoodNode("continuousBernoulli", 1, graph.Both(continuousBernoulli[float32], continuousBernoulli[float64]), logits, x)
}

func continuousBernoulli[T graph.Float](d []T, in [][]T) {
	simd.ContinuousBernoulli(d, in[2], in[0], in[1])
}

// gaussianPixelNode computes the distortion −log p(x|z) = Σ ½((x−m)²/var + log(2π·var))
// in nats, [B], of pixels x [B,X], where params [B,2X] are the means and then the
// log-variances l of the pixels: var = least + eˡ, least > 0.
func gaussianPixelNode(params, x *G.Node, least float64) (*G.Node, error) {
	return likelihoodNode(fmt.Sprintf("gaussianPixel(%v)", least), 2, graph.Both(gaussianPixel[float32](least), gaussianPixel[float64](least)), params, x)
}

func gaussianPixel[T graph.Float](least float64) func(d []T, in [][]T) {
	return func(d []T, in [][]T) { simd.GaussianPixel(d, in[2], in[0], in[1], least) }
}

// logistic256Node computes the distortion −log P(x|z) in nats, [B], of pixels x [B,X]
// that are multiples of 1/255, where params [B,2X] are the means and then the
// log-scales l of logistic distributions: s = least + eˡ, least > 0.
func logistic256Node(params, x *G.Node, least float64) (*G.Node, error) {
	return likelihoodNode(fmt.Sprintf("logistic256(%v)", least), 2, graph.Both(logistic256[float32](least), logistic256[float64](least)), params, x)
}

func logistic256[T graph.Float](least float64) func(d []T, in [][]T) {
	return func(d []T, in [][]T) { simd.Logistic256(d, in[2], in[0], in[1], least) }
}

// gaussianLearnedNode is gaussianNode with one variance least + exp(logvar) for all pixels,
// least > 0; logvar is [1], and has a gradient.
func gaussianLearnedNode(mean, x, logvar *G.Node, least float64) (*G.Node, error) {
	name := fmt.Sprintf("gaussianLearned(%v)", least)
	if s := logvar.Shape(); s.Dims() != 1 || s[0] != 1 {
		return nil, fmt.Errorf("dist: %s: log-variance of shape %v, want [1]", name, s)
	}
	if err := checkParams(name, 1, mean, x); err != nil {
		return nil, err
	}
	return graph.Op{Name: name, Shape: tensor.Shape{x.Shape()[0]}, InPlace: true,
		Run: graph.Both(gaussianLearned[float32](least), gaussianLearned[float64](least)),
		Grads: []graph.Kernel{graph.Both(scaleSaved[float32], scaleSaved[float64]), {},
			graph.Both(gaussianLearnedGrad[float32](least), gaussianLearnedGrad[float64](least))},
	}.Apply(mean, x, logvar)
}

func gaussianLearned[T graph.Float](least float64) func(d []T, in [][]T) {
	return func(d []T, in [][]T) { simd.GaussianLearned(d, in[3], in[0], in[1], float64(in[2][0]), least) }
}

// gaussianLearnedGrad is dlogvar, from dd, d, the means, the pixels and logvar.
func gaussianLearnedGrad[T graph.Float](least float64) func(dlogvar []T, in [][]T) {
	return func(dlogvar []T, in [][]T) {
		dd, d, width := in[0], in[1], len(in[3])/len(in[1])
		dlogvar[0] = T(simd.GaussianLearnedGrad(dd, d, width, float64(in[4][0]), least))
	}
}

// likelihoodNode is an operation params [B,per·X], x [B,X] → d [B] that passes a
// gradient to params, and to x only by a kernel dx, from dd, d, params and x. When it is
// differentiated, the kernel k leaves the derivative of d with respect to params in its third
// input.
func likelihoodNode(name string, per int, k graph.Kernel, params, x *G.Node, dx ...graph.Kernel) (*G.Node, error) {
	if err := checkParams(name, per, params, x); err != nil {
		return nil, err
	}
	return graph.Op{Name: name, Shape: tensor.Shape{x.Shape()[0]}, Run: k, InPlace: true,
		Grads: append([]graph.Kernel{graph.Both(scaleSaved[float32], scaleSaved[float64])}, dx...)}.Apply(params, x)
}

// scaleSaved is dparams, where the derivatives lie: each row times its number of dd.
func scaleSaved[T graph.Float](dparams []T, in [][]T) { simd.RowScale(dparams, in[0], dparams) }

func checkParams(name string, per int, params, x *G.Node) error {
	shape, xs := params.Shape(), x.Shape()
	if shape.Dims() == 2 && xs.Dims() == 2 && shape[0] == xs[0] && shape[1] == per*xs[1] {
		return nil
	}
	want := "one shape [B,N]"
	if per > 1 {
		want = fmt.Sprintf("[B,%dN] and [B,N]", per)
	}
	return fmt.Errorf("dist: %s: shapes %v and %v, want %s", name, shape, xs, want)
}
