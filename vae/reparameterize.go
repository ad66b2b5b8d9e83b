package vae

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"

	"govae/dist"
)

// Reparameterize is the layer between encoder and decoder:
//
//	z = mu + exp(logvar/2)·eps,  eps ~ N(0,I)
//
// so that z is a draw from q(z|x) = N(mu, diag exp(logvar)) and yet a smooth
// function of mu and logvar, through which gradients pass: ∂z/∂mu = 1,
// ∂z/∂logvar = ½·exp(logvar/2)·eps. params [B,2Z] has mu and logvar side by side, as the
// encoder gives them; eps and z are [B,Z]. eps is given, never drawn
// inside the graph, so that every run can be repeated.
//
// Source: Kingma & Welling 2014, section 2.4, arXiv:1312.6114.
func Reparameterize(params, eps *G.Node) (*G.Node, error) {
	z, err := dist.Reparameterize(params, eps) // [B,Z]
	if err != nil {
		return nil, fmt.Errorf("vae: %w", err)
	}
	return z, nil
}

// ReparameterizeValue is Reparameterize of one image as plain numbers, the
// definition: it fills z [Z]. It panics if the lengths differ.
func ReparameterizeValue(z, mu, logvar, eps []float64) {
	if len(mu) != len(z) || len(logvar) != len(z) || len(eps) != len(z) {
		panic(fmt.Sprintf("vae: reparameterize: %d, %d, %d and %d dimensions", len(z), len(mu), len(logvar), len(eps)))
	}
	for j := range z {
		z[j] = mu[j] + math.Exp(logvar[j]/2)*eps[j]
	}
}
