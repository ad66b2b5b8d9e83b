package cmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/checkpoint"
	"govae/vae"
)

// record is a line of metrics.jsonl.
type record struct {
	Epoch           *int     `json:"epoch"`
	Step            *int     `json:"step"`
	Seconds         *float64 `json:"seconds"`
	ImagesPerSecond *float64 `json:"images_per_second"`
	Beta            *float64 `json:"beta"`
	LR              *float64 `json:"lr"`
	Train           *nats    `json:"train"`
	Validation      *nats    `json:"validation"`
	Test            *nats    `json:"test"`
	Best            bool     `json:"best"`
}

type nats struct {
	ELBO       *float64 `json:"elbo"`
	Distortion *float64 `json:"distortion"`
	Rate       *float64 `json:"rate"`
}

// metrics reads metrics.jsonl of a run of so many epochs, and checks each line.
func metrics(t *testing.T, run string, epochs, perEpoch int) []record {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(read(t, filepath.Join(run, "metrics.jsonl"))))
	d.DisallowUnknownFields()
	var records []record
	for d.More() {
		var r record
		if err := d.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if r.Epoch == nil || r.Step == nil || r.Seconds == nil || r.ImagesPerSecond == nil || r.Train == nil || r.Test == nil {
			t.Fatalf("metrics.jsonl: line %d lacks a field", len(records)+1)
		}
		if *r.Epoch != len(records)+1 || *r.Step != *r.Epoch*perEpoch || !(*r.Seconds > 0) || !(*r.ImagesPerSecond > 0) {
			t.Errorf("metrics.jsonl: line %d: epoch %d, step %d, %v seconds, %v images a second", len(records)+1, *r.Epoch, *r.Step, *r.Seconds, *r.ImagesPerSecond)
		}
		for _, n := range []*nats{r.Train, r.Test, r.Validation} {
			if n == nil {
				continue
			}
			if n.ELBO == nil || n.Distortion == nil || n.Rate == nil {
				t.Fatalf("metrics.jsonl: line %d lacks a term", len(records)+1)
			}
			if sum := *n.Distortion + *n.Rate; math.Abs(*n.ELBO+sum) > 1e-9*sum || *n.Rate < 0 {
				t.Errorf("metrics.jsonl: line %d: ELBO %v, distortion %v, rate %v", len(records)+1, *n.ELBO, *n.Distortion, *n.Rate)
			}
		}
		records = append(records, r)
	}
	if len(records) != epochs {
		t.Fatalf("metrics.jsonl has %d lines, want %d", len(records), epochs)
	}
	return records
}

// figures are the numbers of a run that do not depend on the clock.
func figures(records []record) string {
	for i := range records {
		records[i].Seconds, records[i].ImagesPerSecond = nil, nil
	}
	b, _ := json.Marshal(records)
	return string(b)
}

// wantPNG fails unless there is a PNG at path, and returns its size.
func wantPNG(t *testing.T, path string) (width, height int) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(read(t, path)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return img.Bounds().Dx(), img.Bounds().Dy()
}

