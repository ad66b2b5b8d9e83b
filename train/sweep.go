package train

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"govae/checkpoint"
	"govae/evaluate"
	"govae/vae"
)

// SweepPoint is what a model that was trained with one beta is worth.
type SweepPoint struct {
	Beta   float64          `json:"beta"`
	Epochs int              `json:"epochs"`
	Report *evaluate.Report `json:"report"`
}

// The files that Sweep writes beside the run directories.
const (
	SweepFile   = "sweep.json"          // a SweepPoint for each beta
	SweepFigure = "rate-distortion.png" // the curve
)

// SweepHooks are called while sweeping; each may be nil.
type SweepHooks struct {
	Train func(beta float64) Hooks // those of the run with that beta
	Point func(SweepPoint)
	Draw  func(path string, cfg Config, points []SweepPoint) error // draws SweepFigure
}

// Sweep trains the model mc once for each beta, which multiplies the rate in the loss
//
//	distortion + beta·rate
//
// and evaluates each on the test set, without beta: points of the curve on which one
// term is paid for the other. All else is as in cfg, in whose Out each run has a
// directory of its own; beside them it writes SweepFile and SweepFigure. A sweep that
// was interrupted goes on with what is there. The two files are of these betas alone: those of
// an earlier sweep into cfg.Out are replaced, and its runs stay.
//
// Source: Alemi et al. 2018, section 4, arXiv:1711.00464.
func Sweep(ctx context.Context, mc vae.Config, data Data, cfg Config, betas []float64, o evaluate.Options, hooks SweepHooks) ([]SweepPoint, error) {
	betas = slices.Clone(betas)
	slices.Sort(betas)
	if len(betas) == 0 || cfg.Out == "" || data.Test == nil {
		return nil, fmt.Errorf("train: a sweep of %d betas into %q, want at least one, a directory and a test set", len(betas), cfg.Out)
	}
	if err := cfg.CheckBetas(betas); err != nil {
		return nil, err
	}
	o.Binarize = cfg.Binarize
	if err := os.MkdirAll(cfg.Out, 0o777); err != nil {
		return nil, fmt.Errorf("train: make the directory of the sweep: %w", err)
	}
	unlock, err := lock(cfg.Out)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var points []SweepPoint
	for _, beta := range betas {
		c := cfg
		c.Beta, c.Out = beta, filepath.Join(cfg.Out, fmt.Sprintf("beta-%v", beta))
		if _, err := os.Lstat(filepath.Join(c.Out, configFile)); err == nil {
			c.Resume = true
			if s, err := ReadSettings(c.Out); err == nil && s.Train.Epochs > c.Epochs {
				return points, fmt.Errorf("train: the run in %s is of %d epochs, not %d: choose another directory", c.Out, s.Train.Epochs, c.Epochs)
			}
		}
		m, err := vae.New(mc)
		if err != nil {
			return nil, err
		}
		var h Hooks
		if hooks.Train != nil {
			h = hooks.Train(beta)
		}
		if _, err := Run(ctx, m, data, c, h); err != nil {
			return points, fmt.Errorf("train: beta %v: %w", beta, err)
		}
		r, err := evaluate.Run(ctx, m, data.Test, o)
		if err != nil {
			return points, fmt.Errorf("train: beta %v: %w", beta, err)
		}
		p := SweepPoint{beta, c.Epochs, r}
		points = append(points, p)
		if hooks.Point != nil {
			hooks.Point(p)
		}
	}
	return points, writeSweep(cfg, points, hooks.Draw)
}

// CheckBetas returns the error that a sweep over these betas would: which one is wrong,
// or there twice.
func (c Config) CheckBetas(betas []float64) error {
	seen := map[float64]bool{}
	for _, b := range betas {
		c.Beta = b
		if err := c.Validate(); err != nil {
			return err
		}
		if seen[b] {
			return fmt.Errorf("train: beta %v twice in a sweep", b)
		}
		seen[b] = true
	}
	return nil
}

func writeSweep(cfg Config, points []SweepPoint, draw func(path string, cfg Config, points []SweepPoint) error) error {
	b, err := json.MarshalIndent(points, "", "  ")
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	err = checkpoint.WriteFile(filepath.Join(cfg.Out, SweepFile), func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
	if err != nil || draw == nil {
		return err
	}
	return draw(filepath.Join(cfg.Out, SweepFigure), cfg, points)
}
