package evaluate

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"govae/dist"
	"govae/internal/stream"
	"govae/mnist"
	"govae/vae"
)

// Options say how a model is evaluated.
type Options struct {
	// Home is the mnist.Set.ID of the test images of the run that trained the model, "" if it
	// is not known. A report on others says so first.
	Home     string             `json:"-"`
	K        int                // samples an image for log p(x)
	N        int                // images for log p(x), drawn at random; the rest is over all images
	Binarize mnist.Binarization // of the pixels
	Seed     uint64             // of binarisation, noise, and the choice of the N images
	Progress func(done, of int) // of the images for log p(x); may be nil

	// What takes longer, nil for none. Binarisation and seed are those above.
	Surgery *SurgeryOptions // takes the rate apart
	Gap     *GapOptions     // splits the inference gap
	Against *Report         // to compare with: of the same protocol
}

// DefaultOptions is K=100 on 1,000 images, dynamic binarisation, seed 1.
func DefaultOptions() Options {
	return Options{K: 100, N: 1000, Binarize: mnist.Dynamic, Seed: 1}
}

// maxK keeps the number of samples in a block of images within an int.
const maxK = 1_000_000_000

// Validate returns an error that names the first option that is wrong.
func (o Options) Validate() error {
	if o.K < 1 || o.K > maxK {
		return fmt.Errorf("evaluate: k is %d, want 1 to %d samples an image", o.K, maxK)
	}
	if o.N < 1 {
		return fmt.Errorf("evaluate: n is %d, want at least 1 image", o.N)
	}
	if o.Surgery != nil {
		if err := o.Surgery.Validate(); err != nil {
			return err
		}
	}
	if o.Gap != nil {
		return o.Gap.Validate()
	}
	return nil
}

// Protocol is what a figure depends on besides the model. Figures of different
// protocols are not to be compared.
type Protocol struct {
	Data         string `json:"data"`         // the set that was evaluated, by name
	DataID       string `json:"data_id"`      // what its images are known by (mnist.Set.ID); empty in reports from before it was noted
	Images       int    `json:"images"`       // in it
	Binarization string `json:"binarization"` // in words
	Likelihood   string `json:"likelihood"`
	Estimator    string `json:"estimator"` // of log p(x)
	K            int    `json:"k"`
	N            int    `json:"n"` // images that log p(x) is averaged over
	Seed         uint64 `json:"seed"`
}

// Report is all that is known of a model on a data set, in nats per image.
type Report struct {
	Bound
	LogLikelihood Mean       `json:"log_likelihood"`         // importance-weighted, K samples, N images
	ESS           Mean       `json:"ess"`                    // effective sample size of the K weights, out of K
	ActiveUnits   int        `json:"active_units"`           // latent dimensions with Var(E[z|x]) > 0.01
	ActiveAbove   []int      `json:"active_above,omitempty"` // the same of each stochastic layer above the first
	Variance      []float64  `json:"variance"`               // Var over images of E[z_j|x], [Z]; nil of one image, of which no unit counts as active
	RatePerDim    []float64  `json:"rate_per_dim,omitempty"` // mean KL to N(0,1) of each dimension, [Z], which is its part of the rate if that is the prior; there is none of other posteriors than normal, and with a flow
	BitsPerDim    *Mean      `json:"bits_per_dim,omitempty"` // −log2 p(x) for each pixel, of pixels of 256 levels
	Protocol      Protocol   `json:"protocol"`
	OtherData     string     `json:"other_data,omitempty"` // that these are not the test images of the model's own run, in words
	Model         vae.Config `json:"model"`

	Surgery    *RateParts   `json:"surgery,omitempty"`
	Gap        *Gap         `json:"gap,omitempty"`
	Comparison *Differences `json:"comparison,omitempty"`
}

