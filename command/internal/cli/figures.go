package cli

import (
	"fmt"
	"image"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"govae/checkpoint"
	"govae/figure"
	"govae/internal/stream"
	"govae/train"
)

// The figures of a run directory.
const (
	samplesFile = "samples.png"         // draws from the prior
	reconsFile  = "reconstructions.png" // test images above their reconstructions
	curvesFile  = "curves.png"          // ELBO, rate and distortion over the epochs
)

// Draw draws the figures of a run directory: train.Hooks.Draw.
func Draw(d train.Drawing) error {
	c := d.Model.Config()
	samples, err := d.Model.Sample(64, d.Config.Seed, 1)
	if err != nil {
		return err
	}
	grid, err := figure.Grid(samples, c.Rows, c.Cols, 8, figure.GridOptions{})
	if err != nil {
		return err
	}
	if err := writePNG(d.Dir, samplesFile, grid); err != nil {
		return err
	}
	pairs, err := pairs(d, 40)
	if err != nil {
		return err
	}
	if err := writePNG(d.Dir, reconsFile, pairs); err != nil {
		return err
	}
	return checkpoint.WriteFile(filepath.Join(d.Dir, curvesFile), func(w io.Writer) error { return Curves(w, d.History) })
}

// pairs draws the first images of a set, as the model was given them, above
// their reconstructions.
func pairs(d train.Drawing, n int) (image.Image, error) {
	set := d.Set
	index := make([]int, min(n, set.Len()))
	for i := range index {
		index[i] = i
	}
	x := make([]float32, len(index)*set.Size())
	set.Fill(x, index, d.Config.Binarize, stream.New(d.Config.Seed, stream.Pick, 0))
	given, err := d.Model.GivenLabels(set.LabelsOf(index))
	if err != nil {
		return nil, err
	}
	recon, err := given.Reconstruct(x)
	if err != nil {
		return nil, err
	}
	return figure.Pairs(x, recon, set.Rows, set.Cols, 10, figure.GridOptions{})
}

func writePNG(dir, name string, img image.Image) error {
	return checkpoint.WriteFile(filepath.Join(dir, name), func(w io.Writer) error { return figure.EncodePNG(w, img) })
}

// Curves draws the learning curves of a run as PNG: ELBO, rate and distortion of
// each set over the epochs.
func Curves(w io.Writer, history []train.Epoch) error {
	panel := func(title string, value func(train.Metrics) float64) figure.Panel {
		p := figure.Panel{Title: title, XLabel: "epoch", YLabel: "nats per image"}
		for _, set := range []struct {
			name    string
			metrics func(train.Epoch) *train.Metrics
		}{
			{"train", func(e train.Epoch) *train.Metrics { return &e.Train }},
			{"test", func(e train.Epoch) *train.Metrics { return e.Test }},
			{"validation", func(e train.Epoch) *train.Metrics { return e.Validation }},
		} {
			c := figure.Curve{Name: set.name}
			for _, e := range history {
				if m := set.metrics(e); m != nil {
					c.X = append(c.X, float64(e.Epoch))
					c.Y = append(c.Y, value(*m))
				}
			}
			if len(c.X) > 0 {
				p.Curves = append(p.Curves, c)
			}
		}
		return p
	}
	panels := []figure.Panel{
		panel("ELBO", func(m train.Metrics) float64 { return m.ELBO }),
		panel("rate: KL(q(z|x) ‖ p(z))", func(m train.Metrics) float64 { return m.Rate }),
		panel("distortion: −E log p(x|z)", func(m train.Metrics) float64 { return m.Distortion }),
	}
	return figure.Curves(w, "Learning curves", append(panels, terms(history)...)...)
}

// terms are the curves of the further terms of the objective.
func terms(history []train.Epoch) (panels []figure.Panel) {
	if len(history) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(history[0].Terms)) {
		c := figure.Curve{Name: "train"}
		for _, e := range history {
			c.X, c.Y = append(c.X, float64(e.Epoch)), append(c.Y, e.Terms[name])
		}
		panels = append(panels, figure.Panel{Title: name, XLabel: "epoch", YLabel: name, Curves: []figure.Curve{c}})
	}
	return panels
}

// DrawSweep draws the curve of rate and distortion of a sweep: train.SweepHooks.Draw.
func DrawSweep(path string, cfg train.Config, points []train.SweepPoint) error {
	var curve []figure.RatePoint
	for _, p := range points {
		curve = append(curve, figure.RatePoint{Rate: p.Report.Rate.Mean, Distortion: p.Report.Distortion.Mean, Label: fmt.Sprintf("β = %v", p.Beta)})
	}
	pr := points[0].Report.Protocol
	title := fmt.Sprintf("%s, %d images, %s, binarisation %s", pr.Data, pr.Images, pr.Likelihood, cfg.Binarize)
	return checkpoint.WriteFile(path, func(w io.Writer) error { return figure.RateDistortion(w, title, curve) })
}
