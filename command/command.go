// Package command is what govae's commands do: each function is a whole main, which reads the
// arguments and ends the process. A program that imports parts of its own, which register
// themselves (vae.RegisterEncoder and its like, optim.Register), has them in the flags, in
// the help, and in what is loaded:
//
//	package main
//
//	import (
//		_ "example.com/parts"
//
//		"govae/command"
//	)
//
//	func main() { command.Train() }
//
// Exit codes: 0 done, 1 failed with one line on standard error, 2 bad usage, 130, 143 and 129
// interrupted by SIGINT, SIGTERM and SIGHUP after a checkpoint. A panic of a part is a
// failure whose line says where it was; where the line asks for a report, its stack is printed
// as well with GOVAE_STACK set.
// -h lists the flags.
package command

import (
	"govae/command/internal/cli"
	"govae/command/internal/evaluatecmd"
	"govae/command/internal/reproducecmd"
	"govae/command/internal/samplecmd"
	"govae/command/internal/sweepcmd"
	"govae/command/internal/traincmd"
	"govae/train"
)

// Train fits a variational autoencoder to data and writes a run directory.
func Train() { cli.Main("train", traincmd.Run) }

// Sample draws figures from a trained model.
func Sample() { cli.Main("sample", samplecmd.Run) }

// Evaluate says what a trained model is worth on the test set.
func Evaluate() { cli.Main("evaluate", evaluatecmd.Run) }

// Sweep trains a model for each of several betas, and draws the curve of rate and
// distortion.
func Sweep() { cli.Main("sweep", sweepcmd.Run) }

// Reproduce runs a row of docs/results.md from scratch, and writes that page anew.
func Reproduce() { cli.Main("reproduce", reproducecmd.Run) }

// Draw draws samples, reconstructions and curves into a run directory, as Train does: for
// train.Hooks.Draw.
func Draw(d train.Drawing) error { return cli.Draw(d) }
