package figure

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg/draw"
)

// newPlot returns an empty plot in the style of the house: plain axes on the
// left and below, faint grid lines.
func newPlot(xlabel, ylabel string, x, y span) *plot.Plot {
	p := plot.New()
	styleAxis(&p.X, xlabel, x)
	styleAxis(&p.Y, ylabel, y)
	grid := plotter.NewGrid()
	grid.Horizontal = draw.LineStyle{Color: gridInk, Width: 0.75}
	grid.Vertical = grid.Horizontal
	p.Add(grid)
	return p
}

func styleAxis(a *plot.Axis, label string, s span) {
	a.Min, a.Max = s.min, s.max
	a.Padding = 0
	a.Color = axisInk
	a.Width = 0.75
	a.Label.Text = label
	a.Label.Padding = 3
	a.Label.TextStyle.Font = sized(10)
	a.Label.TextStyle.Color = ink
	a.Tick.Label.Font = sized(9)
	a.Tick.Label.Color = ink
	a.Tick.Length = 3
	a.Tick.LineStyle = draw.LineStyle{Color: axisInk, Width: 0.75}
	a.Tick.Marker = ticker{}
}

// A span is the range of values along an axis.
type span struct{ min, max float64 }

// drawable reports whether a plot can show v. Values beyond ±1e30 come only from
// a model that has diverged and would leave nothing else to see.
func drawable(v float64) bool { return math.Abs(v) <= 1e30 } // false for NaN

// spanOf returns the range of drawable values, [0,1] if there are none.
func spanOf(values []float64) span {
	if len(values) == 0 {
		return span{0, 1}
	}
	return span{slices.Min(values), slices.Max(values)}
}

// padded returns the span with a little room at both ends, and wide enough for
// float64 arithmetic to divide it into ticks.
func (s span) padded() span {
	room := 0.05 * (s.max - s.min)
	if size := math.Max(math.Abs(s.min), math.Abs(s.max)); room < 1e-6*size || room < 1e-9 {
		room = 0.01 * size
		if room < 1e-9 {
			room = 0.5
		}
	}
	return span{s.min - room, s.max + room}
}
