// Package figure draws the figures of a variational autoencoder trained on
// small grey images such as MNIST: grids of samples and reconstructions,
// traversals of the latent space, learning curves, and a map of the posterior
// means. It also writes arrays as NumPy files for other programs to draw.
//
// Image grids are made pixel by pixel: each image pixel becomes a square of
// Scale×Scale equal pixels, so a figure shows exactly the values it was given.
// Plots are drawn with gonum/plot. Everything is written as PNG, and the same
// input gives the same bytes.
//
// The package knows no model: it takes pixels, coordinates and labels as plain
// slices and imports no other package of this module. It is not a general
// plotting library. Its functions keep no state and are safe for concurrent
// use; bad input gives an error that starts with "figure:", never a panic.
package figure
