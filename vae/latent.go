package vae

import (
	"fmt"
	"math"
)

// Interpolate returns the codes of n images on the straight line from a to b,
// both [Z], ends included: [n,Z].
func Interpolate(a, b []float32, n int) ([]float32, error) {
	if len(a) != len(b) {
		return nil, fmt.Errorf("vae: interpolate between codes of %d and %d dimensions", len(a), len(b))
	}
	if n < 2 {
		return nil, fmt.Errorf("vae: interpolate in %d steps, want at least 2", n)
	}
	if err := fits("codes", n, len(a)); err != nil {
		return nil, err
	}
	z := make([]float32, 0, n*len(a))
	for i := range n {
		t := float64(i) / float64(n-1)
		for j := range a {
			z = append(z, float32((1-t)*float64(a[j])+t*float64(b[j])))
		}
	}
	return z, nil
}

// Traverse returns n codes [n,Z] that differ from z [Z] in dimension dim alone,
// where they go from −span to span.
func Traverse(z []float32, dim, n int, span float64) ([]float32, error) {
	if dim < 0 || dim >= len(z) {
		return nil, fmt.Errorf("vae: traverse dimension %d of %d", dim, len(z))
	}
	if n < 2 {
		return nil, fmt.Errorf("vae: traverse in %d steps, want at least 2", n)
	}
	if err := fits("codes", n, len(z)); err != nil {
		return nil, err
	}
	out := make([]float32, 0, n*len(z))
	for i := range n {
		out = append(out, z...)
		out[i*len(z)+dim] = float32(span * (2*float64(i)/float64(n-1) - 1))
	}
	return out, nil
}

// Manifold returns the n×n codes [n²,2] of a 2-D model that part the prior into
// cells of equal probability: (Φ⁻¹(u), Φ⁻¹(v)) at the middles u, v = (i+½)/n, with
// Φ⁻¹ the inverse normal CDF. Rows run from top to bottom, the second coordinate
// falling, so that the figure's axes are those of a plot.
//
// Source: Kingma & Welling 2014, Figure 4, arXiv:1312.6114.
func Manifold(n int) ([]float32, error) {
	const most = 1 << 14 // for no more than maxResult numbers
	if n < 1 || n > most {
		return nil, fmt.Errorf("vae: a manifold of %d×%[1]d codes, want 1 to %d", n, most)
	}
	z := make([]float32, 0, 2*n*n)
	for i := range n {
		for j := range n {
			z = append(z, quantile(j, n), quantile(n-1-i, n))
		}
	}
	return z, nil
}

func quantile(i, n int) float32 {
	u := (float64(i) + 0.5) / float64(n)
	return float32(math.Sqrt2 * math.Erfinv(2*u-1))
}
