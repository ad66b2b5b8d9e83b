package simd

import "math"

// Linear computes y = act(x·Wᵀ + b): x [B,I], w [O,I], b [O], y [B,O].
func Linear[T Float](y, x, w, b []T, act Activation) {
	o := len(b)
	i := len(w) / o
	rows := len(y) / o
	if act == Identity || act == ReLU {
		product(false, true, rows, o, i, 1, x, i, w, i, 0, y, o, b, act == ReLU)
		return
	}
	Gemm(false, true, rows, o, i, 1, x, i, w, i, 0, y, o)
	BiasActivate(y, b, act)
}

// BiasActivate turns pre-activations into a layer's output in place:
// y[i,j] = act(y[i,j] + b[j]), y [B,H], b [H].
func BiasActivate[T Float](y, b []T, act Activation) {
	h := len(b)
	if len(y) == 0 {
		return
	}
	if y32, ok := fast(y); ok {
		run := [...]func(j *job, lo, hi int){Identity: biasIdentity32, ReLU: biasReLU32, Tanh: biasTanh32, Softplus: biasSoftplus32}[act]
		perRow(run, len(y)/h, h, y32, f32(b, h))
		return
	}
	rows(len(y)/h, h, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := y[i*h : (i+1)*h]
			switch act {
			case Identity:
				for j := range row {
					row[j] += b[j]
				}
			case ReLU:
				for j := range row {
					// The builtin max passes NaN on, as a comparison would not.
					row[j] = max(row[j]+b[j], 0)
				}
			case Tanh:
				for j := range row {
					row[j] = T(math.Tanh(float64(row[j] + b[j])))
				}
			case Softplus:
				for j := range row {
					row[j] = T(softplus(float64(row[j] + b[j])))
				}
			}
		}
	})
}

func biasIdentity32(j *job, lo, hi int) {
	vecBiasIdentity(j.at(0, lo*j.width), j.at(1, 0), hi-lo, j.width)
}

func biasReLU32(j *job, lo, hi int) {
	vecBiasReLU(j.at(0, lo*j.width), j.at(1, 0), hi-lo, j.width)
}

func biasTanh32(j *job, lo, hi int) {
	vecBiasTanh(j.at(0, lo*j.width), j.at(1, 0), hi-lo, j.width)
}

func biasSoftplus32(j *job, lo, hi int) {
	vecBiasSoftplus(j.at(0, lo*j.width), j.at(1, 0), hi-lo, j.width)
}

// ActivationGrad computes da = dy·act'(a) from the output y = act(a) alone:
// ReLU' = [y > 0], tanh' = 1 − y², softplus' = 1 − exp(−y). All [B,H]; da may
// be dy.
func ActivationGrad[T Float](da, dy, y []T, act Activation) {
	if da32, ok := fast(da); ok && act != Identity {
		run := [...]func(j *job, lo, hi int){ReLU: reluGrad32, Tanh: tanhGrad32, Softplus: softplusGrad32}[act]
		elementwise(run, da32[:len(y):len(da)], f32(dy, len(y)), f32(y, len(y)))
		return
	}
	rows(len(y), 1, func(lo, hi int) {
		da, dy, y := da[lo:hi], dy[lo:hi], y[lo:hi]
		switch act {
		case Identity:
			copy(da, dy)
		case ReLU:
			for i, v := range y {
				if v <= 0 {
					da[i] = 0
				} else { // v > 0, or NaN, which must show
					da[i] = dy[i]
				}
			}
		case Tanh:
			for i, v := range y {
				da[i] = dy[i] * (1 - v) * (1 + v)
			}
		case Softplus:
			for i, v := range y {
				da[i] = dy[i] * T(-math.Expm1(-float64(v)))
			}
		}
	})
}

func reluGrad32(j *job, lo, hi int) {
	vecReLUGrad(j.at(0, lo), j.at(1, lo), j.at(2, lo), hi-lo)
}

func tanhGrad32(j *job, lo, hi int) {
	vecTanhGrad(j.at(0, lo), j.at(1, lo), j.at(2, lo), hi-lo)
}

func softplusGrad32(j *job, lo, hi int) {
	vecSoftplusGrad(j.at(0, lo), j.at(1, lo), j.at(2, lo), hi-lo)
}

// ColumnSums computes db[j] = Σ_i da[i,j], the gradient of a bias: da [B,H],
// db [H]. A column is summed from its first row to its last.
func ColumnSums[T Float](db, da []T) {
	h := len(db)
	if h == 0 {
		return
	}
	if db32, ok := fast(db); ok {
		j := newJob(columnSums32, db32, f32(da, len(da)))
		j.width = len(da) / h // rows, that is
		j.share(h, 16, j.width)
		return
	}
	rows(h, len(da)/h, func(lo, hi int) {
		clear(db[lo:hi])
		for i := 0; i < len(da); i += h {
			for j, v := range da[i+lo : i+hi] {
				db[lo+j] += v
			}
		}
	})
}

var columnKernels = [...]func(s, a *float32, stride uintptr, rows, last int){
	vecColumns1x, vecColumns2x, vecColumns3x, vecColumns4x, vecColumns5x, vecColumns6x, vecColumns7x, vecColumns8x,
}

// columnSums32 sums columns lo to hi, up to eight vectors of them at a time, in
// blocks as even as can be.
func columnSums32(j *job, lo, hi int) {
	lanes := 8
	if level == AVX512 {
		lanes = 16
	}
	h := len(j.p[0])
	vecs := (hi - lo + lanes - 1) / lanes
	blocks := (vecs + len(columnKernels) - 1) / len(columnKernels)
	for b := range blocks {
		first, end := vecs*b/blocks, vecs*(b+1)/blocks
		c := lo + first*lanes
		last := min(hi-lo, end*lanes) - (end-1)*lanes
		if j.width > 0 {
			_ = j.p[1][(j.width-1)*h+c+(end-first-1)*lanes+last-1]
		}
		columnKernels[end-first-1](j.at(0, c), j.at(1, min(c, len(j.p[1]))), 4*uintptr(h), j.width, last)
	}
}

// softplus is log(1 + exp a) without overflow.
func softplus(a float64) float64 {
	return max(a, 0) + math.Log1p(math.Exp(-math.Abs(a)))
}
