// Reproduce runs a row of docs/results.md from scratch: it trains the recipe,
// evaluates it under the paper's protocol, records the result and writes the page
// anew. An interrupted run goes on where it stopped.
package main

import "govae/command"

func main() { command.Reproduce() }
