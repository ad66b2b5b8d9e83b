package samplecmd

import (
	"math"
	"os"
	"path/filepath"
	"strings"

	"govae/command/internal/cli"
	"govae/internal/names"
)

// options are the flags, resolved.
type options struct {
	model, out, kind, data, each, npy string
	draw                              kind
	n, label                          int // label is −1 for none
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
	f.StringVar(&o.data, "data", "", "`DIR` with the four MNIST files, for "+strings.Join(kindsThat(func(k kind) bool { return k.data }), ", ")+"; if empty, $MNIST_DIR, else GoMNIST's own copy")
	f.Group("Figure")
	f.StringVar(&o.kind, "kind", "prior", "`KIND`: "+names.List(kindsThat(nil)))
	f.IntVar(&o.n, "n", 0, "`N` images (prior, reconstruct), steps a row (interpolate, traverse), images a side (manifold), points (scatter); 0 for the kind's own number")
	f.Uint64Var(&o.seed, "seed", 1, "`SEED` of the draws and of the choice of test images")
	f.Float64Var(&o.temperature, "temperature", 1, "standard deviation `T` of z (prior); below 1 gives more typical digits")
	f.IntVar(&o.label, "label", -1, "of a model that takes labels, the `LABEL` of all images that it makes ("+strings.Join(kindsThat(func(k kind) bool { return k.label != "" }), ", ")+"); if it is -1, "+labelHelp())
	f.BoolVar(&o.pixels, "pixels", false, "draw each pixel from p(x|z) (prior), instead of its mean")
	f.Group("Output")
	f.StringVar(&o.out, "out", "samples.png", "`FILE` of the figure, a PNG")
	f.StringVar(&o.each, "each", "", "also write each image as a PNG of its own into `DIR`")
	f.StringVar(&o.npy, "npy", "", "also write the images to `FILE` as a float32 array [n,rows,cols] that numpy.load reads")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var ok bool
	if o.draw, ok = kindOf(o.kind); !ok {
		return nil, cli.Usagef("sample: unknown kind %q: choose %s", o.kind, names.List(kindsThat(nil)))
	}
	k := o.draw
	switch {
	case o.n != 0 && o.n < k.least || o.n > maxN:
		return nil, cli.Usagef("sample: n is %d, want %d to %d, or 0 for the kind's own number, %d", o.n, k.least, maxN, k.n)
	case !(o.temperature >= 0) || math.IsInf(o.temperature, 1):
		return nil, cli.Usagef("sample: temperature is %v, want a finite number of at least 0", o.temperature)
	case o.pixels && !k.prior:
		return nil, cli.Usagef("sample: -pixels goes with -kind %s, not %s", names.List(kindsThat(ofPrior)), o.kind)
	case o.temperature != 1 && !k.prior:
		return nil, cli.Usagef("sample: -temperature goes with -kind %s, not %s", names.List(kindsThat(ofPrior)), o.kind)
	case o.label < -1:
		return nil, cli.Usagef("sample: -label is %d, want a label, or -1 for the kind's own choice", o.label)
	case o.label >= 0 && k.label == "":
		return nil, cli.Usagef("sample: -label goes with -kind %s, not %s, whose images have labels of their own", names.List(kindsThat(func(k kind) bool { return k.label != "" })), o.kind)
	case o.out == "":
		return nil, cli.Usagef("sample: -out is empty, want a file")
	case k.images == nil && (o.each != "" || o.npy != ""):
		return nil, cli.Usagef("sample: a %s plot has no images: leave -each and -npy out", o.kind)
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
