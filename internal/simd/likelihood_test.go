package simd

import (
	"math"
	"testing"
)

// Computed by mpmath in 80 digits.
var uniformCGFs = []struct{ l, k, mean float64 }{
	{0, 0, 0.5}, {1e-300, 5e-301, 0.5}, {-1e-300, -5e-301, 0.5},
	{1e-9, 5.0000000004166669781e-10, 0.50000000008333333333},
	{-1e-9, -4.9999999995833336447e-10, 0.49999999991666666667},
	{1e-6, 5.0000004166666664404e-7, 0.50000008333333333333},
	{-1e-6, -4.9999995833333331071e-7, 0.49999991666666666667},
	{0.001, 0.00050004166666631945486, 0.50008333333194444448},
	{-0.001, -0.00049995833333368056596, 0.49991666666805555552},
	{0.1, 0.05041663194995487792, 0.50833194477504962451},
	{-0.1, -0.049583368050045127631, 0.49166805522495037549},
	{0.3, 0.15374719151108930726, 0.52496258017674926805},
	{-0.3, -0.14625280848891068164, 0.47503741982325073195},
	{0.499, 0.25985359806185594005, 0.54141177858460505136},
	{-0.499, -0.23914640193814405906, 0.45858822141539494864},
	{0.501, 0.26093658622556784823, 0.5415763824039235274},
	{-0.501, -0.24006341377443215266, 0.4584236175960764726},
	{1, 0.54132485461291810898, 0.58197670686932642439},
	{-1, -0.45867514538708189102, 0.41802329313067357561},
	{2.5, 1.4980587843838067536, 0.68942548983385201339},
	{-2.5, -1.0019412156161932464, 0.31057451016614798661},
	{10, 7.6973695060455838268, 0.90004540199100968777},
	{-10, -2.3026304939544161732, 0.099954598008990312232},
	{37, 33.38908208735577547, 0.9729729729729730583},
	{-37, -3.6109179126442245297, 0.027027027027026941697},
	{50, 46.087976994571853941, 0.98}, {-50, -3.9120230054281460586, 0.02},
	{800, 793.3153882723320727, 0.99875}, {-800, -6.6846117276679272963, 0.00125},
}

func TestUniformCGF(t *testing.T) {
	for _, tt := range uniformCGFs {
		k, mean := uniformCGF(tt.l)
		if math.Abs(k-tt.k) > 1e-15*max(math.Abs(tt.k), min(math.Abs(tt.l), 1)) {
			t.Errorf("k(%v) = %v, want %v", tt.l, k, tt.k)
		}
		if math.Abs(mean-tt.mean) > 1e-15 || math.Abs(mean-tt.mean) > 1e-14*tt.mean {
			t.Errorf("mean(%v) = %v, want %v", tt.l, mean, tt.mean)
		}
		if m := ContinuousBernoulliMean(tt.l); m != mean {
			t.Errorf("ContinuousBernoulliMean(%v) = %v, want %v", tt.l, m, mean)
		}
	}
}

// The mean rises with l, across the seam between the series and the formula too.
func TestUniformCGFIsMonotone(t *testing.T) {
	before := -1.0
	for l := -60.0; l <= 60; l += 1.0 / 1024 {
		k, mean := uniformCGF(l)
		if !(mean > before) || mean > 1 || !(k >= min(l, 0) && k <= max(l, 0)) {
			t.Fatalf("l = %v: k %v, mean %v after %v", l, k, mean, before)
		}
		before = mean
	}
}

// Computed by mpmath in 4000 digits from the difference of two sigmoids.
func TestLogistic256KnownAnswers(t *testing.T) {
	for _, tt := range []struct{ m, l, level, want float64 }{
		{0.5, -3, 128, 3.9280747367938912791}, {0.5, -3, 0, 10.003430301346781712}, {0.5, -3, 255, 10.003430301346781712},
		{0.25, -7, 64, 0.34622956327330858378}, {0.25, -7, 250, 798.83565104904339679}, {0.25, -7, 3, 259.120116214645145},
		{0.5, 5, 17, 11.927560037566585799}, {0.5, 40, 17, 46.927557906278316765}, {0.5, 40, 0, math.Ln2},
		{-3, -2, 0, 2.3261028897308405977e-10}, {-3, -2, 255, 29.541736050430728001}, {-3, -2, 10, 25.998163763030676715},
		{4, -2, 255, 2.3261028897308405977e-10}, {4, -6, 254, 1211.3075205547255816}, {0.5, -8.5, 127, 0.69314718908329757804},
		{0, -8, 0, 0.0028901089939670452467}, {1, -8, 255, 0.0028901089939670452467},
	} {
		d := []float64{7}
		Logistic256(d, nil, []float64{tt.m, tt.l}, []float64{tt.level / 255}, 1e-26)
		// x − m, up to 4, is rounded by 4e-16, which counts in units of s.
		if math.Abs(d[0]-tt.want) > (1e-15+4e-16*math.Exp(-tt.l))*tt.want {
			t.Errorf("mean %v, log-scale %v, level %v: %v, want %v", tt.m, tt.l, tt.level, d[0], tt.want)
		}
	}
}

