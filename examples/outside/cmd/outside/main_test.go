package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The commands have the parts of this module: in the help, in training with resume, in
// evaluation and in samples. Without them, the model is refused by name.
func TestCommands(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "outside")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(bin, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	help := run("train", "-h")
	for _, name := range []string{"conv or mlp", "conv", "beta", "distill", "mmd", "conditional", "flow", "vq"} {
		if !strings.Contains(help, name) {
			t.Errorf("the help does not know %q", name)
		}
	}
	for name, flags := range map[string]string{
		"flow":        "-prior flow -objective elbo-sampled",
		"beta":        "-likelihood beta -binarize none",
		"binary":      "-posterior binary -prior binary",
		"conditional": "-prior conditional -labels 10",
		"conv":        "-encoder conv -decoder conv -hidden 4,8",
		"mmd":         "-objective mmd -option mmd.weight=10",
		"vq":          "-posterior vq -prior vq -objective vq -latent 8 -option vq.codes=8",
	} {
		if testing.Short() && name != "flow" {
			continue
		}
		args := append([]string{"train", "-quiet", "-epochs", "1", "-limit", "256", "-latent", "4", "-out", name}, strings.Fields(flags)...)
		if !strings.Contains(flags, "-hidden") {
			args = append(args, "-hidden", "16")
		}
		run(args...)
		run("train", "-quiet", "-resume", "-epochs", "2", "-out", name)
		model := filepath.Join(name, "model.safetensors")
		if out := run("evaluate", "-model", model, "-k", "2", "-n", "2"); !strings.Contains(out, "ELBO ") || strings.Contains(out, "NaN") {
			t.Errorf("%s: evaluate prints\n%s", name, out)
		}
		run("sample", "-model", model, "-n", "4", "-out", name+".png")
		run("sample", "-model", model, "-kind", "reconstruct", "-n", "4", "-out", name+"-again.png")
		for _, f := range []string{name + ".png", filepath.Join(name, "curves.png"), filepath.Join(name, "samples.png")} {
			if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
				t.Error(err)
			}
		}
	}
	out, err := exec.Command("go", "run", "govae/cmd/evaluate", "-model", filepath.Join(dir, "flow", "model.safetensors")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), `unknown prior "flow"`) || !strings.Contains(string(out), "import the package that registers it") {
		t.Errorf("without the parts: %v\n%s", err, out)
	}
}
