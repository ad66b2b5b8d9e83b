package simd

import "math"

// The kernels of this file are plain Go at every level and compute in float64,
// whatever the precision of their slices.

// uniformCGF is k = log ∫₀¹ exp(l·x) dx = log((eˡ − 1)/l), the cumulant-generating
// function of the uniform distribution on [0,1], and its derivative, which lies
// in [0,1]. The error of k is below 10⁻¹⁵·max(|k|, min(|l|, 1)), that of k′ below
// 10⁻¹⁵.
//
// With a = |l| and u = l/2, the first two lines near 0 and the others elsewhere:
//
//	k  = l/2 + log(sinh(u)/u) = l/2 + Σ_n c_n·u²ⁿ    c_n = (−1)ⁿ⁺¹·ζ(2n)/(n·π²ⁿ)
//	k′ = 1/2 + Σ_n n·c_n·u²ⁿ⁻¹
//	k  = max(l,0) + log((1 − e⁻ᵃ)/a)
//	k′ = 1/a − 1/(eᵃ − 1) for l < 0, and 1 less that for l > 0
func uniformCGF(l float64) (k, mean float64) {
	a := math.Abs(l)
	if a < 0.5 {
		// What is left out is below 2⁻⁵⁴ of the sum.
		u := l / 2
		v, s, ds := u*u, 0.0, 0.0
		for n := len(sinhc); n > 0; n-- {
			s = v*s + sinhc[n-1]
			ds = v*ds + float64(n)*sinhc[n-1]
		}
		return u + v*s, 0.5 + u*ds
	}
	c := -math.Expm1(-a) // 1 − e⁻ᵃ
	mean = 1/a - (1-c)/c
	if l > 0 {
		mean = 1 - mean
	}
	return max(l, 0) + math.Log(c/a), mean
}

// sinhc are the coefficients of log(sinh(u)/u) in powers of u².
var sinhc = [...]float64{1.0 / 6, -1.0 / 180, 1.0 / 2835, -1.0 / 37800, 1.0 / 467775, -691.0 / 3831077250, 2.0 / 127702575}

// ContinuousBernoulliMean is E[x] = 1/(1 − e⁻ˡ) − 1/l of the density on [0,1] that
// is proportional to exp(l·x); 1/2 at l = 0.
func ContinuousBernoulliMean(l float64) float64 {
	_, mean := uniformCGF(l)
	return mean
}

// ContinuousBernoulli computes, from logits l and pixels x, both [B,X], the
// distortion d[i] = Σ_j log((eˡ − 1)/l) − x·l in nats and its gradient
// resid = E[x|l] − x, [B,X]; resid may be nil.
func ContinuousBernoulli[T Float](d, resid, logits, x []T) {
	if len(d) == 0 {
		return
	}
	w := len(logits) / len(d)
	rows(len(d), w, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			sum := 0.0
			xs := x[i*w : (i+1)*w]
			for j, v := range logits[i*w : (i+1)*w] {
				l, p := float64(v), float64(xs[j])
				k, mean := uniformCGF(l)
				sum += k - p*l
				if resid != nil {
					resid[i*w+j] = T(mean - p)
				}
			}
			d[i] = T(sum)
		}
	})
}

// logPlus is v = log(eᶜ + eˡ), and dv/dl = eˡ/(eᶜ + eˡ).
func logPlus(l, c float64) (v, dv float64) {
	e := math.Exp(-math.Abs(l - c))
	if dv = 1 / (1 + e); l < c {
		dv = e / (1 + e)
	}
	return max(l, c) + math.Log1p(e), dv
}

// learnedVariance is least + exp(logvar), up to e⁷⁰⁰, so that it is finite, and
// the derivative of its logarithm.
func learnedVariance(logvar, least float64) (variance, dlog float64) {
	v, dv := logPlus(logvar, math.Log(least))
	return math.Exp(min(v, 700)), dv
}

// GaussianLearned is Gaussian with one variance least + exp(logvar).
func GaussianLearned[T Float](d, resid, m, x []T, logvar, least float64) {
	variance, _ := learnedVariance(logvar, least)
	Gaussian(d, resid, m, x, variance)
}

