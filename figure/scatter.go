package figure

import (
	"image/color"
	"io"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Size of a scatter plot; the legend stands right of the axes.
const (
	scatterSize  = 6.4 * vg.Inch
	scatterLabel = 0.75 * vg.Inch
)

// Scatter draws the points (x[i], y[i]), such as posterior means in a latent
// space of two dimensions, coloured by labels[i] in 0 to 9, and writes the plot
// as PNG. A unit is as long on one axis as on the other. Each class of
// ten points or more is also named at the median of its points, so that colour is
// not the only key. Points are drawn in the order given: shuffled input shows all
// classes alike.
//
// Points with a coordinate that is NaN, infinite or beyond ±1e30 are left out,
// and the plot says how many. Scatter returns an error if there are no points,
// if lengths differ, if a label is above 9, or if writing fails.
func Scatter(w io.Writer, title, xlabel, ylabel string, x, y []float64, labels []uint8) error {
	const name = "scatter"
	switch {
	case len(x) == 0:
		return errorf(name, "no points")
	case len(x) != len(y) || len(x) != len(labels):
		return errorf(name, "%d x values, %d y values, %d labels", len(x), len(y), len(labels))
	}
	if i := slices.IndexFunc(labels, func(l uint8) bool { return int(l) >= len(classColors) }); i >= 0 {
		return errorf(name, "label %d of point %d: want 0 to %d", labels[i], i, len(classColors)-1)
	}

	s := newCloud(x, y, labels)
	top := figureMargin
	if title != "" {
		top += titleHeight
	}
	return renderPNG(w, name, scatterSize+scatterLabel+2*figureMargin, scatterSize+top+figureMargin, func(c draw.Canvas) {
		p := newPlot(xlabel, ylabel, spanOf(s.x).padded(), spanOf(s.y).padded())
		p.Add(painter(s.drawPoints), painter(s.drawNames), skippedNote(len(x)-len(s.x)))
		area := draw.Crop(c, figureMargin, -figureMargin-scatterLabel, figureMargin, -top)
		equalAspect(p, area)
		p.Draw(area)

		data := p.DataCanvas(area)
		if title != "" {
			drawTitle(c, data.Min.X, title)
		}
		s.drawLegend(c, data.Max.X+18, data.Max.Y-8)
	})
}

// A cloud is the drawable points of a scatter plot.
type cloud struct {
	x, y   []float64
	labels []uint8
}

func newCloud(x, y []float64, labels []uint8) cloud {
	var s cloud
	for i := range x {
		if drawable(x[i]) && drawable(y[i]) {
			s.x, s.y, s.labels = append(s.x, x[i]), append(s.y, y[i]), append(s.labels, labels[i])
		}
	}
	return s
}

// drawPoints draws the points, smaller and fainter the more there are.
func (s cloud) drawPoints(c draw.Canvas, p *plot.Plot) {
	crowd := math.Min(1, math.Log10(math.Max(1, float64(len(s.x))/100))/2) // 0 up to 100 points, 1 from 10,000
	marker := draw.GlyphStyle{Radius: vg.Length(3.2 - 1.7*crowd), Shape: draw.CircleGlyph{}}
	toX, toY := p.Transforms(&c)
	for i, label := range s.labels {
		col := classColors[label]
		col.A = uint8(230 - 85*crowd)
		marker.Color = col
		c.DrawGlyphNoClip(marker, vg.Point{X: toX(s.x[i]), Y: toY(s.y[i])})
	}
}

// drawNames writes each class's label at the median of its points, coordinate by
// coordinate, black with a white halo.
func (s cloud) drawNames(c draw.Canvas, p *plot.Plot) {
	const (
		halo   = 1.4 // points
		enough = 10  // fewer dots would vanish under the name
	)
	toX, toY := p.Transforms(&c)
	for label := range classColors {
		var xs, ys []float64
		for i, l := range s.labels {
			if int(l) == label {
				xs, ys = append(xs, s.x[i]), append(ys, s.y[i])
			}
		}
		if len(xs) < enough {
			continue
		}
		at := vg.Point{X: toX(median(xs)), Y: toY(median(ys))}
		style := bold(textStyle(15, draw.XCenter))
		style.Color = color.White
		for k := 0.0; k < 12; k++ {
			sin, cos := math.Sincos(k / 12 * 2 * math.Pi)
			drawText(c, style, at.Add(vg.Point{X: vg.Length(halo * cos), Y: vg.Length(halo * sin)}), strconv.Itoa(label))
		}
		style.Color = color.Black
		drawText(c, style, at, strconv.Itoa(label))
	}
}

// drawLegend lists the classes that occur, downwards from (x, y).
func (s cloud) drawLegend(c draw.Canvas, x, y vg.Length) {
	for label, col := range classColors {
		if !slices.Contains(s.labels, uint8(label)) {
			continue
		}
		c.DrawGlyphNoClip(draw.GlyphStyle{Color: col, Radius: 4.5, Shape: draw.CircleGlyph{}}, vg.Point{X: x, Y: y})
		drawText(c, textStyle(11, draw.XLeft), vg.Point{X: x + 10, Y: y}, strconv.Itoa(label))
		y -= 18
	}
}

// equalAspect widens one axis of p until a unit is as long on both when p is
// drawn in area.
func equalAspect(p *plot.Plot, area draw.Canvas) {
	for range 3 { // new tick labels may change the room for the data a little
		room := p.DataCanvas(area).Size()
		x, y := (p.X.Max-p.X.Min)/float64(room.X), (p.Y.Max-p.Y.Min)/float64(room.Y)
		widen(&p.X, math.Max(1, y/x))
		widen(&p.Y, math.Max(1, x/y))
	}
}

// widen makes the range of a factor times as wide around its middle.
func widen(a *plot.Axis, factor float64) {
	middle, half := (a.Min+a.Max)/2, (a.Max-a.Min)/2
	a.Min, a.Max = middle-factor*half, middle+factor*half
}

// median returns the median of v, which it sorts.
func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
