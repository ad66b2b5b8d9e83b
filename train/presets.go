package train

import (
	"fmt"
	"slices"
	"strings"

	"govae/mnist"
	"govae/vae"
)

// presets are recipes: published ones, and our own for published models.
var presets = map[string]func() (vae.Config, Config){
	"default": func() (vae.Config, Config) { return vae.DefaultConfig(), DefaultConfig() },
	// The protocol of PyTorch's examples/vae: grey pixels under a Bernoulli
	// likelihood, nn.Linear's initialisation.
	"pytorch": func() (vae.Config, Config) {
		m, t := vae.DefaultConfig(), DefaultConfig()
		t.Binarize = mnist.None
		return m, t
	},
	// flax's examples/vae.
	"flax": func() (vae.Config, Config) {
		m, t := vae.DefaultConfig(), DefaultConfig()
		m.Hidden = []int{500}
		return m, t
	},
	// Table 1 of Burda, Grosse & Salakhutdinov 2016, arXiv:1509.00519: 784-200-200-50,
	// tanh, and two stochastic layers of 100 and 50. Architecture and protocol are
	// theirs, optimiser and schedule are not (see burda).
	"vae-1":       linear(burda(vae.Objective{Name: "stl", K: 1}, 1300, 0, false)),
	"vae-1-k5":    burda(vae.Objective{Name: "elbo-sampled", K: 5}, 900, 700, false),
	"vae-1-k50":   linear(burda(vae.Objective{Name: "elbo-sampled", K: 50}, 600, 550, false)),
	"iwae-1-k5":   linear(burda(vae.Objective{Name: "dreg", K: 5}, 2000, 1200, false)),
	"iwae-1-k50":  linear(burda(vae.Objective{Name: "dreg", K: 50, Backward: 5}, 1680, 1200, false)),
	"vae-2":       burda(vae.Objective{Name: "stl", K: 1}, 1000, 0, true),
	"vae-2-k5":    burda(vae.Objective{Name: "elbo-sampled", K: 5}, 640, 500, true),
	"vae-2-k50":   linear(burda(vae.Objective{Name: "elbo-sampled", K: 50}, 500, 450, true)),
	"iwae-2-k5":   linear(burda(vae.Objective{Name: "dreg", K: 5, Backward: 1}, 3280, 1280, true)),
	"iwae-2-k50":  linear(burda(vae.Objective{Name: "dreg", K: 50, Backward: 5}, 500, 450, true)),
	"burda-1-k5":  burdaOriginal("iwae", 5),
	"burda-1-k1":  burdaOriginal("elbo-sampled", 1),
	"burda-1-k50": burdaOriginal("iwae", 50),
	// The multilayer perceptron with a VampPrior of 500 pseudo-inputs: Tomczak &
	// Welling 2018, section 4, arXiv:1705.07120. After 10 epochs with a warm-up of 3 a
	// step size of 2e-3 came to −ELBO 90.3, 1e-3 to 91.6. Without clipping, seed 1
	// diverged in epoch 109.
	"vamp": func() (vae.Config, Config) {
		m, t := burda(vae.Objective{Name: "stl", K: 1}, 200, 0, false)()
		m.Hidden, m.Activation, m.Latent, m.Prior, m.Components = []int{300, 300}, "gated", 40, "vamp", 500
		t.Batch = 100 // whatever it is, 500 pseudo-inputs are encoded with it
		t.LR, t.Clip, t.Schedule, t.Warmup = 2e-3, 100, "cooldown", 10
		return m, t
	},
	"hvae": hvae,
}