// GaussianLearnedGrad returns the gradient of GaussianLearned with respect to
// logvar, from its result d and that result's gradient dd, both [B], of images of
// w pixels. With c = w/2·log(2π·var), and S the sum of squares of an image,
//
//	dd·(w/2 − S/(2·var)) = dd·(w/2 − (d − c))
//
// is summed over the images and multiplied by exp(logvar)/var.
func GaussianLearnedGrad[T Float](dd, d []T, w int, logvar, least float64) float64 {
	variance, dlog := learnedVariance(logvar, least)
	c := float64(w) * math.Log(2*math.Pi*variance) / 2
	sum := 0.0
	for i, g := range dd {
		sum += float64(g) * (float64(w)/2 - (float64(d[i]) - c))
	}
	return sum * dlog
}

// GaussianPixel computes, from params [B,2X], in each row X means m and then X
// log-variances l, and pixels x [B,X], the distortion
// d[i] = Σ_j ½((x−m)²/var + log(2π·var)) in nats, with var = least + eˡ of each
// pixel, and its gradient resid [B,2X]: (m − x)/var and ½(1 − (x−m)²/var)·eˡ/var;
// resid may be nil.
func GaussianPixel[T Float](d, resid, params, x []T, least float64) {
	c := math.Log(least)
	perPixel(d, resid, params, x, func(m, l, x float64) (f, dm, dl float64) {
		v, dv := logPlus(l, c)
		r, precision := m-x, math.Exp(-v)
		q := r * r * precision
		return (q + v + math.Log(2*math.Pi)) / 2, r * precision, (1 - q) / 2 * dv
	})
}

// Logistic256 computes, from params [B,2X], in each row X means m and then X
// log-scales l, and pixels x [B,X], multiples of 1/255, the distortion
// d[i] = Σ_j −log P(x) in nats, where P(x) is what the logistic distribution of
// mean m and scale s = least + eˡ gives to the 1/255 around x; 0 and 1 take what
// is beyond them. resid, its gradient, is [B,2X] and may be nil.
//
// With p = (x + 1/510 − m)/s, q = (x − 1/510 − m)/s and t = p − q, nothing cancels
// in
//
//	P(x) = σ(p) − σ(q) = σ(p)·σ(−q)·(1 − e⁻ᵗ)
//
// so −log P(x) = softplus(−p) + softplus(q) − log(1 − e⁻ᵗ), of which 0 has the
// first term alone and 1 the second.
func Logistic256[T Float](d, resid, params, x []T, least float64) {
	c := math.Log(least)
	perPixel(d, resid, params, x, func(m, l, x float64) (f, dm, dl float64) {
		level := math.Round(255 * x)
		v, dv := logPlus(l, c)
		inverse := math.Exp(-v)
		p, q, t := ((level+0.5)/255-m)*inverse, ((level-0.5)/255-m)*inverse, inverse/255
		switch {
		case level < 255 && level > 0:
			f = math.Log(255) + v // −log t
			dl = 1
			if t > 0 {
				f -= math.Log(-math.Expm1(-t) / t)
				dl = t / math.Expm1(t)
			}
		case level != level: // NaN is of neither side
			f = level
		}
		if !(level >= 255) {
			s, ds := softplusAndSigmoid(-p)
			f, dm, dl = f+s, dm+ds*inverse, dl+ds*p
		}
		if !(level <= 0) {
			s, ds := softplusAndSigmoid(q)
			f, dm, dl = f+s, dm-ds*inverse, dl-ds*q
		}
		return f, dm, dl * dv
	})
}

// softplusAndSigmoid is log(1 + eᵃ) and its derivative 1/(1 + e⁻ᵃ).
func softplusAndSigmoid(a float64) (s, ds float64) {
	e := math.Exp(-math.Abs(a))
	if ds = 1 / (1 + e); a < 0 {
		ds = e / (1 + e)
	}
	return max(a, 0) + math.Log1p(e), ds
}

// perPixel sums f(m, l, x), which comes with its derivatives with respect to m and
// l, over the pixels of each row: params and resid [B,2X], x [B,X], d [B].
func perPixel[T Float](d, resid, params, x []T, f func(m, l, x float64) (v, dm, dl float64)) {
	if len(d) == 0 {
		return
	}
	w := len(x) / len(d)
	rows(len(d), w, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			sum := 0.0
			at := 2 * w * i
			for j, p := range x[i*w : (i+1)*w] {
				v, dm, dl := f(float64(params[at+j]), float64(params[at+w+j]), float64(p))
				sum += v
				if resid != nil {
					resid[at+j], resid[at+w+j] = T(dm), T(dl)
				}
			}
			d[i] = T(sum)
		}
	})
}
