package vae

import G "gorgonia.org/gorgonia"

// lossMIWAE is the mean of m independent importance-weighted bounds of k draws each,
//
//	1/m Σ_j log 1/k Σ_i w_ij
//
// It lies between the ELBO averaged over m·k draws (k = 1) and L_mk (m = 1): k
// tightens the bound, m lowers the variance of its gradient, which for the encoder
// drowns in noise as k grows.
//
// Source: Rainforth et al. 2018, eq. 8, arXiv:1802.04537.
func lossMIWAE(d *draws) (*G.Node, error) { return lossIWAE(d) }
