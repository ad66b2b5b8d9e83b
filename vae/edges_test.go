package vae_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"govae/vae"
)

// tinyModel is a model of 2×2 pixels, of two stochastic layers if above is not 0.
func tinyModel(t *testing.T, above int) *vae.Model {
	t.Helper()
	cfg := vae.DefaultConfig()
	cfg.Rows, cfg.Cols, cfg.Hidden, cfg.Latent = 2, 2, []int{3}, 2
	if above > 0 {
		cfg.Above = []vae.Stochastic{{Latent: above, Hidden: []int{3}}}
	}
	m, err := vae.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A size that can't be met is an error that says what goes, also where a product of sizes
// would pass an int.
func TestSizesOfResults(t *testing.T) {
	m, x, ctx := tinyModel(t, 0), make([]float32, 12), context.Background()
	for _, huge := range []int{math.MaxInt, math.MaxInt/3 + 1, 1 << 62, 1 << 40} {
		for want, f := range map[string]func() error{
			"samples an image, want 1 to 1000000000":            func() error { _, err := m.LogLikelihood(ctx, x, huge, 1); return err },
			"want 1 to 1000000000":                              func() error { _, err := m.Importance(ctx, x, huge, 1); return err },
			"samples of 4 numbers each, want at most 536870911": func() error { _, err := m.Sample(huge, 1, 1); return err },
			"samples of 4 numbers each":                         func() error { _, err := m.SamplePixels(huge, 1, 1); return err },
			"codes of 3 numbers each":                           func() error { _, err := vae.Interpolate(x[:3], x[:3], huge); return err },
			"codes of 2 numbers each":                           func() error { _, err := vae.Traverse(x[:2], 0, huge, 1); return err },
			"codes, want 1 to 16384":                            func() error { _, err := vae.Manifold(huge); return err },
			"labels of":                                         func() error { _, err := vae.OneHot(make([]uint8, 3), huge); return err },
		} {
			if err := f(); err == nil || !strings.HasPrefix(err.Error(), "vae: ") || !strings.Contains(err.Error(), want) {
				t.Errorf("%d: error %v, want %q", huge, err, want)
			}
		}
	}
	if _, err := vae.OneHot([]uint8{0}, -1); err == nil || !strings.Contains(err.Error(), "width -1") {
		t.Errorf("labels of width -1: %v", err)
	}
}

// What isn't a number is refused by all that takes images or codes, as LogLikelihood does,
// and named.
func TestNotANumber(t *testing.T) {
	m, deep := tinyModel(t, 0), tinyModel(t, 2)
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		x, z := make([]float32, 12), make([]float32, 6)
		x[5], z[3] = bad, bad
		for name, f := range map[string]func() error{
			"Encode":       func() error { _, _, err := m.Encode(x); return err },
			"EncodeParams": func() error { _, err := m.EncodeParams(x); return err },
			"Center":       func() error { _, err := m.Center(x); return err },
			"Reconstruct":  func() error { _, err := m.Reconstruct(x); return err },
			"LogLikelihood": func() error {
				_, err := m.LogLikelihood(context.Background(), x, 2, 1)
				return err
			},
		} {
			if err := f(); err == nil || !strings.Contains(err.Error(), "pixel 5 is ") {
				t.Errorf("%s of %v: %v", name, bad, err)
			}
		}
		for name, f := range map[string]func() error{
			"Decode":         func() error { _, err := m.Decode(z); return err },
			"DecodeParams":   func() error { _, err := m.DecodeParams(z); return err },
			"PriorGrad":      func() error { _, _, err := m.PriorGrad(z, nil); return err },
			"DistortionGrad": func() error { _, _, err := m.DistortionGrad(make([]float32, 12), z); return err },
			"Up":             func() error { _, _, err := deep.Up(1, z); return err },
			"Down":           func() error { _, _, err := deep.Down(1, z); return err },
		} {
			if err := f(); err == nil || !strings.Contains(err.Error(), "code 1 has ") || !strings.Contains(err.Error(), "in dimension 1") {
				t.Errorf("%s of %v: %v", name, bad, err)
			}
		}
	}
}
