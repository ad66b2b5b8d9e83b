package simd

import "math"

// tiny is the smallest normal float32: moments below it are flushed to zero,
// because arithmetic on denormals is many times slower.
const tiny = 0x1p-126

// Adam applies one step of Adam in place to weights w with gradient g and
// moments m and v:
//
//	m = b1·m + (1−b1)·g        v = b2·v + (1−b2)·g²
//	w = w − lr·(m/c1) / (√(v/c2) + eps)
//
// where c1 = 1 − b1ᵗ and c2 = 1 − b2ᵗ correct the bias at step t. The gradient
// is scaled by scale first, for clipping. Source: Kingma & Ba 2015, Algorithm 1,
// arXiv:1412.6980.
//
// Moments below the smallest normal float32 become zero. The faster levels treat
// every denormal number so, by a processor mode that is as before afterwards.
func Adam[T Float](w, g, m, v []T, lr, b1, b2, eps, c1, c2, scale float64) {
	if w32, ok := fast(w); ok {
		n := len(w)
		j := newJob(adam32, w32, f32(g, n), f32(m, n), f32(v, n))
		// As the assembly wants them: see gen.
		for i, x := range [...]float64{scale, b1, 1 - b1, b2, 1 - b2, 1 / math.Sqrt(c2), eps, lr / c1} {
			j.par[i] = float32(x)
		}
		j.share(n, stepElements, 1)
		return
	}
	rows(len(w), 1, func(lo, hi int) {
		w, g, m, v := w[lo:hi], g[lo:hi], m[lo:hi], v[lo:hi]
		step := T(lr / c1)
		k := T(1 / math.Sqrt(c2))
		b1, a1, b2, a2, eps, scale := T(b1), T(1-b1), T(b2), T(1-b2), T(eps), T(scale)
		for i := range w {
			gi := g[i] * scale
			mi := b1*m[i] + a1*gi
			vi := b2*v[i] + a2*gi*gi
			if mi < tiny && mi > -tiny {
				mi = 0
			}
			if vi < tiny {
				vi = 0
			}
			m[i], v[i] = mi, vi
			w[i] -= step * mi / (T(math.Sqrt(float64(vi)))*k + eps)
		}
	})
}

func adam32(j *job, lo, hi int) {
	vecAdam(j.at(0, lo), j.at(1, lo), j.at(2, lo), j.at(3, lo), &j.par[0], hi-lo)
}

// SumSquares returns Σ x² in float64. A NaN or an infinity in x shows in it. At
// the faster levels the parts that are summed apart depend on len(x) alone.
func SumSquares[T Float](x []T) float64 {
	if x32, ok := fast(x); ok {
		return sumSquares32(x32)
	}
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}

func sumSquares32(x []float32) float64 {
	j := newJob(sumSquaresPart, x)
	j.n = len(x)
	j.step = max(2*vectorGrain, (len(x)+maxParts-1)/maxParts)
	j.parts = (len(x) + j.step - 1) / j.step
	workers.share(j, j.parts)
	sum := 0.0
	for _, s := range j.partial[:j.parts] {
		sum += s
	}
	j.done()
	return sum
}

func sumSquaresPart(j *job, lo, hi int) {
	vecSumSquares(&j.partial[lo/j.step], j.at(0, lo), hi-lo)
}
