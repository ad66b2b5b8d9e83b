package simd

import "math"

// The functions below are exact to within the stated error over all numbers,
// denormal ones included; NaN gives NaN, and infinities what the limit is. An
// error of ½ ulp is that of correct rounding, which the portable level all but
// reaches. The method, where it is not said: exp x = 2ⁿ·exp r with
// n = round(x/ln 2), r = x − n·ln 2 (Cody & Waite 1980, chapter 6), and a
// polynomial of least relative error for what is left.

// Exp computes y = exp(x), to 1 ulp. y may be x.
func Exp[T Float](y, x []T) {
	if y32, ok := fast(y); ok {
		elementwise(exp32, y32, f32(x, len(y)))
		return
	}
	portable(y, x, math.Exp)
}

func exp32(j *job, lo, hi int) { vecExp(j.at(0, lo), j.at(1, lo), hi-lo) }

// Log1p computes y = log(1+x), to 1.3 ulp; NaN for x < −1. y may be x.
func Log1p[T Float](y, x []T) {
	if y32, ok := fast(y); ok {
		elementwise(log1p32, y32, f32(x, len(y)))
		return
	}
	portable(y, x, math.Log1p)
}

func log1p32(j *job, lo, hi int) { vecLog1p(j.at(0, lo), j.at(1, lo), hi-lo) }

// SoftplusOf computes y = log(1 + exp(x)), to 2 ulp, as
// max(x,0) + log(1 + exp(−|x|)). y may be x.
func SoftplusOf[T Float](y, x []T) {
	if y32, ok := fast(y); ok {
		elementwise(softplus32, y32, f32(x, len(y)))
		return
	}
	portable(y, x, softplus)
}

func softplus32(j *job, lo, hi int) { vecSoftplus(j.at(0, lo), j.at(1, lo), hi-lo) }

// Sigmoid computes p = 1/(1 + exp(−l)), to 2 ulp. p may be logits.
func Sigmoid[T Float](p, logits []T) {
	if p32, ok := fast(p); ok {
		elementwise(sigmoid32, p32, f32(logits, len(p)))
		return
	}
	portable(p, logits, func(l float64) float64 { return 1 / (1 + math.Exp(-l)) })
}

func sigmoid32(j *job, lo, hi int) { vecSigmoid(j.at(0, lo), j.at(1, lo), hi-lo) }

// TanhOf computes y = tanh(x), to 1.5 ulp, as 1 − 2/(1 + exp 2|x|) or, for
// |x| < 5/8, by a polynomial. y may be x.
func TanhOf[T Float](y, x []T) {
	if y32, ok := fast(y); ok {
		elementwise(tanh32, y32, f32(x, len(y)))
		return
	}
	portable(y, x, math.Tanh)
}

func tanh32(j *job, lo, hi int) { vecTanh(j.at(0, lo), j.at(1, lo), hi-lo) }

// portable computes y = f(x) in float64.
func portable[T Float](y, x []T, f func(float64) float64) {
	rows(len(y), 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			y[i] = T(f(float64(x[i])))
		}
	})
}
