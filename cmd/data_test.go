package cmd_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"govae/checkpoint"
	"govae/mnist"
)

// The four files of a data set.
const (
	trainImages = "train-images-idx3-ubyte"
	trainLabels = "train-labels-idx1-ubyte"
	testImages  = "t10k-images-idx3-ubyte"
	testLabels  = "t10k-labels-idx1-ubyte"
)

// idx is an IDX file of any header and body.
func idx(magic uint32, header []int32, body []byte) []byte {
	raw := binary.BigEndian.AppendUint32(nil, magic)
	for _, h := range header {
		raw = binary.BigEndian.AppendUint32(raw, uint32(h))
	}
	return append(raw, body...)
}

func imageFile(n, rows, cols int32, pixels []byte) []byte {
	return idx(0x803, []int32{n, rows, cols}, pixels)
}

func labelFile(n int32, labels []byte) []byte { return idx(0x801, []int32{n}, labels) }

func gzipped(raw []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(raw)
	z.Close()
	return b.Bytes()
}

// setFiles are the files of two sets.
func setFiles(train, test *mnist.Set) map[string][]byte {
	n, m, rows, cols := int32(train.Len()), int32(test.Len()), int32(train.Rows), int32(train.Cols)
	return map[string][]byte{
		trainImages: imageFile(n, rows, cols, train.Pixels),
		trainLabels: labelFile(n, train.Labels),
		testImages:  imageFile(m, rows, cols, test.Pixels),
		testLabels:  labelFile(m, test.Labels),
	}
}

// writeSets writes a data set as raw IDX files.
func writeSets(dir string, train, test *mnist.Set) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for name, b := range setFiles(train, test) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// damagedSets writes data sets below dir, each good but for one thing, and
// returns what the message about each has to say.
func damagedSets(t *testing.T, dir string) map[string][]string {
	t.Helper()
	train, test, err := mnist.Load(tiny)
	if err != nil {
		t.Fatal(err)
	}
	good := setFiles(train.Slice(0, 64), test.Slice(0, 32))
	pixels, labels := train.Pixels[:64*784], train.Labels[:64]
	zipped := gzipped(good[trainImages])
	flipped := bytes.Clone(zipped)
	flipped[len(flipped)/2] ^= 0x40
	badSum := bytes.Clone(zipped)
	badSum[len(badSum)-6] ^= 1 // in the CRC-32
	ten := bytes.Clone(labels)
	ten[7] = 10
	want := map[string][]string{}
	damage := func(name, file string, content []byte, words ...string) {
		files := maps.Clone(good)
		delete(files, file)
		if bytes.HasPrefix(content, []byte{0x1f, 0x8b}) {
			file += ".gz"
		}
		files[file] = content
		for f, b := range files {
			if b != nil {
				write(t, filepath.Join(dir, name, f), b)
			}
		}
		want[name] = words
	}
	damage("missing", testLabels, nil, "data not found", "missing", testLabels)
	damage("truncated-gzip", trainImages, zipped[:len(zipped)/2], trainImages, "ends after")
	damage("gzip-header", trainImages, zipped[:5], trainImages, "ends in the gzip header")
	damage("corrupt-gzip", trainImages, flipped, trainImages, "download the file again")
	damage("gzip-checksum", trainImages, badSum, trainImages, "corrupt gzip")
	damage("bomb", trainImages, gzipped(imageFile(90_000_000, 28, 28, make([]uint8, 50_000_000))), trainImages, "claims 70560000000 bytes", "256 times")
	damage("two-members", trainImages, append(bytes.Clone(zipped), zipped...), trainImages, "bytes after the end of its gzip data")
	damage("colour", testImages, idx(0x804, []int32{32, 28, 28, 3}, make([]uint8, 32*28*28*3)), testImages, "4 dimensions, as of colour images")
	damage("truncated-images", testImages, good[testImages][:1000], testImages, "ends after 984 of")
	damage("truncated-labels", trainLabels, good[trainLabels][:20], trainLabels, "ends after 12 of 64")
	damage("truncated-header", trainLabels, good[trainLabels][:6], trainLabels, "ends in the IDX header")
	damage("empty", trainLabels, []byte{}, trainLabels, "ends in the IDX header")
	damage("not-idx", testImages, []byte("<!doctype html><title>404</title>"), testImages, "not an IDX image file")
	damage("labels-for-images", testImages, good[testLabels], testImages, "not an IDX image file")
	damage("extra-bytes", testImages, append(bytes.Clone(good[testImages]), 1), testImages, "has bytes after")
	damage("counts-disagree", trainLabels, labelFile(63, labels[:63]), "64 images", "63 labels")
	damage("sizes-disagree", testImages, imageFile(32, 14, 14, pixels[:32*196]), "14x14", "28x28")
	damage("label-10", trainLabels, labelFile(64, ten), "label 10 of image 7", "0 to 9")
	damage("negative-count", trainImages, imageFile(-64, 28, 28, pixels), trainImages, "claims -64 images")
	damage("negative-labels", trainLabels, labelFile(-1, labels), trainLabels, "claims -1 labels")
	damage("zero-count", trainImages, imageFile(0, 28, 28, nil), trainImages, "claims 0 images")
	damage("zero-side", trainImages, imageFile(64, 0, 28, nil), trainImages, "0x28")
	damage("huge-side", trainImages, imageFile(64, 1<<30, 1<<30, pixels), trainImages, "1073741824x1073741824")
	damage("huge-count", trainImages, imageFile(1<<31-1, 28, 28, pixels), trainImages, "claims 2147483647 images")
	damage("large-count", trainImages, imageFile(90_000_000, 28, 28, pixels), trainImages, "ends after")
	damage("large-labels", trainLabels, labelFile(99_999_999, labels), trainLabels, "ends after 64 of 99999999")

	write(t, filepath.Join(dir, "a-file"), []byte("not a directory"))
	want["a-file"] = []string{"a-file", "not a directory"}
	want["nowhere"] = []string{"nowhere", "not a directory"}
	return want
}

