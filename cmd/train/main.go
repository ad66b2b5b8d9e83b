// Train fits a variational autoencoder to MNIST, or to data of its format, and
// writes a run directory. With no flags it trains the default model on all
// 60,000 images.
package main

import "govae/command"

func main() { command.Train() }
