// Sample draws figures from a trained model: new digits, reconstructions,
// interpolations, and pictures of the latent space. With no flags it draws 64 new
// digits from the model that comes with govae.
package main

import "govae/command"

func main() { command.Sample() }
