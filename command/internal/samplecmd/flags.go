package samplecmd

import (
	"math"
	"os"
	"path/filepath"
	"strings"

	"govae/command/internal/cli"
)

// options are the flags, resolved.
type options struct {
	model, out, kind, data, each, npy string
	n                                 int
	seed                              uint64
	temperature                       float64
	pixels                            bool
}

// parse resolves the flags, and checks all that needs no model.
func parse(args []string) (*options, error) {
	o := &options{}
	f := cli.NewFlags("sample", "draws figures from a trained model.\nWith no flags: 64 new digits from the model that comes with govae, into samples.png.")
	f.Group("Input")
	f.StringVar(&o.model, "model", "", "`FILE` of a model, such as runs/mnist/model.safetensors; if empty, the one that comes with govae")
	f.StringVar(&o.data, "data", "", "`DIR` with the four MNIST files, for all kinds but prior and manifold; if empty, $MNIST_DIR, else GoMNIST's own copy")
	f.Group("Figure")
	f.StringVar(&o.kind, "kind", "prior", "`KIND`: "+kindNames())
	f.IntVar(&o.n, "n", 0, "`N` images (prior, reconstruct), steps a row (interpolate, traverse), images a side (manifold), points (scatter); 0 for the kind's own number")
	f.Uint64Var(&o.seed, "seed", 1, "`SEED` of the draws and of the choice of test images")
	f.Float64Var(&o.temperature, "temperature", 1, "standard deviation `T` of z (prior); below 1 gives more typical digits")
	f.BoolVar(&o.pixels, "pixels", false, "draw each pixel from p(x|z) (prior), instead of its mean")
	f.Group("Output")
	f.StringVar(&o.out, "out", "samples.png", "`FILE` of the figure, a PNG")
	f.StringVar(&o.each, "each", "", "also write each image as a PNG of its own into `DIR`")
	f.StringVar(&o.npy, "npy", "", "also write the images to `FILE` as a float32 array [n,rows,cols] that numpy.load reads")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	k, ok := kinds[o.kind]
	switch {
	case !ok:
		return nil, cli.Usagef("sample: unknown kind %q: choose %s", o.kind, kindNames())
	case o.n != 0 && o.n < k.least || o.n > maxN:
		return nil, cli.Usagef("sample: n is %d, want %d to %d, or 0 for the kind's own number, %d", o.n, k.least, maxN, k.n)
	case !(o.temperature >= 0) || math.IsInf(o.temperature, 1):
		return nil, cli.Usagef("sample: temperature is %v, want a finite number of at least 0", o.temperature)
	case o.pixels && o.kind != "prior":
		return nil, cli.Usagef("sample: -pixels goes with -kind prior, not %s", o.kind)
	case o.temperature != 1 && o.kind != "prior":
		return nil, cli.Usagef("sample: -temperature goes with -kind prior, not %s", o.kind)
	case o.out == "":
		return nil, cli.Usagef("sample: -out is empty, want a file")
	case o.kind == "scatter" && (o.each != "" || o.npy != ""):
		return nil, cli.Usagef("sample: a scatter plot has no images: leave -each and -npy out")
	}
	if o.n == 0 {
		o.n = k.n
	}
	for _, two := range [][4]string{{"-out", o.out, "-model", o.model}, {"-npy", o.npy, "-model", o.model}, {"-npy", o.npy, "-out", o.out}} {
		if sameFile(two[1], two[3]) {
			return nil, cli.Usagef("sample: %s and %s are the same file, %s", two[0], two[2], two[1])
		}
	}
	if ext := filepath.Ext(o.out); ext != "" && !strings.EqualFold(ext, ".png") {
		return nil, cli.Usagef("sample: -out %s: a figure is a PNG, want a name that ends in .png", o.out)
	}
	return o, nil
}

// sameFile reports whether two paths, if neither is empty, name one file.
func sameFile(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	ia, errA := os.Stat(a)
	ib, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(ia, ib)
	}
	return filepath.Clean(a) == filepath.Clean(b)
}
