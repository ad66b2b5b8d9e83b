package cmd_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestSampleDefault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := command(t.Context(), dir, "sample")
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
	if sum(t, filepath.Join(dir, "cold", "0.png")) != sum(t, filepath.Join(dir, "cold", "1.png")) {
		t.Error("two images at temperature 0 differ")
	}
}
