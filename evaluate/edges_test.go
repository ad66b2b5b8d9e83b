package evaluate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"govae/evaluate"
	"govae/mnist"
	"govae/vae"
)

// Of one image there is no standard error and no variance over images: the text says n/a, and
// JSON null, also of rate and gap taken apart.
func TestOneImage(t *testing.T) {
	m, set := fixture(t, 30)
	gap := evaluate.GapOptions{Images: 1, Steps: 2, Noise: 2, LR: 0.05, Draws: 4}
	for _, images := range []int{1, 30} {
		o := evaluate.Options{K: 2, N: 1, Binarize: mnist.Threshold, Seed: 3, Surgery: &evaluate.SurgeryOptions{Images: 1, Draws: 2}, Gap: &gap}
		o.Against = run(t, m, set.Slice(0, images), evaluate.Options{K: 2, N: 1, Binarize: mnist.Threshold, Seed: 4})
		r := run(t, m, set.Slice(0, images), o)
		for name, v := range map[string]evaluate.Mean{"log p(x)": r.LogLikelihood, "ESS": r.ESS, "approximation": r.Gap.Approximation, "difference": r.Comparison.LogLikelihood} {
			if !math.IsNaN(v.StdErr) {
				t.Errorf("%d images: the standard error of %s of one image is %v", images, name, v.StdErr)
			}
		}
		if none := math.IsNaN(r.ELBO.StdErr); none != (images == 1) {
			t.Errorf("%d images: the standard error of the ELBO is %v", images, r.ELBO.StdErr)
		}
		// The information of one image is 0 exactly; of one out of 30 it is a sample.
		if i := r.Surgery.MutualInformation; images == 1 && i != (evaluate.Mean{}) || images == 30 && !math.IsNaN(i.StdErr) {
			t.Errorf("%d images: mutual information %v", images, i)
		}
		if (r.Variance == nil) != (images == 1) || r.ActiveUnits > 0 && images == 1 {
			t.Errorf("%d images: %d active units, variances %v", images, r.ActiveUnits, r.Variance)
		}
		var text, dims bytes.Buffer
		if err := errors.Join(r.WriteText(&text), r.WriteDims(&dims)); err != nil {
			t.Fatal(err)
		}
		if s := text.String() + dims.String(); strings.Contains(s, "NaN") || !strings.Contains(s, "± n/a") || strings.Count(s, "\nz") != 20 ||
			strings.Contains(s, "active units  n/a") != (images == 1) {
			t.Errorf("%d images:\n%s", images, s)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back evaluate.Report
		if err := json.Unmarshal(b, &back); err != nil || !strings.Contains(string(b), `"std_err":null`) {
			t.Errorf("%d images: %v, JSON %s", images, err, b)
		}
		if again, err := json.Marshal(back); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%d images: JSON and back: %s, %v", images, again, err)
		}
	}
	// With a prior of its own the rate is over the draws.
	for _, draws := range []int{1, 2} {
		p, err := evaluate.SplitRate(context.Background(), []float32{1, 2}, []float32{0, 0}, 2, moved{diagonal}, evaluate.SurgeryOptions{Draws: draws})
		if err != nil || math.IsNaN(p.MarginalKL.StdErr) != (draws == 1) {
			t.Errorf("%d draws of one image: marginal KL %v, %v", draws, p.MarginalKL, err)
		}
	}
}

