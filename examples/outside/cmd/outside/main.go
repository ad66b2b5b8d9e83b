// Outside is govae's commands with the parts of this module in them:
//
//	go run ./cmd/outside train -prior flow -objective elbo-sampled -out runs/flow
//	go run ./cmd/outside evaluate -model runs/flow/model.safetensors
//	go run ./cmd/outside sample -model runs/flow/model.safetensors -out flow.png
package main

import (
	"fmt"
	"os"

	_ "example.com/outside"
	"govae/command"
)

func main() {
	commands := map[string]func(){"train": command.Train, "sample": command.Sample, "evaluate": command.Evaluate}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "outside: want train, sample or evaluate, then its flags")
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = append(os.Args[:1], os.Args[2:]...)
	commands[name]()
}
