// Package evaluate says what a trained model is worth: the ELBO with its rate
// and distortion, the importance-weighted estimate of log p(x), and how many
// latent dimensions are in use; also what the rate and the inference gap are made
// of. Figures are in nats per image, unless they say more, and come with their standard
// error, over images unless they say more, and with the protocol that it was made under; figures of different protocols are
// not compared. docs/beyond.md teaches what they mean.
package evaluate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"govae/internal/stream"
	"govae/mnist"
	"govae/vae"
)

// Mean is an average over images.
type Mean struct {
	Mean   float64 `json:"mean"`    // nats per image
	StdErr float64 `json:"std_err"` // standard deviation over images / √n; of one image there is none: NaN, in JSON null
}

// MarshalJSON writes a standard error of NaN as null.
func (m Mean) MarshalJSON() ([]byte, error) {
	j := meanJSON{Mean: m.Mean}
	if !math.IsNaN(m.StdErr) {
		j.StdErr = &m.StdErr
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Mean) UnmarshalJSON(b []byte) error {
	var j meanJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*m = Mean{j.Mean, math.NaN()}
	if j.StdErr != nil {
		m.StdErr = *j.StdErr
	}
	return nil
}

type meanJSON struct {
	Mean   float64  `json:"mean"`
	StdErr *float64 `json:"std_err"`
}

// Bound is the ELBO of a data set and its two terms.
type Bound struct {
	ELBO       Mean `json:"elbo"`
	Distortion Mean `json:"distortion"`
	Rate       Mean `json:"rate"`
}

// chunk is how many images are evaluated at a time. Noise is drawn from a stream
// for each chunk, so changing it changes the draws.
const chunk = 500

// ELBO evaluates all images of a set, with one draw of z each. The seed fixes
// binarisation and noise: two models, or two epochs of one, are compared on the
// same draws. The set must have been through Prepare. It is an error if there are no images, if
// they have not as many pixels as the model takes, if it takes labels and they have none, or if its likelihood
// is not of pixels that were binarised so.
func ELBO(ctx context.Context, m *vae.Model, set *mnist.Set, b mnist.Binarization, seed uint64) (Bound, error) {
	if err := check(ctx, m != nil, set); err != nil {
		return Bound{}, err
	}
	if err := checkModel(m, set, b); err != nil {
		return Bound{}, err
	}
	var elbo, distortion, rate moments
	for lo := 0; lo < set.Len(); lo += chunk {
		if err := ctx.Err(); err != nil {
			return Bound{}, err
		}
		x := images(set, lo, min(set.Len(), lo+chunk), b, seed)
		eps := make([]float32, len(x)/set.Size()*m.Noise())
		stream.Normal(eps, stream.New(seed, stream.Evaluate+" eps", uint64(lo/chunk)))
		given, err := m.GivenLabels(set.Slice(lo, lo+len(x)/set.Size()).Labels)
		if err != nil {
			return Bound{}, err
		}
		terms, err := given.ELBO(x, eps)
		if err != nil {
			return Bound{}, err
		}
		for _, t := range terms {
			elbo.add(t.ELBO())
			distortion.add(t.Distortion)
			rate.add(t.Rate)
		}
	}
	return Bound{elbo.mean(), distortion.mean(), rate.mean()}, nil
}

// check returns an error unless there are a context, a model, and a sound set of at least one
// image.
func check(ctx context.Context, model bool, set *mnist.Set) error {
	switch {
	case ctx == nil:
		return errors.New("evaluate: no context: context.Background() is one that never ends")
	case !model:
		return errors.New("evaluate: no model")
	case set == nil:
		return errors.New("evaluate: no set of images")
	}
	if err := set.Validate(); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	if set.Len() == 0 {
		return fmt.Errorf("evaluate: no images in %s", set.Name)
	}
	return nil
}

// checkModel returns an error unless the images go with the model.
func checkModel(m *vae.Model, set *mnist.Set, b mnist.Binarization) error {
	if c := m.Config(); set.Size() != c.Pixels() {
		return fmt.Errorf("evaluate: images of %d×%d pixels for a model of %d×%d", set.Rows, set.Cols, c.Rows, c.Cols)
	}
	if m.Labels() > 0 && set.Labels == nil {
		return fmt.Errorf("evaluate: %s has no labels, and the model takes them", set.Name)
	}
	return goesWith(m, b)
}

// goesWith returns an error if the model's likelihood is not of pixels that were binarised so.
func goesWith(m *vae.Model, b mnist.Binarization) error {
	if b != mnist.None && !m.Likelihood().Domain().Binarised() {
		return fmt.Errorf("evaluate: a %s likelihood is of grey pixels: binarize must be none, not %s", m.Config().Likelihood, b)
	}
	return nil
}

// images returns images lo … hi−1 [n,X] of a set, where lo is a multiple of
// chunk, binarised from the chunk's own stream.
func images(set *mnist.Set, lo, hi int, b mnist.Binarization, seed uint64) []float32 {
	index := make([]int, hi-lo)
	for i := range index {
		index[i] = lo + i
	}
	x := make([]float32, len(index)*set.Size())
	set.Fill(x, index, b, stream.New(seed, stream.Evaluate+" pixels", uint64(lo/chunk)))
	return x
}

// moments is Welford's running mean and sum of squared deviations.
type moments struct {
	n     int
	m, m2 float64
}

func (s *moments) add(v float64) {
	s.n++
	d := v - s.m
	s.m += d / float64(s.n)
	s.m2 += d * (v - s.m)
}

func (s *moments) variance() float64 { return s.m2 / math.Max(float64(s.n-1), 1) }

func (s *moments) mean() Mean {
	if s.n < 2 {
		return Mean{s.m, math.NaN()}
	}
	return Mean{s.m, math.Sqrt(s.variance() / float64(s.n))}
}
