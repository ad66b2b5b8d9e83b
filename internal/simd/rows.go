package simd

import "math"

// The kernels below take the parameters of diagonal Gaussians as one matrix h [R,2Z]: in
// each row the means mu, then the log-variances logvar.

// ReparameterizeRows computes z = mu + exp(logvar/2)·eps, z and eps [R,Z].
func ReparameterizeRows[T Float](z, h, eps []T, width int) {
	if z32, ok := fast(z); ok {
		perRow(reparameterizeRows32, len(z)/width, width, z32, f32(h, 2*len(z)), f32(eps, len(z)))
		return
	}
	for i := 0; i < len(z); i += width {
		Reparameterize(z[i:i+width], h[2*i:2*i+width], h[2*i+width:2*(i+width)], eps[i:i+width])
	}
}

func reparameterizeRows32(j *job, lo, hi int) {
	for i := lo; i < hi; i++ {
		w := j.width
		vecReparameterize(j.at(0, i*w), j.at(1, 2*i*w), j.at(1, 2*i*w+w), j.at(2, i*w), w)
	}
}

// ReparameterizeRowsGrad computes the gradient of h: dz for mu, and dz·½·exp(logvar/2)·eps
// for logvar.
func ReparameterizeRowsGrad[T Float](dh, dz, h, eps []T, width int) {
	if d32, ok := fast(dh); ok {
		n := len(dh) / 2
		perRow(reparameterizeRowsGrad32, n/width, width, d32, f32(dz, n), f32(h, 2*n), f32(eps, n))
		return
	}
	for i := 0; i < len(dz); i += width {
		copy(dh[2*i:2*i+width], dz[i:])
		ReparameterizeGrad(dh[2*i+width:2*(i+width)], dz[i:i+width], h[2*i+width:2*(i+width)], eps[i:i+width])
	}
}

func reparameterizeRowsGrad32(j *job, lo, hi int) {
	for i := lo; i < hi; i++ {
		w := j.width
		copy(j.p[0][2*i*w:2*i*w+w], j.p[1][i*w:])
		vecReparameterizeGrad(j.at(0, 2*i*w+w), j.at(1, i*w), j.at(2, 2*i*w+w), j.at(3, i*w), w)
	}
}

// GaussianKLRows computes the rate of each dimension, ½(mu² + exp(logvar) − 1 − logvar),
// kl [R,Z], in nats (see GaussianKL).
func GaussianKLRows[T Float](kl, h []T, width int) {
	if kl32, ok := fast(kl); ok {
		perRow(gaussianKLRows32, len(kl)/width, width, kl32, f32(h, 2*len(kl)))
		return
	}
	for i := 0; i < len(kl); i += width {
		GaussianKL(kl[i:i+width], h[2*i:2*i+width], h[2*i+width:2*(i+width)])
	}
}

func gaussianKLRows32(j *job, lo, hi int) {
	for i := lo; i < hi; i++ {
		w := j.width
		vecGaussianKL(j.at(0, i*w), j.at(1, 2*i*w), j.at(1, 2*i*w+w), w)
	}
}

// GaussianKLRowsGrad computes the gradient of h from that of kl, g [R,Z]: g·mu, and
// g·½(exp(logvar) − 1).
func GaussianKLRowsGrad[T Float](dh, g, h []T, width int) {
	if d32, ok := fast(dh); ok {
		n := len(dh) / 2
		perRow(gaussianKLRowsGrad32, n/width, width, d32, f32(g, n), f32(h, 2*n))
		return
	}
	for i := 0; i < len(g); i += width {
		Mul(dh[2*i:2*i+width], g[i:i+width], h[2*i:2*i+width])
		GaussianKLGrad(dh[2*i+width:2*(i+width)], g[i:i+width], h[2*i+width:2*(i+width)])
	}
}

func gaussianKLRowsGrad32(j *job, lo, hi int) {
	for i := lo; i < hi; i++ {
		w := j.width
		vecMul(j.at(0, 2*i*w), j.at(1, i*w), j.at(2, 2*i*w), w)
		vecGaussianKLGrad(j.at(0, 2*i*w+w), j.at(1, i*w), j.at(2, 2*i*w+w), w)
	}
}

// NormalDraws computes the log-density of draws z = mu + exp(logvar/2)·eps: l [R], in
// nats, −½ Σ_j (eps_j² + logvar_j + log 2π), summing in float64.
func NormalDraws[T Float](l, h, eps []T) {
	n := len(eps) / len(l)
	for i := range l {
		sum := 0.0
		logvar := h[(2*i+1)*n : (2*i+2)*n]
		for j, e := range eps[i*n : (i+1)*n] {
			sum += float64(e)*float64(e) + float64(logvar[j])
		}
		l[i] = T(-(sum + float64(n)*log2Pi) / 2)
	}
}

var log2Pi = math.Log(2 * math.Pi)