// The least variance or scale is added to the learned one.
func TestLeast(t *testing.T) {
	for _, l := range []float64{-800, -5, 0, 3} {
		for _, least := range []float64{1e-26, 0.01} {
			total := math.Log(least + math.Exp(l))
			d, want := []float64{0}, []float64{0}
			GaussianPixel(d, nil, []float64{0.4, l}, []float64{0.3}, least)
			GaussianPixel(want, nil, []float64{0.4, total}, []float64{0.3}, 1e-300)
			if !same(d[0], want[0], 1e-14) {
				t.Errorf("pixel: log-variance %v, least %v: %v, want %v", l, least, d[0], want[0])
			}
			GaussianLearned(d, nil, []float64{0.4}, []float64{0.3}, l, least)
			if !same(d[0], want[0], 1e-12) {
				t.Errorf("learned: log-variance %v, least %v: %v, want %v", l, least, d[0], want[0])
			}
			Logistic256(d, nil, []float64{0.4, l}, []float64{0.2}, least)
			Logistic256(want, nil, []float64{0.4, total}, []float64{0.2}, 1e-300)
			if !same(d[0], want[0], 1e-12) {
				t.Errorf("logistic: log-scale %v, least %v: %v, want %v", l, least, d[0], want[0])
			}
		}
	}
}

// No parameter makes NaN or, in float64, anything that is not finite.
func TestLikelihoodExtremesAreFinite(t *testing.T) {
	values := []float64{0, 1e-300, -1e-300, 1, -1, 80, -80, 800, -800, 1e10, -1e10, 0.2}
	for _, m := range values {
		for _, l := range values {
			for _, x := range []float64{0, 0.2, 1} {
				d, resid := []float64{7}, []float64{7, 7}
				for name, f := range map[string]func(){
					"continuous": func() { ContinuousBernoulli(d, resid[:1], []float64{m}, []float64{x}) },
					"learned":    func() { GaussianLearned(d, resid[:1], []float64{m}, []float64{x}, l, 1e-26) },
					"grad":       func() { resid[0] = GaussianLearnedGrad([]float64{1}, d, 1, l, 1e-26) },
					"pixel":      func() { GaussianPixel(d, resid, []float64{m, l}, []float64{x}, 1e-26) },
					"logistic":   func() { Logistic256(d, resid, []float64{m, l}, []float64{x}, 1e-26) },
				} {
					f()
					for _, v := range append(resid, d[0]) {
						if v-v != 0 {
							t.Errorf("%s: m %v, l %v, x %v: value %v, gradient %v", name, m, l, x, d, resid)
						}
					}
				}
			}
		}
	}
}

// NaN in one row shows in that row's distortion and in no other.
func TestLikelihoodsShowNaN(t *testing.T) {
	nan := math.NaN()
	one, x := []float64{1, nan, 2, 3, 4, 5}, []float64{0, 1, 1, nan, 0, 1}
	two := []float64{1, 2, nan, 4, 1, 2, 3, 4, 1, 2, 3, 4}
	for name, f := range map[string]func(d, resid []float64){
		"continuous": func(d, resid []float64) { ContinuousBernoulli(d, resid[:6], one, x) },
		"learned":    func(d, resid []float64) { GaussianLearned(d, resid[:6], one, x, 0, 1e-26) },
		"pixel":      func(d, resid []float64) { GaussianPixel(d, resid, two, x, 1e-26) },
		"logistic":   func(d, resid []float64) { Logistic256(d, resid, two, x, 1e-26) },
	} {
		d := make([]float64, 3)
		f(d, make([]float64, 12))
		for i, want := range []bool{true, true, false} {
			if math.IsNaN(d[i]) != want {
				t.Errorf("%s: row %d: %v, NaN %v", name, i, d[i], want)
			}
		}
	}
}