// smallImages writes a sound data set of 8×8 pixels.
func smallImages(t *testing.T, dir string) {
	t.Helper()
	s := &mnist.Set{Rows: 8, Cols: 8, Pixels: make([]uint8, 20*64), Labels: make([]uint8, 20)}
	for i := range s.Pixels {
		s.Pixels[i] = uint8(i * 37)
	}
	if err := writeSets(dir, s, s); err != nil {
		t.Fatal(err)
	}
}

// damagedModels writes model files below dir, each made from the sound 2-D model
// at path, and returns what the message about each has to say.
func damagedModels(t *testing.T, dir, path string) map[string][]string {
	t.Helper()
	raw := read(t, path)
	want := map[string][]string{}
	file := func(name string, b []byte, words ...string) {
		write(t, filepath.Join(dir, name), b)
		want[name] = append(words, name)
	}
	altered := bytes.Clone(raw)
	altered[len(altered)-100] ^= 1
	renamed := bytes.Replace(raw, []byte("bernoulli"), []byte("Bernoulli"), 1)
	file("empty", nil, "cut short")
	file("truncated", raw[:len(raw)*2/3], "cut short")
	file("truncated-header", raw[:100], "cut short")
	file("one-byte-short", raw[:len(raw)-1], "cut short")
	file("altered", altered, "altered")
	file("altered-config", renamed, "altered")
	file("longer", append(bytes.Clone(raw), 0), "altered")
	file("text", []byte("PK, this is no model of any kind whatsoever"), "not a usable safetensors file")

	// The following are sound files.
	edit := func(name string, change func(f *checkpoint.File, config map[string]any), words ...string) {
		f, err := checkpoint.Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		var config map[string]any
		if err := json.Unmarshal([]byte(f.Metadata["govae.model"]), &config); err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(config)
		before := string(b)
		change(f, config)
		if b, _ = json.Marshal(config); string(b) != before {
			f.Metadata["govae.model"] = string(b)
		}
		if err := checkpoint.Write(filepath.Join(dir, name), f); err != nil {
			t.Fatal(err)
		}
		want[name] = append(words, name)
	}
	set := func(key string, value any) func(*checkpoint.File, map[string]any) {
		return func(_ *checkpoint.File, config map[string]any) { config[key] = value }
	}
	edit("foreign", func(f *checkpoint.File, _ map[string]any) { f.Metadata = nil }, "no govae model", "govae.model", "cmd/train")
	edit("config-not-json", func(f *checkpoint.File, _ map[string]any) { f.Metadata["govae.model"] = "{" }, "no govae model")
	edit("more-latent", set("latent", 3), "wrong shape")
	edit("less-hidden", set("hidden", []int{8}), "wrong shape")
	edit("more-layers", set("hidden", []int{16, 16}))
	edit("other-images", set("rows", 14), "wrong shape")
	edit("huge-hidden", set("hidden", []int{300_000}), "wrong shape")
	edit("huge-images", set("rows", 1<<14), "16384")
	edit("negative-rows", set("rows", -28), "-28")
	edit("no-latent", set("latent", 0), "latent")
	edit("odd-activation", set("activation", "sine"), "sine", "gated, relu, softplus or tanh")
	edit("odd-likelihood", set("likelihood", "poisson"), "poisson", "choose bernoulli")
	edit("odd-binarization", func(f *checkpoint.File, _ map[string]any) {
		f.Metadata["govae.train"] = `{"train":{"binarize":"sometimes"}}`
	}, "sometimes", "dynamic")
	edit("odd-training", func(f *checkpoint.File, _ map[string]any) { f.Metadata["govae.train"] = `{"train":` }, "no record of a training run", "unexpected EOF")
	edit("later-training", func(f *checkpoint.File, _ map[string]any) {
		f.Metadata["govae.train"] = `{"train":{"warp":9}}`
	}, "govae.train", "unknown field", "warp")
	edit("later-model", set("warp", 9), "no govae model", "unknown field", "warp")
	edit("config-and-more", func(f *checkpoint.File, _ map[string]any) { f.Metadata["govae.model"] += "}" }, "govae.model", "text after its end")
	edit("extra-tensor", func(f *checkpoint.File, _ map[string]any) {
		f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: "stray", Shape: []int{1}, Data: []float32{1}})
	}, "stray", "unexpected tensor")
	for name, v := range map[string]float64{"nan": math.NaN(), "infinite": math.Inf(-1), "too-large": 1e38} {
		edit(name, func(f *checkpoint.File, _ map[string]any) { f.Tensors[0].Data.([]float32)[3] = float32(v) },
			"number 3 is "+fmt.Sprint(float32(v)), "decoder.hidden.0.bias")
	}
	edit("missing-tensor", func(f *checkpoint.File, _ map[string]any) { f.Tensors = f.Tensors[1:] })
	edit("float64", func(f *checkpoint.File, _ map[string]any) {
		for i, t := range f.Tensors {
			var wide []float64
			for _, v := range t.Data.([]float32) {
				wide = append(wide, float64(v))
			}
			f.Tensors[i].Data = wide
		}
	}, "wrong dtype", "F32")
	return want
}