func TestTrain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := must(t, dir, tinyModel("-epochs", "2", "-limit", "200", "-validation", "56", "-seed", "0", "-out", "runs/a")...)
	run := filepath.Join(dir, "runs", "a")
	want := []string{".lock", "best.safetensors", "config.json", "curves.png", "former.safetensors", "metrics.jsonl", "model.safetensors",
		"reconstructions.png", "samples.png", "state.safetensors"}
	if got := slices.Sorted(maps.Keys(snapshot(t, run)))[1:]; !slices.Equal(got, want) {
		t.Errorf("the run directory holds %v, want %v", got, want)
	}
	records := metrics(t, run, 2, 7)
	if *records[1].Train.ELBO <= *records[0].Train.ELBO {
		t.Errorf("train ELBO goes from %v to %v", *records[0].Train.ELBO, *records[1].Train.ELBO)
	}
	if records[0].Validation == nil || !records[0].Best {
		t.Error("the first epoch's validation is not the best so far")
	}
	for _, name := range []string{"samples.png", "reconstructions.png", "curves.png"} {
		wantPNG(t, filepath.Join(run, name))
	}
	for _, words := range []string{"tiny: 200 training images, 56 held out, 128 test images", "784-16-2", "epoch 1/2", "epoch 2/2", "rate", "distortion", "runs/a", "images/s", " left\n"} {
		if !strings.Contains(out, words) {
			t.Errorf("the output lacks %q:\n%s", words, out)
		}
	}

	var config struct {
		Model vae.Config     `json:"model"`
		Train map[string]any `json:"train"`
		Data  string         `json:"data"`
	}
	if err := json.Unmarshal(read(t, filepath.Join(run, "config.json")), &config); err != nil {
		t.Fatal(err)
	}
	wantModel := vae.Config{Rows: 28, Cols: 28, Hidden: []int{16}, Latent: 2, Activation: "relu", Likelihood: "bernoulli", Init: "pytorch", Seed: 0}
	if fmt.Sprint(config.Model) != fmt.Sprint(wantModel) {
		t.Errorf("config.json: model %v, want %v", config.Model, wantModel)
	}
	for key, value := range map[string]any{"epochs": 2., "batch": 32., "lr": 0.001, "binarize": "dynamic", "beta": 1., "limit": 200., "validation": 56., "seed": 0.} {
		if config.Train[key] != value {
			t.Errorf("config.json: %s is %v, want %v", key, config.Train[key], value)
		}
	}
	if !strings.Contains(config.Data, "200 images") {
		t.Errorf("config.json: data is %q", config.Data)
	}

	f, err := checkpoint.Read(filepath.Join(run, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Float32("encoder.hidden.0.weight", 16, 784); err != nil { // [out,in], as PyTorch has it
		t.Error(err)
	}
	for _, name := range []string{"model.safetensors", "best.safetensors", "state.safetensors"} {
		if _, err := vae.Load(filepath.Join(run, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestTrainMNIST trains on MNIST itself, from GoMNIST's module.
func TestTrainMNIST(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads all of MNIST")
	}
	dir := t.TempDir()
	c := prepare(t.Context(), dir, tinyModel("-limit", "512")...)
	c.Env = append(c.Env, "MNIST_DIR=")
	r := finish(t, c)
	if r.code != 0 || !strings.HasPrefix(r.stdout, "MNIST: 512 training images, 10000 test images") {
		t.Fatal(r)
	}
	metrics(t, filepath.Join(dir, "run"), 1, 16)
}

// TestData: -data goes before MNIST_DIR, which goes before GoMNIST's copy.
func TestData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	smallImages(t, filepath.Join(dir, "small"))
	small := tinyModel("-data", "small")
	if out := must(t, dir, small...); !strings.HasPrefix(out, "small: 20 training images, 20 test images") || !strings.Contains(out, "64-16-2") {
		t.Errorf("-data: %s", out)
	}
	if out := must(t, dir, tinyModel("-out", "run2")...); !strings.HasPrefix(out, "tiny: 512 training images") {
		t.Errorf("MNIST_DIR: %s", out)
	}
	// A model of other images than MNIST's serves all commands.
	must(t, dir, "evaluate", "-model", "run/model.safetensors", "-data", "small", "-k", "2", "-n", "5")
	kinds := []string{"prior", "reconstruct", "interpolate", "traverse", "manifold", "scatter"}
	if testing.Short() { // TestSampleKinds has all
		kinds = kinds[:2]
	}
	for _, kind := range kinds {
		must(t, dir, "sample", "-model", "run/model.safetensors", "-data", "small", "-kind", kind, "-out", kind+".png")
		wantPNG(t, filepath.Join(dir, kind+".png"))
	}
}

// TestSettings trains with each choice of the flags that have choices.
func TestSettings(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("trains many models")
	}
	dir := t.TempDir()
	for i, args := range []string{
		"-activation tanh -init glorot", "-activation softplus -hidden 16,8", "-activation gated", "-hidden=", "-binarize none", "-binarize threshold", "-binarize fixed",
		"-likelihood gaussian -binarize none -sigma 0.5", "-schedule linear", "-schedule cosine", "-optimizer adam", "-optimizer adamw -weight-decay 0.1", "-optimizer sgd -momentum 0.9 -lr 1e-4", "-optimizer nesterov -momentum 0.9 -lr 1e-4", "-schedule cooldown -objective dreg -k 3 -warmup-k 1", "-schedule linear -schedule-steps -objective dreg -k 3 -warmup-k 1", "-objective iwae -k 3", "-objective miwae -k 2 -m 2", "-objective miwae -k 4 -m 2 -backward 2", "-objective dreg -k 4 -backward 1 -warmup-k 1 -above 8,8:2", "-preset vamp -prior standard -warmup 0",
		"-objective elbo-sampled -prior mixture -components 3", "-objective iwae -above 8,8:2", "-objective stl -above 8,8:2 -warmup-above 1", "-likelihood logistic256 -binarize none", "-beta 4", "-beta 0", "-warmup 1.5",
		"-free-bits 0.25", "-clip 1", "-preset pytorch", "-preset default -lr 1e-4", "-batch 9223372036854775807", "-batch 7", "-seed 18446744073709551615",
	} {
		t.Run(args, func(t *testing.T) {
			out := fmt.Sprint("run", i)
			must(t, dir, append(tinyModel("-limit", "64", "-quiet"), append(strings.Fields(args), "-out", out)...)...)
			model := filepath.Join(out, "model.safetensors")
			must(t, dir, "sample", "-model", model, "-n", "4")
			must(t, dir, "evaluate", "-model", model, "-k", "1", "-n", "1")
		})
	}
}

// TestSameBits: the number of threads does not change the model, the seed does.
func TestSameBits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var sums []string
	for _, args := range []string{"-threads 1 -out a", "-threads 2 -out b", "-threads 0 -out c", "-seed 2 -out d"} {
		must(t, dir, append(tinyModel("-quiet", "-hidden", "64", "-limit", "128"), strings.Fields(args)...)...)
		sums = append(sums, sum(t, filepath.Join(dir, args[len(args)-1:], "model.safetensors")))
	}
	if sums[0] != sums[1] || sums[0] != sums[2] {
		t.Error("the model depends on the number of threads")
	}
	if sums[0] == sums[3] {
		t.Error("the model does not depend on the seed")
	}
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, args := range []string{"-limit 64", "-resume -epochs 2", "-resume"} {
		if out := must(t, dir, append(tinyModel("-limit", "64", "-quiet"), strings.Fields(args)...)...); out != "" {
			t.Errorf("%s: prints %q", args, out)
		}
	}
}

// TestResume: a run that is prolonged is the longer run.
func TestResume(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-out", "long", "-epochs", "3", "-limit", "100", "-quiet")...)
	must(t, dir, tinyModel("-out", "short", "-epochs", "1", "-limit", "100", "-quiet")...)
	out := must(t, dir, "train", "-resume", "-out", "short", "-epochs", "3")
	if strings.Contains(out, "epoch 1/3") || !strings.Contains(out, "epoch 2/3") {
		t.Errorf("the resumed run prints\n%s", out)
	}
	for _, name := range []string{"model.safetensors", "config.json", "samples.png", "reconstructions.png", "curves.png"} {
		if sum(t, filepath.Join(dir, "long", name)) != sum(t, filepath.Join(dir, "short", name)) {
			t.Errorf("%s of the resumed run differs from that of the long run", name)
		}
	}
	long, short := metrics(t, filepath.Join(dir, "long"), 3, 4), metrics(t, filepath.Join(dir, "short"), 3, 4)
	if a, b := figures(long), figures(short); a != b {
		t.Errorf("metrics differ:\n%s\n%s", a, b)
	}

	// Nothing to do, also under the flags that the run was made with.
	before := snapshot(t, filepath.Join(dir, "short"))
	for _, args := range [][]string{
		{"train", "-resume", "-out", "short"},
		{"train", "-resume", "-out", "short", "-epochs", "3", "-threads", "1"},
		tinyModel("-resume", "-out", "short", "-epochs", "3", "-limit", "100", "-preset", "default"),
		{"train", "-resume", "-out", "short", "-epochs", "2"},
	} {
		has := "short has its 3 epochs; "
		if args[len(args)-1] == "2" {
			has = "short has 3 epochs, and -epochs is 2; "
		}
		if out := must(t, dir, args...); !strings.Contains(out, "nothing to do: "+has) || !strings.Contains(out, "larger -epochs") {
			t.Errorf("%v prints\n%s", args, out)
		}
		if after := snapshot(t, filepath.Join(dir, "short")); !maps.Equal(before, after) {
			t.Errorf("%v changed the run", args)
			before = after
		}
	}
}
