// Package results reproduces published figures: each row of its table is a recipe
// of package train with what was published for it, run from scratch over seeds,
// evaluated under the paper's protocol, and recorded as JSON. The page
// docs/results.md is written from the records.
package results

import (
	"fmt"
	"strings"
)

// Row is a published figure, in nats per image, and the recipe that is to reach it.
type Row struct {
	Name      string  // of the recipe: train.Preset
	Title     string  // of the model
	Published float64 // −log p(x) or, for a bound, −ELBO of the test set
	Active    string  // active units as published, "" for none
	Bound     bool    // the published figure is a bound: compared with the ELBO
	Source    string
}

const (
	burda = "Burda et al. 2016, Table 1"
	vamp  = "Tomczak & Welling 2018"
	logs  = "others' logs"
)

// Rows are all rows there are, in the order of the table.
func Rows() []Row {
	return []Row{
		{"pytorch", "PyTorch's examples/vae, 784-400-20, grey pixels, 10 epochs", 105.58, "", true, logs},
		{"flax", "flax's examples/vae, 784-500-20, 10 epochs", 104, "", true, logs + ", fixed binarisation: not comparable"},
		{"vae-1", "VAE, 1 stochastic layer, k=1", 86.76, "19", false, burda},
		{"vae-1-k5", "VAE, 1 stochastic layer, k=5", 86.47, "20", false, burda},
		{"vae-1-k50", "VAE, 1 stochastic layer, k=50", 86.35, "20", false, burda},
		{"iwae-1-k5", "IWAE, 1 stochastic layer, k=5", 85.54, "22", false, burda},
		{"iwae-1-k50", "IWAE, 1 stochastic layer, k=50", 84.78, "25", false, burda},
		{"vae-2", "VAE, 2 stochastic layers, k=1", 85.33, "16+5", false, burda},
		{"vae-2-k5", "VAE, 2 stochastic layers, k=5", 85.01, "17+5", false, burda},
		{"vae-2-k50", "VAE, 2 stochastic layers, k=50", 84.78, "17+5", false, burda},
		{"iwae-2-k5", "IWAE, 2 stochastic layers, k=5", 83.89, "21+5", false, burda},
		{"iwae-2-k50", "IWAE, 2 stochastic layers, k=50", 82.90, "26+7", false, burda},
		{"vamp", "VAE with a VampPrior, MLP", 82.43, "", false, vamp},
		{"hvae", "IWAE with a mixture prior, gated MLPs, 2 stochastic layers, k=5; published: VampPrior, k=1", 81.24, "", false, vamp},
	}
}

// Names lists the names of the rows.
func Names() []string {
	var names []string
	for _, r := range Rows() {
		names = append(names, r.Name)
	}
	return names
}

// Find returns the row of a name.
func Find(name string) (Row, error) {
	for _, r := range Rows() {
		if r.Name == name {
			return r, nil
		}
	}
	return Row{}, fmt.Errorf("results: unknown row %q: choose one of %s", name, strings.Join(Names(), ", "))
}
