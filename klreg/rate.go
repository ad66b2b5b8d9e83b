package klreg

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// GaussianNode adds the rate KL(q(z|x) ‖ N(0,I)) of each image to the graph: what
// Gaussian is for one image. h is [B,2Z], the result is [B], in nats.
func GaussianNode(h *G.Node) (*G.Node, error) {
	dims, err := GaussianDimsNode(h) // [B,Z]
	if err != nil {
		return nil, err
	}
	return Sum(dims)
}

// MeanRate adds mean_i Σ_j dims_ij of dims [B,Z]: a scalar in nats per image.
func MeanRate(dims *G.Node) (*G.Node, error) {
	rate, err := Sum(dims) // [B]
	if err != nil {
		return nil, err
	}
	mean, err := graph.Mean(rate) // scalar
	if err != nil {
		return nil, fmt.Errorf("klreg: %w", err)
	}
	return mean, nil
}
