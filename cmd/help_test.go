package cmd_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestHelp holds each command to its flags, in groups,
// each with its default.
func TestHelp(t *testing.T) {
	t.Parallel()
	flags := map[string]string{
		"train": "above activation any-machine backward batch beta binarize capacity capacity-epochs checkpoint-every clip components config cycles data decoder encoder epochs flow free-bits gamma hidden init k keep labels latent likelihood limit lr m momentum objective optimizer option out patience posterior preset prior quiet ramp " +
			"resume schedule schedule-steps seed sigma threads validation version warmup warmup-above warmup-k weight-decay",
		"sample":    "data each kind label model n npy out pixels seed temperature version",
		"reproduce": "data docs epochs k n row runs seeds threads version",
		"sweep": "above activation backward batch betas binarize capacity capacity-epochs clip components config cycles data decoder encoder epochs flow free-bits gamma hidden init k labels latent likelihood limit lr m momentum n objective optimizer option out posterior preset prior ramp " +
			"schedule schedule-steps seed sigma threads train-k version warmup warmup-above warmup-k weight-decay",
		"evaluate": "binarize compare data dims gap json k model n seed surgery verify version",
	}
	groups := map[string][]string{
		"train":     {"Data", "Model", "Objective", "Optimisation", "Run"},
		"sample":    {"Input", "Figure", "Output"},
		"reproduce": {"Row", "Protocol", "Run"},
		"sweep":     {"Data", "Models", "Objective", "Optimisation", "Evaluation", "Run"},
		"evaluate":  {"Input", "Protocol", "More figures", "Output"},
	}
	line := regexp.MustCompile(`(?m)^  -(\S+)( \S+)? +\S.* \(default .+\)$`)
	for command := range flags {
		for _, h := range []string{"-h", "-help", "--help"} {
			dir := t.TempDir()
			help := must(t, dir, command, h)
			if !strings.HasPrefix(help, command+": ") {
				t.Errorf("%s %s starts with %.40q", command, h, help)
			}
			shown := map[string]bool{}
			for _, m := range line.FindAllStringSubmatch(help, -1) {
				shown[m[1]] = true
			}
			for _, f := range strings.Fields(flags[command]) {
				if !shown[f] {
					t.Errorf("%s %s does not show -%s with its default", command, h, f)
				}
				delete(shown, f)
			}
			if n := strings.Count(help, "\n  -"); len(shown) > 0 || n != len(strings.Fields(flags[command])) {
				t.Errorf("%s %s shows %d flags, and these this test does not know: %v", command, h, n, shown)
			}
			at := 0
			for _, g := range groups[command] {
				i := strings.Index(help[at:], "\n\n"+g+"\n  -")
				if i < 0 {
					t.Errorf("%s %s has no group %s, or in another place", command, h, g)
					continue
				}
				at += i + 1
			}
			if len(snapshot(t, dir)) != 1 {
				t.Errorf("%s %s wrote files", command, h)
			}
		}
	}
}

// TestHelpTellsTheTruth compares defaults that the help shows with what a run
// then uses.
func TestHelpTellsTheTruth(t *testing.T) {
	t.Parallel()
	help := must(t, t.TempDir(), "train", "-h")
	for _, want := range []string{
		"(default 10)", "(default 128)", "(default 0.001)", "(default 20)", "(default 400)", "(default relu)", "(default bernoulli)",
		"(default dynamic)", "(default constant)", "(default runs/mnist)", "none, dynamic, threshold or fixed", "gated, relu, softplus or tanh",
		"(default adam)", "adam, adamw, nesterov or sgd", "constant, cooldown, cosine, linear or stages", "glorot or pytorch", "logistic256", "iwae-1-k5", "MNIST_DIR",
	} {
		if !strings.Contains(help, want) {
			t.Errorf("train -h lacks %q", want)
		}
	}
	if !strings.Contains(help, "; with -binarize none: continuous-bernoulli, gaussian, gaussian-learned, gaussian-pixel, laplace, logistic256 (") {
		t.Error("train -h does not say which likelihoods are of grey pixels")
	}
	if help := must(t, t.TempDir(), "sample", "-h"); !strings.Contains(help, "prior, reconstruct, interpolate, traverse, manifold or scatter") {
		t.Error("sample -h lacks the kinds")
	}
	if help := must(t, t.TempDir(), "reproduce", "-h"); !strings.Contains(help, "pytorch, flax, vae-1, vae-1-k5") {
		t.Error("reproduce -h lacks the rows")
	}
}
