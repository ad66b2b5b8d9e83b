package simd

import "math"

// Reparameterize computes z = mu + exp(logvar/2)·eps, all [B,Z].
func Reparameterize[T Float](z, mu, logvar, eps []T) {
	if z32, ok := fast(z); ok {
		n := len(z)
		elementwise(reparameterize32, z32, f32(mu, n), f32(logvar, n), f32(eps, n))
		return
	}
	for i := range z {
		z[i] = mu[i] + T(math.Exp(float64(logvar[i])/2))*eps[i]
	}
}

func reparameterize32(j *job, lo, hi int) {
	vecReparameterize(j.at(0, lo), j.at(1, lo), j.at(2, lo), j.at(3, lo), hi-lo)
}

// ReparameterizeGrad computes dlogvar = dz·½·exp(logvar/2)·eps, all [B,Z]. (The
// gradient of mu is dz itself.)
func ReparameterizeGrad[T Float](dlogvar, dz, logvar, eps []T) {
	if d32, ok := fast(dlogvar); ok {
		n := len(dlogvar)
		elementwise(reparameterizeGrad32, d32, f32(dz, n), f32(logvar, n), f32(eps, n))
		return
	}
	for i := range dlogvar {
		dlogvar[i] = dz[i] * T(math.Exp(float64(logvar[i])/2)/2) * eps[i]
	}
}

func reparameterizeGrad32(j *job, lo, hi int) {
	vecReparameterizeGrad(j.at(0, lo), j.at(1, lo), j.at(2, lo), j.at(3, lo), hi-lo)
}

// Expm1Minus is exp(x) − 1 − x, to full precision near 0, where the terms
// cancel, and never negative. NaN and ±Inf give what the formula gives.
func Expm1Minus(x float64) float64 {
	if math.Abs(x) > 0.5 {
		return math.Expm1(x) - x
	}
	// Σ_{n≥2} xⁿ/n!, nested from n = 16; what is left out is below 2⁻⁶⁰ of the sum.
	s := 1.0
	for n := 16.0; n > 2; n-- {
		s = 1 + x/n*s
	}
	return x * x / 2 * s
}

// GaussianKL computes the rate of each dimension,
// kl[i] = ½(mu² + exp(logvar) − 1 − logvar), all [B,Z], in nats. It is never
// negative, and in float32 within 4 ulp also near 0, where a series in logvar
// takes the place of the terms that cancel.
func GaussianKL[T Float](kl, mu, logvar []T) {
	if kl32, ok := fast(kl); ok {
		elementwise(gaussianKL32, kl32, f32(mu, len(kl)), f32(logvar, len(kl)))
		return
	}
	for i := range kl {
		m := float64(mu[i])
		kl[i] = T((m*m + Expm1Minus(float64(logvar[i]))) / 2)
	}
}

func gaussianKL32(j *job, lo, hi int) {
	vecGaussianKL(j.at(0, lo), j.at(1, lo), j.at(2, lo), hi-lo)
}

// GaussianKLGrad computes dlogvar = g·½(exp(logvar) − 1), all [B,Z], where g is
// the gradient of kl. (That of mu is g·mu.)
func GaussianKLGrad[T Float](dlogvar, g, logvar []T) {
	if d32, ok := fast(dlogvar); ok {
		elementwise(gaussianKLGrad32, d32, f32(g, len(d32)), f32(logvar, len(d32)))
		return
	}
	for i := range dlogvar {
		dlogvar[i] = g[i] * T(math.Expm1(float64(logvar[i]))/2)
	}
}

func gaussianKLGrad32(j *job, lo, hi int) {
	vecGaussianKLGrad(j.at(0, lo), j.at(1, lo), j.at(2, lo), hi-lo)
}

// Mul computes c = a·b, element by element.
func Mul[T Float](c, a, b []T) {
	if c32, ok := fast(c); ok {
		elementwise(mul32, c32, f32(a, len(c)), f32(b, len(c)))
		return
	}
	for i := range c {
		c[i] = a[i] * b[i]
	}
}

func mul32(j *job, lo, hi int) { vecMul(j.at(0, lo), j.at(1, lo), j.at(2, lo), hi-lo) }

// RowSums computes s[i] = Σ_j a[i,j], a [B,Z], s [B], summing in float64.
func RowSums[T Float](s, a []T) {
	if len(s) == 0 {
		return
	}
	z := len(a) / len(s)
	if s32, ok := fast(s); ok {
		perRow(rowSums32, len(s), z, s32, f32(a, len(s)*z))
		return
	}
	for i := range s {
		sum := 0.0
		for _, v := range a[i*z : (i+1)*z] {
			sum += float64(v)
		}
		s[i] = T(sum)
	}
}

func rowSums32(j *job, lo, hi int) {
	vecRowSums(j.at(0, lo), j.at(1, lo*j.width), hi-lo, j.width)
}

// RowRepeat computes a[i,j] = s[i], the gradient of RowSums.
func RowRepeat[T Float](a, s []T) {
	if len(s) == 0 {
		return
	}
	z := len(a) / len(s)
	if _, ok := fast(a); ok {
		perRow(rowRepeat32, len(s), z, f32(a, len(s)*z), f32(s, len(s)))
		return
	}
	for i, v := range s {
		for j := range z {
			a[i*z+j] = v
		}
	}
}

