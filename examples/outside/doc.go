// Package outside adds parts to govae from another module. It imports the public packages
// alone, and changes no file of theirs: each part registers itself under a name, which
// Config, saved models and flags then know.
//
// One file is one part. README.md lists them.
//
// Sizes: B rows (images), R rows (draws), X pixels, Z latent dimensions.
package outside
