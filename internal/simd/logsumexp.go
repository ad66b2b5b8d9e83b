package simd

import "math"

// LogSumExpRows computes l[i] = log Σ_j exp a[i,j], a [B,K], l [B]: −Inf for
// K = 0, NaN if any a[i,j] is. The largest element is taken out first, so that
// nothing overflows and one term is exactly 1; the rest is summed in float64, at
// the faster levels after float32 has taken up to eight vectors, and within
// 5·10⁻⁷ of the sum. The logarithm is taken in float64.
func LogSumExpRows[O, T Float](l []O, a []T) {
	if len(l) == 0 {
		return
	}
	k := len(a) / len(l)
	a32, vector := fast(a)
	rows(len(l), k, func(lo, hi int) {
		var m, one [1]float32
		var sum [1]float64
		for i := lo; i < hi; i++ {
			row := a[i*k : (i+1)*k]
			if !vector || k == 0 {
				l[i] = O(logSumExp(row))
				continue
			}
			p := &a32[i*k]
			vecRowMax(&m[0], p, 1, k)
			if math.IsInf(float64(m[0]), 0) || m[0] != m[0] {
				l[i] = O(logSumExp(row))
				continue
			}
			one = m
			vecRowExp(&sum[0], p, &one[0], 1, k)
			l[i] = O(float64(m[0]) + math.Log(sum[0]))
		}
	})
}

func logSumExp[T Float](row []T) float64 {
	most := math.Inf(-1)
	for _, v := range row {
		most = max(most, float64(v)) // NaN stays
	}
	if math.IsInf(most, 0) {
		return most
	}
	sum := 0.0
	for _, v := range row {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}