// Run evaluates a model on a set.
func Run(ctx context.Context, m *vae.Model, set *mnist.Set, o Options) (*Report, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := check(ctx, m != nil, set); err != nil {
		return nil, err
	}
	cfg := m.Config()
	if set.Rows != cfg.Rows || set.Cols != cfg.Cols {
		return nil, fmt.Errorf("evaluate: images of %d×%d pixels for a model of %d×%d", set.Rows, set.Cols, cfg.Rows, cfg.Cols)
	}
	if err := checkModel(m, set, o.Binarize); err != nil {
		return nil, err
	}
	if o.Surgery != nil || o.Gap != nil { // before the work
		if err := wantGaussian(m); err != nil {
			return nil, err
		}
	}
	id := set.ID()
	set = set.Prepare(o.Binarize, stream.New(o.Seed, stream.Fixed, 1))
	o.N = min(o.N, set.Len())
	r := &Report{Model: cfg, Protocol: Protocol{
		Data: set.Name, DataID: id, Images: set.Len(), Binarization: o.Binarize.LabelOf(m.Likelihood().Domain() == dist.Binary), Likelihood: cfg.Likelihood,
		Estimator: "importance-weighted bound, log 1/K Σ w", K: o.K, N: o.N, Seed: o.Seed,
	}}
	if o.Home != "" && o.Home != id {
		r.OtherData = fmt.Sprintf("the model's run was measured on %s; these are %s", o.Home, id)
	}
	var err error
	if o.Against != nil { // before the work
		if err := Comparable(r.Protocol, o.Against.Protocol); err != nil {
			return nil, err
		}
	}
	if r.Bound, err = ELBO(ctx, m, set, o.Binarize, o.Seed); err != nil {
		return nil, err
	}
	if err = r.checkFinite(); err != nil { // before the work
		return nil, err
	}
	if err = r.measureUnits(ctx, m, set, o); err != nil {
		return nil, err
	}
	if r.ActiveAbove, err = activeAbove(ctx, m, set, o); err != nil {
		return nil, err
	}
	if r.LogLikelihood, r.ESS, err = logLikelihood(ctx, m, set, o); err != nil {
		return nil, err
	}
	if m.Likelihood().Domain() == dist.Grey {
		r.BitsPerDim = &Mean{dist.BitsPerDim(-r.LogLikelihood.Mean, cfg.Pixels()), dist.BitsPerDim(r.LogLikelihood.StdErr, cfg.Pixels())}
	}
	if o.Surgery != nil {
		s := *o.Surgery
		s.Seed = o.Seed
		parts, err := Surgery(ctx, m, set, o.Binarize, s)
		if err != nil {
			return nil, err
		}
		r.Surgery = &parts
	}
	if o.Gap != nil {
		g := *o.Gap
		g.Binarize, g.Seed = o.Binarize, o.Seed
		gap, err := InferenceGap(ctx, m, set, g)
		if err != nil {
			return nil, err
		}
		r.Gap = &gap
	}
	if o.Against != nil {
		d, err := Compare(r, o.Against)
		if err != nil {
			return nil, err
		}
		r.Comparison = &d
	}
	if err = r.checkFinite(); err != nil {
		return nil, err
	}
	return r, nil
}

// checkFinite returns an error that names the first figure that isn't a finite number.
func (r *Report) checkFinite() error {
	f := figures{{"distortion", r.Distortion}, {"rate", r.Rate}, {"ELBO", r.ELBO}, {"log p(x)", r.LogLikelihood}, {"ESS", r.ESS}}
	for j, v := range r.Variance {
		f = append(f, figure{fmt.Sprintf("variance over images of E[z%d|x]", j), Mean{Mean: v}})
	}
	for j, v := range r.RatePerDim {
		f = append(f, figure{fmt.Sprintf("rate of z%d", j), Mean{Mean: v}})
	}
	if r.BitsPerDim != nil {
		f = append(f, figure{"number of bits per dimension", *r.BitsPerDim})
	}
	if c := r.Comparison; c != nil {
		f = append(f, figure{"difference of ELBOs", c.ELBO}, figure{"difference of rates", c.Rate},
			figure{"difference of distortions", c.Distortion}, figure{"difference of log p(x)", c.LogLikelihood})
	}
	return f.check()
}

// figures are those of a result, with their names.
type figures []figure

type figure struct {
	name string
	Mean
}

// check returns an error that names the first figure that isn't a finite number. A standard
// error may be NaN: that is one of a single image.
func (f figures) check() error {
	for _, v := range f {
		if m := v.Mean.Mean; math.IsNaN(m) || math.IsInf(m, 0) {
			return fmt.Errorf("evaluate: the %s is %v: the model's weights or the images are beyond what can be computed with", v.name, m)
		}
		if math.IsInf(v.StdErr, 0) {
			return fmt.Errorf("evaluate: the standard error of the %s is %v", v.name, v.StdErr)
		}
	}
	return nil
}

// logLikelihood averages the importance-weighted estimate over N images, chosen
// by the seed, in blocks that report progress and can be cancelled.
func logLikelihood(ctx context.Context, m *vae.Model, set *mnist.Set, o Options) (logLikelihood, ess Mean, err error) {
	pick := rand.New(stream.New(o.Seed, stream.Pick, 0)).Perm(set.Len())[:o.N]
	pixels := stream.New(o.Seed, stream.Evaluate+" pixels", math.MaxUint64)
	seeds := stream.New(o.Seed, stream.Evaluate+" importance", 0)
	var logp, sizes moments
	const block = 20
	for lo := 0; lo < o.N; lo += block {
		if err := ctx.Err(); err != nil {
			return Mean{}, Mean{}, err
		}
		index := pick[lo:min(o.N, lo+block)]
		x := make([]float32, len(index)*set.Size())
		set.Fill(x, index, o.Binarize, pixels)
		given, err := m.GivenLabels(set.LabelsOf(index))
		if err != nil {
			return Mean{}, Mean{}, err
		}
		values, err := given.Importance(ctx, x, o.K, seeds.Uint64())
		if err != nil {
			return Mean{}, Mean{}, err
		}
		for _, v := range values {
			logp.add(v.LogP)
			sizes.add(v.ESS)
		}
		if o.Progress != nil {
			o.Progress(lo+len(index), o.N)
		}
	}
	return logp.mean(), sizes.mean(), nil
}