// burda is the model of Burda et al., trained on the given bound by Adam with a step
// size that falls to zero along a cosine (or in a line, see linear), after a warm-up of
// the KL term. Tried for 60 epochs with k = 1, batches of 20 and a step size of 1e-3 came
// to −ELBO 95.1, batches of 50 and 2e-3 to 95.8, of 100 and 1e-3 to 96.7, of 100 and 3e-3
// to 97.2: larger steps shut latent dimensions off early (24, 16, 22 and 13 stayed
// active). After 40 epochs with a warm-up of 10, batches of 20 came to 96.3 with a step
// size of 1e-3, 98.2 with 5e-4 and 96.9 with 2e-3; Adam's ε of 1e-4 to 96.2, β2 of 0.99
// to 96.7, β1 of 0.95 to 96.3; 80 epochs to 94.3: what these models want is steps. So
// k > 1 starts with k = 1, and the gradient of iwae-1-k50 goes through 5 draws, that of
// iwae-2-k5 through 1 (see docs/beyond.md, section 1). Two layers trained for 600 epochs
// without WarmupAbove used none of the second, and came to −log p(x) 87.1 (elbo-sampled,
// k = 1, seeds 1 and 2, K = 5000).
func burda(o vae.Objective, epochs, warmupK int, deep bool) func() (vae.Config, Config) {
	return func() (vae.Config, Config) {
		m, t := vae.DefaultConfig(), DefaultConfig()
		m.Hidden, m.Latent, m.Activation, m.Init = []int{200, 200}, 50, "tanh", "glorot"
		if deep {
			m.Latent, m.Above = 100, []vae.Stochastic{{Hidden: []int{100, 100}, Latent: 50}}
			t.WarmupAbove = 30
		}
		t.Objective, t.WarmupK = o, warmupK
		t.Batch, t.Epochs, t.LR, t.Schedule, t.Warmup = 20, epochs, 1e-3, "cosine", 30
		return m, t
	}
}

// linear is a recipe whose step size falls in a line over all steps: that of iwae-1-k5
// has come to 0.4 of 1e-3 when k rises. What is won comes with small steps: the ELBO of
// vae-1 is −94.5 when the step size is 5.6e-4, −92.8 at 3.8e-4, −89.7 in the end
// (training images, seed 1).
func linear(recipe func() (vae.Config, Config)) func() (vae.Config, Config) {
	return func() (vae.Config, Config) {
		m, t := recipe()
		t.Schedule, t.ScheduleSteps = "linear", t.WarmupK > 0
		return m, t
	}
}

// hvae has the best log p(x) of all recipes here: two stochastic layers of 40 with gated
// nets between them, under a learned mixture of 500 Gaussians. Given three minutes and
// k = 1, batches of 20 and a step size of 1e-3 came to −log p(x) 85.7, of 50 and 1.5e-3
// to 84.9, of 100 and 2e-3 to 84.8; one layer, in batches of 20, to 87.1 (seed 1, K = 500, 1000 images).
// At 2e-3 without clipping two seeds diverged, in epochs 100 and 110; the norm of the
// gradient is usually 20 to 50.
func hvae() (vae.Config, Config) {
	m, t := burda(vae.Objective{Name: "dreg", K: 5}, 150, 110, false)()
	m.Hidden, m.Activation, m.Latent, m.Prior, m.Components = []int{300, 300}, "gated", 40, "mixture", 500
	m.Above = []vae.Stochastic{{Hidden: []int{300, 300}, Latent: 40}}
	t.Batch, t.LR, t.Clip, t.Schedule, t.Warmup, t.WarmupAbove = 100, 1.5e-3, 100, "cooldown", 10, 10
	return m, t
}

// burdaOriginal is the same with the paper's own schedule: batches of 20, Adam with
// ε = 1e-4, 3280 epochs in eight stages.
func burdaOriginal(objective string, k int) func() (vae.Config, Config) {
	return func() (vae.Config, Config) {
		m, t := burda(vae.Objective{Name: objective, K: k}, 3280, 0, false)()
		t.LR, t.Schedule, t.AdamEps, t.Warmup = 1e-3, "stages", 1e-4, 0
		return m, t
	}
}

// Presets lists the names of the recipes.
func Presets() []string {
	var names []string
	for n := range presets {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Preset returns a recipe by name.
func Preset(name string) (vae.Config, Config, error) {
	p, ok := presets[name]
	if !ok {
		return vae.Config{}, Config{}, fmt.Errorf("train: unknown preset %q: choose one of %s", name, strings.Join(Presets(), ", "))
	}
	m, t := p()
	return m, t, nil
}
