// Evaluate says what a trained model is worth on the test set: the ELBO, its
// rate and distortion, an importance-weighted estimate of log p(x), and the
// number of active latent dimensions; on demand also the parts of the rate and
// of the inference gap, and the difference to another model.
package main

import "govae/command"

func main() { command.Evaluate() }