// A model that is used on other images than its run was measured on says so first; the data
// are known by what is in them, whatever their directory is called.
func TestOtherDataIsSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-limit", "64")...)
	copied, others := filepath.Join(dir, "copy", "raw"), filepath.Join(dir, "other", "raw")
	if err := os.CopyFS(copied, os.DirFS(tiny)); err != nil {
		t.Fatal(err)
	}
	train, test, err := mnist.Load(tiny)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeSets(others, train, test.Slice(1, test.Len())); err != nil {
		t.Fatal(err)
	}
	const said = "note: other data: the model's run was measured on 128 images of 28×28, crc32 "
	for _, args := range [][]string{{"evaluate", "-k", "2", "-n", "4"}, {"sample", "-kind", "reconstruct", "-out", "x.png"}} {
		args = append(args, "-model", "run/model.safetensors")
		if out := must(t, dir, append(args, "-data", copied)...); strings.Contains(out, "note:") {
			t.Errorf("on a copy of the data:\n%s", out)
		}
		if out := must(t, dir, append(args, "-data", others)...); !strings.HasPrefix(out, said) || !strings.Contains(out, "; these are 127 images") {
			t.Errorf("on other data:\n%s", out)
		}
	}
	if out := must(t, dir, "evaluate", "-k", "2", "-n", "4", "-json", "-model", "run/model.safetensors", "-data", others); !strings.Contains(out, `"other_data": "the model's run`) {
		t.Errorf("-json on other data:\n%s", out)
	}
}