func rowRepeat32(j *job, lo, hi int) {
	vecRowRepeat(j.at(0, lo*j.width), j.at(1, lo), hi-lo, j.width)
}

// RowScale computes c[i,j] = s[i]·a[i,j], a and c [B,X], s [B]. c may be a.
func RowScale[T Float](c, s, a []T) {
	if len(s) == 0 {
		return
	}
	x := len(a) / len(s)
	if _, ok := fast(c); ok {
		perRow(rowScale32, len(s), x, f32(c, len(s)*x), f32(s, len(s)), f32(a, len(s)*x))
		return
	}
	rows(len(s), x, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			v := s[i]
			row := c[i*x : (i+1)*x]
			for j, w := range a[i*x : (i+1)*x] {
				row[j] = v * w
			}
		}
	})
}

func rowScale32(j *job, lo, hi int) {
	vecRowScale(j.at(0, lo*j.width), j.at(1, lo), j.at(2, lo*j.width), hi-lo, j.width)
}

// Bernoulli computes, from logits l and pixels x, both [B,X], the distortion
// d[i] = Σ_j softplus(l) − x·l in nats and, in the same pass, its gradient
// resid = sigmoid(l) − x, [B,X]; resid may be nil.
//
// In float32 at the faster levels there is one exponential e = exp(−|l|), which
// is 0 where it would be denormal, and one division a pixel:
//
//	sigmoid(l) = (1 or e)/(1+e)    softplus(l) − x·l = (max(l,0) − x·l) + log(1+e)
//
// neither of whose terms is negative for 0 ≤ x ≤ 1. Terms are within 3 ulp of
// their sizes, d within 5·10⁻⁷ of itself, since at most eight vectors are summed
// in float32 before float64 takes over.
func Bernoulli[T Float](d, resid, logits, x []T) {
	if len(d) == 0 {
		return
	}
	w := len(logits) / len(d)
	if d32, ok := fast(d); ok {
		n := len(d) * w
		if resid == nil {
			perRow(bernoulliValue32, len(d), w, d32, f32(logits, n), f32(x, n))
		} else {
			perRow(bernoulli32, len(d), w, d32, f32(logits, n), f32(x, n), f32(resid, n))
		}
		return
	}
	rows(len(d), w, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			sum := 0.0
			xs := x[i*w : (i+1)*w]
			for j, v := range logits[i*w : (i+1)*w] {
				l, p := float64(v), float64(xs[j])
				e := math.Exp(-math.Abs(l))
				sum += max(l, 0) + math.Log1p(e) - p*l
				if resid != nil {
					s := 1 / (1 + e) // sigmoid(|l|)
					if l < 0 {
						s = e / (1 + e)
					}
					resid[i*w+j] = T(s - p)
				}
			}
			d[i] = T(sum)
		}
	})
}

func bernoulli32(j *job, lo, hi int) {
	at := lo * j.width
	vecBernoulli(j.at(0, lo), j.at(1, at), j.at(2, at), j.at(3, at), hi-lo, j.width)
}

func bernoulliValue32(j *job, lo, hi int) {
	at := lo * j.width
	vecBernoulliValue(j.at(0, lo), j.at(1, at), j.at(2, at), hi-lo, j.width)
}

// Gaussian computes, from means m and pixels x, both [B,X], the distortion
// d[i] = Σ_j ½((x−m)²/var + log(2π·var)) in nats and its gradient
// resid = (m − x)/var; resid may be nil.
func Gaussian[T Float](d, resid, m, x []T, variance float64) {
	if len(d) == 0 {
		return
	}
	w := len(m) / len(d)
	c := float64(w) * math.Log(2*math.Pi*variance) / 2
	if d32, ok := fast(d); ok {
		n := len(d) * w
		run, r32 := gaussianValue32, []float32(nil)
		if resid != nil {
			run, r32 = gaussian32, f32(resid, n)
		}
		j := newJob(run, d32, f32(m, n), f32(x, n), r32)
		j.width, j.par[0] = w, float32(1/variance)
		j.share(len(d), 1, w)
		for i, s := range d32 { // sums of squares so far
			d32[i] = float32(float64(s)/(2*variance) + c)
		}
		return
	}
	rows(len(d), w, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			sum := 0.0
			xs := x[i*w : (i+1)*w]
			for j, v := range m[i*w : (i+1)*w] {
				r := float64(v) - float64(xs[j])
				sum += r * r
				if resid != nil {
					resid[i*w+j] = T(r / variance)
				}
			}
			d[i] = T(sum/(2*variance) + c)
		}
	})
}

func gaussian32(j *job, lo, hi int) {
	at := lo * j.width
	vecGaussian(j.at(0, lo), j.at(1, at), j.at(2, at), j.at(3, at), &j.par[0], hi-lo, j.width)
}

func gaussianValue32(j *job, lo, hi int) {
	at := lo * j.width
	vecGaussianValue(j.at(0, lo), j.at(1, at), j.at(2, at), hi-lo, j.width)
}
