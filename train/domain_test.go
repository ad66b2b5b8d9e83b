package train_test

import (
	"context"
	"strings"
	"testing"

	"govae/dist"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

func init() {
	vae.RegisterLikelihood("test-classes", vae.Part[dist.Family]{New: func(vae.Spec) (dist.Family, error) { return dist.Categorical{Classes: 2}, nil }})
}

// A likelihood of one-hot rows takes images that are such rows, and no others, so that no
// figure of other pixels looks like a log-likelihood.
func TestOneHotRows(t *testing.T) {
	mc, c := tiny()
	mc.Likelihood, c.Binarize = "test-classes", mnist.None
	d := data(t)
	const want = "train: image 0 of "
	for _, c.Binarize = range []mnist.Binarization{mnist.None, mnist.Dynamic} {
		_, err := train.Run(context.Background(), fresh(t, mc, c), d, c, train.Hooks{})
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "dist: categorical likelihood: ") {
			t.Errorf("%s: error %v, want %s…", c.Binarize, err, want)
		}
	}
	c.Binarize = mnist.None
	sets := []*mnist.Set{d.Train, d.Test}
	for i, s := range sets {
		if s == nil {
			continue
		}
		rows := *s
		rows.Pixels = make([]uint8, len(s.Pixels))
		for j := 0; j < len(rows.Pixels); j += 2 {
			rows.Pixels[j+int(s.Pixels[j]>>7)] = 255
		}
		sets[i] = &rows
	}
	if _, err := train.Run(context.Background(), fresh(t, mc, c), train.Data{Train: sets[0], Test: sets[1]}, c, train.Hooks{}); err != nil {
		t.Error(err)
	}
}
