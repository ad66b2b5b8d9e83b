package gate_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"govae/checkpoint"
	"govae/evaluate"
	"govae/internal/simd"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

// platform is the name of this platform in the records.
func platform() string { return runtime.GOARCH + "/" + simd.Current().String() }

var loadMNIST = sync.OnceValues(func() (train.Data, error) {
	images, test, err := mnist.Load("")
	return train.Data{Train: images, Test: test}, err
})

// data are the first images of MNIST.
func data() (train.Data, error) {
	d, err := loadMNIST()
	if err != nil {
		return d, err
	}
	return train.Data{Train: d.Train.Slice(0, 4000), Test: d.Test.Slice(0, 100)}, nil
}

// configs returns the configurations of model and run that a spec describes.
func configs(s spec) (m vae.Config, c train.Config, err error) {
	preset := s.Preset
	if preset == "" {
		preset = "default"
	}
	if m, c, err = train.Preset(preset); err != nil {
		return m, c, err
	}
	for _, part := range []struct {
		text json.RawMessage
		into any
	}{{s.Model, &m}, {s.Train, &c}} {
		if part.text == nil {
			continue
		}
		if err := strict(part.text, part.into); err != nil {
			return m, c, fmt.Errorf("%s: %w", part.text, err)
		}
	}
	return m, c, nil
}

// accepted reports whether a spec's parts go together.
func accepted(m *vae.Model, c train.Config) bool {
	return c.Validate() == nil && c.Check(m, 1<<20) == nil
}

// trainAndEvaluate trains the model of a spec and returns its results.
func trainAndEvaluate(s spec) (digits, error) {
	mc, c, err := configs(s)
	if err != nil {
		return nil, err
	}
	m, err := vae.New(mc)
	if err != nil {
		return nil, err
	}
	d, err := data()
	if err != nil {
		return nil, err
	}
	epochs, err := train.Run(context.Background(), m, train.Data{Train: d.Train}, c, train.Hooks{})
	if err != nil {
		return nil, err
	}
	got, err := measure(m, d.Test, s)
	if err != nil {
		return nil, err
	}
	last := epochs[len(epochs)-1]
	got.add("training distortion", last.Train.Distortion)
	got.add("training rate", last.Train.Rate)
	got.add("beta", last.Beta)
	got.add("lr", last.LR)
	if last.Validation != nil {
		got.add("validation elbo", last.Validation.ELBO)
	}
	return got, nil
}

// measure returns the CRC of a model's weights, its figures on a set, and the mean pixel of
// images that it draws.
func measure(m *vae.Model, set *mnist.Set, s spec) (digits, error) {
	sum, err := weights(m)
	if err != nil {
		return nil, err
	}
	o := evaluate.Options{K: s.K, N: s.N, Binarize: mnist.None, Seed: 1}
	if o.K == 0 {
		o.K, o.N = 10, 20
	}
	if m.Config().Likelihood == "bernoulli" {
		o.Binarize = mnist.Dynamic
	}
	if s.Parts {
		o.Surgery = &evaluate.SurgeryOptions{Draws: 2}
		o.Gap = &evaluate.GapOptions{Images: 4, Steps: 10, Noise: 4, LR: 0.05, Draws: 20}
	}
	r, err := evaluate.Run(context.Background(), m, set, o)
	if err != nil {
		return nil, err
	}
	got := digits{"weights": sum}
	got.add("elbo", r.ELBO.Mean)
	got.add("distortion", r.Distortion.Mean)
	got.add("rate", r.Rate.Mean)
	got.add("log p", r.LogLikelihood.Mean)
	got.add("ess", r.ESS.Mean)
	if s.Parts {
		got.add("mutual information", r.Surgery.MutualInformation.Mean)
		got.add("marginal kl", r.Surgery.MarginalKL.Mean)
		got.add("best elbo", r.Gap.Best.Mean)
		got.add("elbo of many draws", r.Gap.ELBO.Mean)
	}
	images, err := m.Sample(4, 1, 1)
	if err != nil {
		return nil, err
	}
	mean := 0.0
	for _, v := range images {
		mean += float64(v) / float64(len(images))
	}
	got.add("samples", mean)
	return got, nil
}

func (d digits) add(name string, v float64) { d[name] = strconv.FormatFloat(v, 'g', -1, 64) }

// weights is the CRC-32 (IEEE) of all tensors, sorted by name: of each its name, then its
// numbers as little-endian float32.
func weights(m *vae.Model) (string, error) {
	f, err := m.File(nil)
	if err != nil {
		return "", err
	}
	sorted := slices.SortedFunc(slices.Values(f.Tensors), func(a, b checkpoint.Tensor) int { return strings.Compare(a.Name, b.Name) })
	sum := crc32.NewIEEE()
	for _, t := range sorted {
		values, ok := t.Data.([]float32)
		if !ok {
			return "", fmt.Errorf("%s is a %T", t.Name, t.Data)
		}
		sum.Write([]byte(t.Name))
		if err := binary.Write(sum, binary.LittleEndian, values); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%08x", sum.Sum32()), nil
}

// load measures a saved model.
func load(path string) (digits, error) {
	d, err := data()
	if err != nil {
		return nil, err
	}
	m, err := vae.Load(path)
	if err != nil {
		return nil, err
	}
	return measure(m, d.Test, spec{})
}

// save trains a spec's model and saves it.
func save(s spec, path string) error {
	mc, c, err := configs(s)
	if err != nil {
		return err
	}
	m, err := vae.New(mc)
	if err != nil {
		return err
	}
	d, err := data()
	if err != nil {
		return err
	}
	if _, err := train.Run(context.Background(), m, train.Data{Train: d.Train}, c, train.Hooks{}); err != nil {
		return err
	}
	return m.Save(path)
}

// interrupt trains a spec's model in a run directory, and stops in the middle of the second
// epoch.
func interrupt(s spec, dir string) error {
	mc, c, err := configs(s)
	if err != nil {
		return err
	}
	m, err := vae.New(mc)
	if err != nil {
		return err
	}
	d, err := data()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.Out = dir
	_, err = train.Run(ctx, m, train.Data{Train: d.Train}, c, train.Hooks{Step: func(p train.Progress) {
		if p.Epoch == 2 && p.Step == p.Steps/2 {
			cancel()
		}
	}})
	if !errors.Is(err, train.ErrInterrupted) {
		return fmt.Errorf("the run was not interrupted: %v", err)
	}
	return nil
}

// resume continues the run in a directory to its end, and measures the model.
func resume(dir string) (digits, error) {
	s, err := train.ReadSettings(dir)
	if err != nil {
		return nil, err
	}
	m, err := vae.New(s.Model)
	if err != nil {
		return nil, err
	}
	d, err := data()
	if err != nil {
		return nil, err
	}
	s.Train.Out, s.Train.Resume = dir, true
	epochs, err := train.Run(context.Background(), m, train.Data{Train: d.Train}, s.Train, train.Hooks{})
	if err != nil {
		return nil, err
	}
	got, err := measure(m, d.Test, spec{})
	if err != nil {
		return nil, err
	}
	for _, e := range epochs {
		got.add(fmt.Sprintf("training distortion of epoch %d", e.Epoch), e.Train.Distortion)
	}
	return got, nil
}
