package cmd_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"maps"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"govae/evaluate"
	"govae/internal/stream"
	"govae/mnist"
	"govae/vae"
)

func TestSampleDefault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := prepare(t.Context(), dir, "sample")
	c.Env = []string{"MNIST_DIR=/nowhere", "HOME=/nowhere"} // no data, and no go command to fetch them
	r := finish(t, c)
	if r.code != 0 || r.stderr != "" || !strings.Contains(r.stdout, "samples.png: 64 new images") {
		t.Fatal(r)
	}
	if got := slices.Sorted(maps.Keys(snapshot(t, dir))); !slices.Equal(got, []string{".", "samples.png"}) {
		t.Errorf("sample wrote %v", got)
	}
	// 8×8 tiles of 28 pixels, doubled, with gaps of 2.
	if w, h := wantPNG(t, filepath.Join(dir, "samples.png")); w != 466 || h != 466 {
		t.Errorf("samples.png is %d×%d", w, h)
	}
}

// npyShape reads the header of a .npy file, and checks that the values that
// follow are as many, and in [0,1].
func npyShape(t *testing.T, path string) string {
	t.Helper()
	b := read(t, path)
	if !bytes.HasPrefix(b, []byte("\x93NUMPY\x01\x00")) {
		t.Fatalf("%s starts with %.8q", path, b)
	}
	n := 10 + int(binary.LittleEndian.Uint16(b[8:]))
	m := regexp.MustCompile(`'descr': '<f4'.*'fortran_order': False.*'shape': \(([0-9, ]+)\)`).FindSubmatch(b[:n])
	if m == nil || n%64 != 0 {
		t.Fatalf("%s: header %q", path, b[:n])
	}
	size := 4
	for _, d := range strings.Split(string(m[1]), ", ") {
		var side int
		fmt.Sscan(d, &side)
		size *= side
	}
	if len(b)-n != size {
		t.Errorf("%s: %d bytes of values for shape %s", path, len(b)-n, m[1])
	}
	for i := n; i+4 <= len(b); i += 4 {
		if v := math.Float32frombits(binary.LittleEndian.Uint32(b[i:])); !(v >= 0 && v <= 1) {
			t.Fatalf("%s holds %v", path, v)
		}
	}
	return string(m[1])
}

// TestNumPyLoads: numpy.load takes the arrays as they are.
func TestNumPyLoads(t *testing.T) {
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import numpy").Run() != nil {
		t.Skip("no NumPy here: Debian's package is python3-numpy")
	}
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, "sample", "-n", "7", "-npy", "x.npy", "-out", "x.png")
	cmd := exec.Command(python, "-c", "import numpy\na = numpy.load('x.npy')\nprint(a.shape, a.dtype, a.flags.c_contiguous, 0 <= a.min() < 0.1 < 0.9 < a.max() <= 1)")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if want := "(7, 28, 28) float32 True True\n"; err != nil || string(out) != want {
		t.Errorf("NumPy says %s%v, want %s", out, err, want)
	}
}

func TestSampleKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet")...)
	for _, test := range []struct {
		kind, n string
		images  int // that the model makes, 0 for none
		say     string
	}{
		{"prior", "5", 5, "5 new images"},
		{"prior", "0", 64, "64 new images"},
		{"reconstruct", "12", 12, "12 test images"},
		{"reconstruct", "5000", 128, "128 test images"},
		{"interpolate", "3", 24, "3 steps"},
		{"traverse", "5", 10, "a latent dimension a row"},
		{"manifold", "4", 16, "4×4 cells"},
		{"scatter", "50", 0, "50 test images"},
		{"scatter", "0", 0, "128 test images"},
	} {
		name := test.kind + test.n
		t.Run(name, func(t *testing.T) {
			args := []string{"sample", "-model", "run/model.safetensors", "-kind", test.kind, "-n", test.n, "-out", name + ".png"}
			if test.images > 0 {
				args = append(args, "-each", name, "-npy", name+".npy")
			}
			if out := must(t, dir, args...); !strings.Contains(out, name+".png") || !strings.Contains(out, test.say) {
				t.Errorf("prints %q", out)
			}
			wantPNG(t, filepath.Join(dir, name+".png"))
			if test.images == 0 {
				return
			}
			if got, want := npyShape(t, filepath.Join(dir, name+".npy")), fmt.Sprintf("%d, 28, 28", test.images); got != want {
				t.Errorf("%s.npy has shape (%s), want (%s)", name, got, want)
			}
			files := slices.Sorted(maps.Keys(snapshot(t, filepath.Join(dir, name))))[1:]
			if len(files) != test.images {
				t.Errorf("-each wrote %d files, want %d", len(files), test.images)
			}
			for _, f := range files {
				if w, h := wantPNG(t, filepath.Join(dir, name, f)); w != 28 || h != 28 {
					t.Errorf("%s is %d×%d", f, w, h)
				}
			}
		})
	}
	leftovers(t, dir)
}

