package klreg

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/graph"
)

// GaussianDimsNode adds the KL of each latent dimension to the graph: what
// GaussianDims is for one image. h [B,2Z] has the means mu of each image, then its
// log-variances logvar; the result is [B,Z], in nats, and the graph can be
// differentiated through it.
func GaussianDimsNode(h *G.Node) (*G.Node, error) { return gaussianKLNode(h) }

// Sum adds up the dimensions of each image: [B,Z] from GaussianDimsNode to the
// rate [B], in nats.
func Sum(dims *G.Node) (*G.Node, error) {
	rate, err := graph.RowSums(dims) // [B]
	if err != nil {
		return nil, fmt.Errorf("klreg: %w", err)
	}
	return rate, nil
}
