package train

import (
	"image"
	"io"
	"time"

	"govae/checkpoint"
	"govae/figure"
	"govae/internal/stream"
	"govae/mnist"
)

// figuresEvery is how often the figures of a run are drawn anew. It touches no
// other result.
const figuresEvery = 10 * time.Second

// draw writes the figures of the run directory.
func (t *task) draw() error {
	c := t.model.Config()
	samples, err := t.model.Sample(64, t.cfg.Seed, 1)
	if err != nil {
		return err
	}
	grid, err := figure.Grid(samples, c.Rows, c.Cols, 8, figure.GridOptions{})
	if err != nil {
		return err
	}
	if err := t.writePNG(samplesFile, grid); err != nil {
		return err
	}
	set := t.test
	if set == nil {
		set = t.train
	}
	pairs, err := t.pairs(set, 40)
	if err != nil {
		return err
	}
	if err := t.writePNG(reconsFile, pairs); err != nil {
		return err
	}
	return checkpoint.WriteFile(t.loop.path(curvesFile), func(w io.Writer) error { return Curves(w, t.history) })
}

// pairs draws the first images of a set, as the model was given them, above
// their reconstructions.
func (t *task) pairs(set *mnist.Set, n int) (image.Image, error) {
	index := make([]int, min(n, set.Len()))
	for i := range index {
		index[i] = i
	}
	x := make([]float32, len(index)*set.Size())
	set.Fill(x, index, t.cfg.Binarize, stream.New(t.cfg.Seed, stream.Pick, 0))
	given, err := t.model.GivenLabels(set.Labels[:len(index)])
	if err != nil {
		return nil, err
	}
	recon, err := given.Reconstruct(x)
	if err != nil {
		return nil, err
	}
	return figure.Pairs(x, recon, set.Rows, set.Cols, 10, figure.GridOptions{})
}

func (t *task) writePNG(name string, img image.Image) error {
	return checkpoint.WriteFile(t.loop.path(name), func(w io.Writer) error { return figure.EncodePNG(w, img) })
}

// Curves draws the learning curves of a run as PNG: ELBO, rate and distortion of
// each set over the epochs.
func Curves(w io.Writer, history []Epoch) error {
	panel := func(title string, value func(Metrics) float64) figure.Panel {
		p := figure.Panel{Title: title, XLabel: "epoch", YLabel: "nats per image"}
		for _, set := range []struct {
			name    string
			metrics func(Epoch) *Metrics
		}{
			{"train", func(e Epoch) *Metrics { return &e.Train }},
			{"test", func(e Epoch) *Metrics { return e.Test }},
			{"validation", func(e Epoch) *Metrics { return e.Validation }},
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
	return figure.Curves(w, "Learning curves",
		panel("ELBO", func(m Metrics) float64 { return m.ELBO }),
		panel("rate: KL(q(z|x) ‖ p(z))", func(m Metrics) float64 { return m.Rate }),
		panel("distortion: −E log p(x|z)", func(m Metrics) float64 { return m.Distortion }))
}
