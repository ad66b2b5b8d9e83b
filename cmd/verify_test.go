package cmd_test

import (
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"govae/checkpoint"
)

// evaluate -verify says what a file is, and whether it is whole.
func TestVerify(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-limit", "64", "-labels", "10", "-objective", "iwae", "-k", "3", "-seed", "7")...)
	lines := []string{`^file +run/FILE: KIND`, `checksum +it holds: sha256 [0-9a-f]{64}`, `model +28×28-16-2, labels 0 to 9`,
		`parts +encoder mlp, posterior normal, decoder mlp, likelihood bernoulli, prior standard`, `parameters +26324 numbers in 10 tensors`,
		`step +2`, `machine +\w+ with \w+ kernels`, `run +1 epochs in batches of 32, adam 0.001 \(constant\), beta 1, seed 7`,
		`objective +\{"name":"iwae","k":3,"m":1\}`, `data +64 images of 28×28, crc32 [0-9a-f]{8}, of labels [0-9a-f]{8}; binarisation dynamic`, `whole +yes`}
	for file, kind := range map[string]string{"model.safetensors": "a model\n", "state.safetensors": "a training state, with its model\n"} {
		out := must(t, dir, "evaluate", "-verify", "run/"+file)
		for _, l := range lines {
			l = strings.NewReplacer("FILE", regexp.QuoteMeta(file), "KIND", kind).Replace(l)
			if !regexp.MustCompile(`(?m)` + l).MatchString(out) {
				t.Errorf("%s: no line %q in\n%s", file, l, out)
			}
		}
		if moments := strings.Contains(out, "moments     52648 numbers in 20 tensors"); moments != (file == "state.safetensors") || strings.Contains(out, "unknown") {
			t.Errorf("%s: the report is\n%s", file, out)
		}
	}

	f, err := checkpoint.Read(filepath.Join(dir, "run", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	changed := func(name string, change func(*checkpoint.File)) {
		c := &checkpoint.File{Metadata: map[string]string{}, Tensors: append([]checkpoint.Tensor{}, f.Tensors...)}
		for k, v := range f.Metadata {
			c.Metadata[k] = v
		}
		change(c)
		if err := checkpoint.Write(filepath.Join(dir, name), c); err != nil {
			t.Fatal(err)
		}
	}
	changed("foreign", func(c *checkpoint.File) { c.Metadata["author"], c.Metadata["\x1b[2J"] = "me", "" })
	if out := must(t, dir, "evaluate", "-verify", "foreign"); !strings.Contains(out, `metadata of another program: \x1b[2J, author`) {
		t.Errorf("unknown metadata: the report is\n%s", out)
	}
	changed("nan", func(c *checkpoint.File) {
		c.Tensors[0] = checkpoint.Tensor{Name: c.Tensors[0].Name, Shape: c.Tensors[0].Shape, Data: append([]float32{float32(math.NaN())}, c.Tensors[0].Data.([]float32)[1:]...)}
	})
	changed("less", func(c *checkpoint.File) { c.Tensors = c.Tensors[1:] })
	changed("step", func(c *checkpoint.File) { c.Metadata["govae.step"] = "soon" })
	changed("record", func(c *checkpoint.File) { c.Metadata["govae.train"] = "{" })
	whole := read(t, filepath.Join(dir, "run", "model.safetensors"))
	write(t, filepath.Join(dir, "cut"), whole[:len(whole)-1])
	whole[len(whole)-2] ^= 4
	write(t, filepath.Join(dir, "flipped"), whole)
	for name, words := range map[string]string{"nan": "not finite", "less": "weights", "step": `"soon"`, "record": "govae.train", "cut": "cut short", "flipped": "altered", "none": "no such file", "run": "is a directory"} {
		wantFailure(t, run(t, dir, "evaluate", "-verify", name), 1, "evaluate: ", name, words)
	}
	wantFailure(t, run(t, dir, "evaluate", "-verify", "cut", "-k", "3"), 2, "-verify cut goes without other flags")
}
