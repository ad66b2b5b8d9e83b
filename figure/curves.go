package figure

import (
	"io"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Curve is one line of a Panel, through the points (X[i], Y[i]) in order.
type Curve struct {
	Name string
	X, Y []float64
}

// A Panel is one pair of axes with its curves. Labels should name the unit, such
// as "nats per image".
type Panel struct {
	Title, XLabel, YLabel string
	Curves                []Curve
}

// Sizes of a figure of curves.
const (
	panelWidth   = 4.1 * vg.Inch
	panelHeight  = 2.9 * vg.Inch
	panelColumns = 3
	lineHeight   = vg.Length(16) // of the title and legend above a panel
	headerGap    = vg.Length(3)  // below the legend
	figureMargin = vg.Length(12)
	titleHeight  = vg.Length(22)
)

// Curves draws learning curves, up to three panels side by side, and writes them
// as PNG. Above each panel stand its title and its legend. The curves of
// a panel are told apart by colour and by marker, in the order given, so "train"
// and "test" look the same in all panels that list them in the same order. Axes
// whose x values are all whole numbers, such as epochs, have whole ticks.
//
// A point whose x or y is NaN, infinite or beyond ±1e30 is left out, the line is
// broken there, and the panel says how many points are missing. Curves returns
// an error if there are no panels or more than 24, if a panel has no curves, if
// a curve has no points or X and Y of different lengths, or if writing fails.
func Curves(w io.Writer, title string, panels ...Panel) error {
	const name = "curves"
	if err := checkPanels(name, panels); err != nil {
		return err
	}
	cols := min(len(panels), panelColumns)
	rows := (len(panels) + cols - 1) / cols
	header := vg.Length(0)
	for i := range panels {
		header = max(header, lineHeight*vg.Length(1+len(panels[i].legendLines()))+headerGap)
	}
	top := figureMargin
	if title != "" {
		top += titleHeight
	}

	width := vg.Length(cols)*panelWidth + 2*figureMargin
	height := top + vg.Length(rows)*(header+panelHeight) + figureMargin
	return renderPNG(w, name, width, height, func(c draw.Canvas) {
		if title != "" {
			drawTitle(c, figureMargin, title)
		}
		grid := make([][]*plot.Plot, rows)
		for i := range grid {
			grid[i] = make([]*plot.Plot, cols)
		}
		for i := range panels {
			grid[i/cols][i%cols] = panels[i].plot()
		}
		tiles := draw.Tiles{
			Rows: rows, Cols: cols, PadX: 14, PadY: header,
			PadTop: top + header, PadBottom: figureMargin, PadLeft: figureMargin, PadRight: figureMargin,
		}
		canvases := plot.Align(grid, tiles, c)
		for i := range panels {
			p, area := grid[i/cols][i%cols], canvases[i/cols][i%cols]
			p.Draw(area)
			data := p.DataCanvas(area)
			panels[i].drawHeader(c, data.Min.X, data.Max.Y+header)
		}
	})
}

func checkPanels(name string, panels []Panel) error {
	const most = 24
	if len(panels) == 0 || len(panels) > most {
		return errorf(name, "%d panels: want 1 to %d", len(panels), most)
	}
	for i, p := range panels {
		if len(p.Curves) == 0 {
			return errorf(name, "panel %d %q has no curves", i, p.Title)
		}
		for _, c := range p.Curves {
			switch {
			case len(c.X) != len(c.Y):
				return errorf(name, "panel %d %q, curve %q: %d x values, %d y values", i, p.Title, c.Name, len(c.X), len(c.Y))
			case len(c.X) == 0:
				return errorf(name, "panel %d %q, curve %q has no points", i, p.Title, c.Name)
			}
		}
	}
	return nil
}

// plot returns the panel's axes and curves.
func (panel *Panel) plot() *plot.Plot {
	var xs, ys []float64
	var curves []plot.Plotter
	skipped := 0
	for i, c := range panel.Curves {
		runs := c.runs()
		shown := 0
		for _, run := range runs {
			shown += len(run)
			for _, pt := range run {
				xs, ys = append(xs, pt.X), append(ys, pt.Y)
			}
		}
		skipped += len(c.X) - shown
		curves = append(curves, styleOf(i).curve(runs, shown))
	}
	p := newPlot(panel.XLabel, panel.YLabel, spanOf(xs).padded(), spanOf(ys).padded())
	fraction := func(x float64) bool { return x != math.Trunc(x) }
	p.X.Tick.Marker = ticker{whole: !slices.ContainsFunc(xs, fraction)}
	p.Add(curves...)
	p.Add(skippedNote(skipped))
	return p
}

// runs returns the drawable points of c, split where others lie between them.
func (c *Curve) runs() []plotter.XYs {
	var runs []plotter.XYs
	broken := true
	for i, x := range c.X {
		if !drawable(x) || !drawable(c.Y[i]) {
			broken = true
			continue
		}
		if broken {
			runs = append(runs, nil)
			broken = false
		}
		last := &runs[len(runs)-1]
		*last = append(*last, plotter.XY{X: x, Y: c.Y[i]})
	}
	return runs
}
