package cmd_test

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"strings"
	"testing"

	"govae/vae"
)

// A model that takes labels serves every kind of figure.
func TestSampleLabels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-labels", "10", "-epochs", "8", "-lr", "0.01")...)
	sample := func(args string) string {
		t.Helper()
		return must(t, dir, append([]string{"sample", "-model", "run/model.safetensors"}, strings.Fields(args)...)...)
	}
	for args, words := range map[string]string{
		"-kind prior":                "64 new images of labels 0 to 9 in turn, z",
		"-kind prior -label 3":       "64 new images of label 3, z",
		"-kind reconstruct":          "40 test images above",
		"-kind interpolate":          "pairs of test images, 10 steps from one to the other, a pair",
		"-kind interpolate -label 7": "from one to the other of label 7, a pair",
		"-kind traverse":             "a latent dimension a row, from",
		"-kind traverse -label 0":    "a latent dimension a row of label 0, from",
		"-kind manifold -label 9":    "the latent plane of label 9 in",
		"-kind scatter":              "coloured by label",
	} {
		if testing.Short() && strings.Contains(words, "test images") && strings.Contains(args, "-label") {
			continue
		}
		if out := sample(args); !strings.Contains(out, words) {
			t.Errorf("%s prints %q, want %q", args, out, words)
		}
	}
	for args, words := range map[string]string{
		"-label 10":                  "0 to 9",
		"-label -2":                  "-label is -2",
		"-kind manifold":             "choose -label 0 to 9",
		"-kind scatter -label 1":     "-label goes with -kind prior, interpolate, traverse or manifold, not scatter",
		"-kind reconstruct -label 1": "not reconstruct",
		"-kind prior -label some":    `"some"`,
	} {
		wantFailure(t, run(t, dir, append([]string{"sample", "-model", "run/model.safetensors"}, strings.Fields(args)...)...), 2, words)
	}
	wantFailure(t, run(t, dir, "sample", "-label", "1"), 2, "takes no labels")

	// The images are those of the label.
	m, err := vae.Load(filepath.Join(dir, "run", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	plane, _ := vae.Manifold(3)
	images := func(label int) []byte {
		y := make([]float32, 10)
		y[label] = 1
		given, err := m.Given(y)
		if err != nil {
			t.Fatal(err)
		}
		x, err := given.Decode(plane)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		binary.Write(&b, binary.LittleEndian, x)
		return b.Bytes()
	}
	sample("-kind manifold -n 3 -label 4 -npy m.npy")
	npy := read(t, filepath.Join(dir, "m.npy"))
	if !bytes.HasSuffix(npy, images(4)) || bytes.HasSuffix(npy, images(5)) {
		t.Error("the manifold of label 4 is not that of the model given label 4 alone")
	}
}