// TestSampleImages: the images of each kind are what the model makes of the codes
// that the kind stands for, and the single PNGs are these images.
func TestSampleImages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-binarize", "threshold", "-epochs", "4")...)
	m, err := vae.Load(filepath.Join(dir, "run", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	_, set, err := mnist.Load(tiny)
	if err != nil {
		t.Fatal(err)
	}
	set = set.Prepare(mnist.Threshold, nil)
	x := make([]float32, tinyTest*784) // in the order of the seed
	set.Fill(x, rand.New(stream.New(5, stream.Pick, 0)).Perm(tinyTest), mnist.Threshold, nil)
	mu, logvar, err := m.Encode(x)
	if err != nil {
		t.Fatal(err)
	}
	const n = 6
	var line, walk []float32
	for p := range 8 {
		codes, _ := vae.Interpolate(mu[4*p:4*p+2], mu[4*p+2:4*p+4], n)
		line = append(line, codes...)
	}
	rate := evaluate.RatePerDim(mu, logvar, 2)
	most := 0
	if rate[1] > rate[0] {
		most = 1
	}
	for _, dim := range []int{most, 1 - most} {
		for i := range n {
			z := slices.Clone(mu[:2])
			z[dim] = -3 + 6*float32(i)/(n-1)
			walk = append(walk, z...)
		}
	}
	plane, _ := vae.Manifold(n)
	draws, err := m.Sample(n, 5, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	for kind, codes := range map[string][]float32{"prior": nil, "reconstruct": mu[:2*n], "interpolate": line, "traverse": walk, "manifold": plane} {
		want := draws
		if codes != nil {
			if want, err = m.Decode(codes); err != nil {
				t.Fatal(err)
			}
		}
		must(t, dir, "sample", "-model", "run/model.safetensors", "-kind", kind, "-n", fmt.Sprint(n), "-seed", "5", "-temperature", map[bool]string{true: "0.5", false: "1"}[kind == "prior"],
			"-out", kind+".png", "-npy", kind+".npy", "-each", kind)
		b := read(t, filepath.Join(dir, kind+".npy"))
		b = b[10+int(binary.LittleEndian.Uint16(b[8:])):]
		if len(b) != 4*len(want) {
			t.Errorf("%s: %d bytes of images, want %d", kind, len(b), 4*len(want))
			continue
		}
		for i, w := range want {
			got := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			if math.Abs(float64(got-w)) > 1e-5 {
				t.Errorf("%s: image %d, pixel %d is %v, want %v", kind, i/784, i%784, got, w)
				break
			}
		}
		last := len(want)/784 - 1
		img, err := png.Decode(bytes.NewReader(read(t, filepath.Join(dir, kind, fmt.Sprintf("%06d.png", last)))))
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want[last*784:] {
			if got := img.(*image.Gray).GrayAt(i%28, i/28).Y; math.Abs(float64(got)-255*float64(w)) > 0.51 {
				t.Errorf("%s: the last PNG has %d at row %d, column %d, want %v", kind, got, i/28, i%28, 255*w)
				break
			}
		}
	}

	// Originals are above: of two grey levels, beside that of the gaps and white.
	img, err := png.Decode(bytes.NewReader(read(t, filepath.Join(dir, "reconstruct.png"))))
	if err != nil {
		t.Fatal(err)
	}
	levels := func(from, to int) int { // of grey, in these rows, right of the labels
		seen := map[uint8]bool{}
		for y := from; y < to; y++ {
			for x := img.Bounds().Dx() / 2; x < img.Bounds().Dx(); x++ {
				seen[img.(*image.Gray).GrayAt(x, y).Y] = true
			}
		}
		return len(seen)
	}
	if h := img.Bounds().Dy(); levels(0, h/2) > 3 || levels(h/2, h) < 10 {
		t.Errorf("%d grey levels in the upper half, %d in the lower one", levels(0, h/2), levels(h/2, h))
	}
}

func TestSampleSeed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, dir, tinyModel("-quiet", "-binarize", "threshold")...) // so that only the choice of images is random
	kinds := []string{"prior", "reconstruct", "interpolate", "traverse", "scatter"}
	if testing.Short() {
		kinds = kinds[:2]
	}
	for _, kind := range kinds {
		draw := func(seed, out string) string {
			must(t, dir, "sample", "-model", "run/model.safetensors", "-kind", kind, "-seed", seed, "-out", out)
			return sum(t, filepath.Join(dir, out))
		}
		one, again, two := draw("0", "a.png"), draw("0", "b.png"), draw("7", "c.png")
		if one != again {
			t.Errorf("%s: one seed gives two figures", kind)
		}
		if one == two && kind != "scatter" { // which may show all images, whatever their order
			t.Errorf("%s: two seeds give one figure", kind)
		}
	}
	must(t, dir, "sample", "-temperature", "0", "-n", "2", "-each", "cold")
	if sum(t, filepath.Join(dir, "cold", "000000.png")) != sum(t, filepath.Join(dir, "cold", "000001.png")) {
		t.Error("two images at temperature 0 differ")
	}
}
