package figure

import (
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A curveStyle is how one curve of a panel looks.
type curveStyle struct {
	line   draw.LineStyle
	marker draw.GlyphStyle
}

// styleOf returns the style of the i-th curve of a panel.
func styleOf(i int) curveStyle {
	c := curveColors[i%len(curveColors)]
	return curveStyle{
		line: draw.LineStyle{
			Color: c, Width: 1.75,
			Dashes: curveDashes[i/len(curveColors)%len(curveDashes)],
		},
		marker: draw.GlyphStyle{Color: c, Radius: 2.75, Shape: curveShapes[i%len(curveShapes)]},
	}
}

// curve draws the runs of a curve that has n points in all. Few points get
// a marker each; a point on its own always has one, or it would not show.
func (s curveStyle) curve(runs []plotter.XYs, n int) painter {
	const few = 40
	return func(c draw.Canvas, p *plot.Plot) {
		toX, toY := p.Transforms(&c)
		for _, run := range runs {
			points := make([]vg.Point, len(run))
			for i, pt := range run {
				points[i] = vg.Point{X: toX(pt.X), Y: toY(pt.Y)}
			}
			c.StrokeLines(s.line, points)
			if n <= few || len(points) == 1 {
				for _, pt := range points {
					c.DrawGlyphNoClip(s.marker, pt)
				}
			}
		}
	}
}

// Sizes in a legend.
const (
	thumbWidth  = vg.Length(18) // of the sample of a line
	thumbGap    = vg.Length(4)
	legendGap   = vg.Length(14) // between entries
	legendWidth = panelWidth - 0.8*vg.Inch
)

// legendLines returns the indices of the curves on each line of the legend,
// which stands above the axes so that it never hides data.
func (panel *Panel) legendLines() [][]int {
	var lines [][]int
	used := legendWidth
	for i := range panel.Curves {
		w := panel.entryWidth(i)
		if used+w > legendWidth {
			lines = append(lines, nil)
			used = 0
		}
		last := &lines[len(lines)-1]
		*last = append(*last, i)
		used += w
	}
	return lines
}

func (panel *Panel) entryWidth(i int) vg.Length {
	return thumbWidth + thumbGap + textStyle(10, draw.XLeft).Width(panel.Curves[i].Name) + legendGap
}

// drawHeader writes the panel's title and legend downwards from top.
func (panel *Panel) drawHeader(c draw.Canvas, left, top vg.Length) {
	y := top - lineHeight/2
	drawText(c, bold(textStyle(11, draw.XLeft)), vg.Point{X: left, Y: y}, panel.Title)
	for _, line := range panel.legendLines() {
		y -= lineHeight
		x := left
		for _, i := range line {
			s := styleOf(i)
			c.StrokeLine2(s.line, x, y, x+thumbWidth, y)
			c.DrawGlyphNoClip(s.marker, vg.Point{X: x + thumbWidth/2, Y: y})
			drawText(c, textStyle(10, draw.XLeft), vg.Point{X: x + thumbWidth + thumbGap, Y: y}, panel.Curves[i].Name)
			x += panel.entryWidth(i)
		}
	}
}
