package klreg

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// GaussianDimsNode adds the KL of each latent dimension to the graph: what
// GaussianDims is for one image. mu, logvar and the result are [B,Z], the result
// in nats; the graph can be differentiated through it. The error names shapes
// that do not agree.
func GaussianDimsNode(mu, logvar *G.Node) (*G.Node, error) {
	kl, err := gaussianKLNode(mu, logvar) // [B,Z]
	if err != nil {
		return nil, fmt.Errorf("klreg: %w", err)
	}
	return kl, nil
}

// GaussianNode adds the rate KL(q(z|x) ‖ N(0,I)) of each image to the graph: what
// Gaussian is for one image. mu and logvar are [B,Z], the result is [B], in nats.
func GaussianNode(mu, logvar *G.Node) (*G.Node, error) {
	dims, err := GaussianDimsNode(mu, logvar) // [B,Z]
	if err != nil {
		return nil, err
	}
	return Sum(dims)
}

// Sum adds up the dimensions of each image: [B,Z] from GaussianDimsNode to the
// rate [B], in nats.
func Sum(dims *G.Node) (*G.Node, error) {
	rate, err := graph.RowSums(dims) // [B]
	if err != nil {
		return nil, fmt.Errorf("klreg: %w", err)
	}
	return rate, nil
}
