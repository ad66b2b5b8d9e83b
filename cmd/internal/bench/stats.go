package main

import (
	"math"
	"slices"
)

// median is the middle of the values, or the mean of the two in the middle. It
// is NaN of none.
func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	if n == 0 {
		return math.NaN()
	}
	return (v[(n-1)/2] + v[n/2]) / 2
}

// ratio compares two sides that took turns: how many times as much the peer
// took as we did, as the ratio of the medians, and as the median of the ratios
// of each pair of turns. The second is not moved by a machine that grows slower
// over the rounds.
func ratio(ours, peer []float64) (ofMedians, ofPairs float64) {
	pairs := make([]float64, len(ours))
	for i := range pairs {
		pairs[i] = peer[i] / ours[i]
	}
	return median(peer) / median(ours), median(pairs)
}

// share is the median of the fractions a[i]/b[i].
func share(a, b []float64) float64 {
	f := make([]float64, len(a))
	for i := range f {
		f[i] = a[i] / b[i]
	}
	return median(f)
}

// geomean is the geometric mean.
func geomean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(values)))
}