// No images, or more draws than can be held, is an error.
func TestSizes(t *testing.T) {
	m, set := fixture(t, 2)
	none, ctx := set.Slice(0, 0), context.Background()
	for want, f := range map[string]func() error{
		"no images in": func() error { _, err := evaluate.Run(ctx, m, none, evaluate.DefaultOptions()); return err },
		"no images in MNIST": func() error {
			_, err := evaluate.Surgery(ctx, m, none, mnist.None, evaluate.DefaultSurgeryOptions())
			return err
		},
		"no images in MNIST test": func() error { _, err := evaluate.InferenceGap(ctx, m, none, evaluate.DefaultGapOptions()); return err },
		"draws of codes of 20 dimensions for each of 2 images": func() error {
			_, err := evaluate.Surgery(ctx, m, set, mnist.None, evaluate.SurgeryOptions{Draws: math.MaxInt})
			return err
		},
		"draws is 9223372036854775806, want at most": func() error {
			o := evaluate.DefaultGapOptions()
			o.Draws = math.MaxInt - 1
			return o.Validate()
		},
		"noise is 9223372036854775806, want at most": func() error {
			o := evaluate.DefaultGapOptions()
			o.Noise = math.MaxInt - 1
			return o.Validate()
		},
	} {
		if err := f(); err == nil || !strings.HasPrefix(err.Error(), "evaluate: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// What is missing, or is no whole set, is an error of each function, and neither a panic nor a
// figure of fewer images.
func TestNoSet(t *testing.T) {
	m, set := fixture(t, 4)
	c := m.Config()
	c.Labels = 10
	labelled, err := vae.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ragged, fewer, bare, small := *set, *set, *set, *set
	ragged.Pixels = set.Pixels[1:]
	fewer.Labels = set.Labels[:3]
	bare.Labels = nil
	small.Rows, small.Cols, small.Labels = 14, 28, nil
	funcs := map[string]func(ctx context.Context, m *vae.Model, set *mnist.Set) error{
		"ELBO": func(ctx context.Context, m *vae.Model, set *mnist.Set) error {
			_, err := evaluate.ELBO(ctx, m, set, mnist.Threshold, 1)
			return err
		},
		"Run": func(ctx context.Context, m *vae.Model, set *mnist.Set) error {
			_, err := evaluate.Run(ctx, m, set, evaluate.DefaultOptions())
			return err
		},
		"Surgery": func(ctx context.Context, m *vae.Model, set *mnist.Set) error {
			_, err := evaluate.Surgery(ctx, m, set, mnist.Threshold, evaluate.DefaultSurgeryOptions())
			return err
		},
		"InferenceGap": func(ctx context.Context, m *vae.Model, set *mnist.Set) error {
			if m == nil {
				_, err := evaluate.InferenceGap(ctx, nil, set, evaluate.DefaultGapOptions())
				return err
			}
			_, err := evaluate.InferenceGap(ctx, m, set, evaluate.DefaultGapOptions())
			return err
		},
	}
	for name, f := range funcs {
		for _, test := range []struct {
			ctx   context.Context
			model *vae.Model
			set   *mnist.Set
			want  string
		}{
			{nil, m, set, "no context"},
			{context.Background(), nil, set, "no model"},
			{context.Background(), m, nil, "no set of images"},
			{context.Background(), m, set.Slice(0, 0), "no images in MNIST"},
			{context.Background(), m, &ragged, "no whole number of images"},
			{context.Background(), labelled, &fewer, "3 labels of 4 images"},
		} {
			if err := f(test.ctx, test.model, test.set); err == nil || !strings.HasPrefix(err.Error(), "evaluate: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: error %v, want %s", name, err, test.want)
			}
		}
		if err := f(context.Background(), labelled, &bare); err == nil || name == "ELBO" && !strings.Contains(err.Error(), "no labels, and the model takes them") {
			t.Errorf("%s: no labels: %v", name, err)
		}
		if err := f(context.Background(), m, &small); name != "InferenceGap" && (err == nil || !strings.Contains(err.Error(), "14×28")) {
			t.Errorf("%s: other sizes: %v", name, err)
		}
	}
}

// A figure that isn't finite is an error that names it, and no report.
func TestNotFinite(t *testing.T) {
	for _, broken := range []float32{float32(math.NaN()), 1e38} {
		m, set := fixture(t, 20)
		params := m.Params()
		w := params[len(params)-1].Value.Data().([]float32) // of the decoder's output
		for i := range w {
			w[i] = broken
		}
		r, err := evaluate.Run(context.Background(), m, set, evaluate.Options{K: 2, N: 3, Binarize: mnist.Threshold, Seed: 3})
		if r != nil || err == nil || !strings.Contains(err.Error(), "the distortion is NaN") {
			t.Errorf("weights of %v: %v, error %v", broken, r, err)
		}
	}
	// The difference of two finite figures.
	m, set := fixture(t, 20)
	o := evaluate.Options{K: 2, N: 3, Binarize: mnist.Threshold, Seed: 3}
	o.Against = run(t, m, set, o)
	o.Against.Rate.StdErr = math.Inf(1)
	if _, err := evaluate.Run(context.Background(), m, set, o); err == nil || !strings.Contains(err.Error(), "standard error of the difference of rates") {
		t.Errorf("a difference that is not finite: %v", err)
	}
}

// overflowing is the linear model with distortions of infinity.
type overflowing struct{ linear }

func (m overflowing) DistortionGrad(x, z []float32) ([]float64, []float32, error) {
	d, dz, err := m.linear.DistortionGrad(x, z)
	for i := range d {
		d[i] = math.Inf(1)
	}
	return d, dz, err
}

// Neither part of what takes longer gives such a figure by itself.
func TestPartsNotFinite(t *testing.T) {
	o := evaluate.GapOptions{Images: 2, Steps: 2, Noise: 2, LR: 0.1, Draws: 4, Binarize: mnist.None}
	if _, err := evaluate.InferenceGap(context.Background(), overflowing{diagonal}, set3(2), o); err == nil || !strings.Contains(err.Error(), "the log p(x) of the gap is NaN") {
		t.Errorf("gap: %v", err)
	}
	nan := float32(math.NaN())
	if _, err := evaluate.SplitRate(context.Background(), []float32{0, nan}, []float32{0, 0}, 1, nil, evaluate.DefaultSurgeryOptions()); err == nil || !strings.Contains(err.Error(), "the rate is NaN") {
		t.Errorf("rate: %v", err)
	}
}
