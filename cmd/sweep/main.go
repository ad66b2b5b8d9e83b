// Sweep trains one model for each of several betas and draws the curve of rate
// and distortion on which they lie. An interrupted sweep goes on where it stopped.
package main

import "govae/command"

func main() { command.Sweep() }
