package figure

import (
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A RatePoint is one model in the plane of rate and distortion.
type RatePoint struct {
	Rate, Distortion float64 // nats per image
	Label            string  // such as "β = 4"
}

// Size of a plot of rate and distortion.
const (
	rateWidth  = 6.4 * vg.Inch
	rateHeight = 4.8 * vg.Inch
)

// RateDistortion draws models as points in the plane of rate and distortion, both
// in nats per image, joined in the order given and each with its label, and writes
// the plot as PNG. On a falling diagonal the ELBO = −(rate + distortion) is the
// same all along: dashed is the one through the point of the highest ELBO, which no
// other point is below. A β-VAE moves along the curve, from autoencoding at
// the right to ignoring its codes at the left.
//
// Points with a coordinate that is NaN, infinite or beyond ±1e30 are left out,
// and the plot says how many. RateDistortion returns an error if there are no
// points or if writing fails.
//
// Source: Alemi et al. 2018, Figure 1, arXiv:1711.00464.
func RateDistortion(w io.Writer, title string, points []RatePoint) error {
	const name = "rate and distortion"
	if len(points) == 0 {
		return errorf(name, "no points")
	}
	s := newPlane(points)
	top := figureMargin + lineHeight + headerGap
	if title != "" {
		top += titleHeight
	}
	return renderPNG(w, name, rateWidth+2*figureMargin, rateHeight+top+figureMargin, func(c draw.Canvas) {
		x, y := spanOf(s.x).padded(), spanOf(s.y).padded()
		x.max += 0.12 * (x.max - x.min) // for the labels
		y.max += 0.06 * (y.max - y.min)
		p := newPlot("rate, nats per image", "distortion, nats per image", x, y)
		curve := Curve{X: s.x, Y: s.y}
		p.Add(painter(s.drawConstant), styleOf(0).curve(curve.runs(), 0), painter(s.drawLabels), skippedNote(len(points)-len(s.x)))
		area := draw.Crop(c, figureMargin, -figureMargin, figureMargin, -top)
		p.Draw(area)

		data := p.DataCanvas(area)
		if title != "" {
			drawTitle(c, data.Min.X, title)
		}
		s.drawLegend(c, data.Min.X, data.Max.Y+headerGap+lineHeight/2)
	})
}

// A plane is the drawable points of a plot of rate and distortion.
type plane struct {
	x, y   []float64
	labels []string
}

func newPlane(points []RatePoint) (s plane) {
	for _, p := range points {
		if drawable(p.Rate) && drawable(p.Distortion) {
			s.x, s.y, s.labels = append(s.x, p.Rate), append(s.y, p.Distortion), append(s.labels, p.Label)
		}
	}
	return s
}

// elbo returns the highest ELBO of all points; ok is false if there are none.
func (s plane) elbo() (best float64, ok bool) {
	best = math.Inf(-1)
	for i := range s.x {
		best = max(best, -(s.x[i] + s.y[i]))
	}
	return best, len(s.x) > 0
}

// constantStyle is that of the line of constant ELBO.
var constantStyle = draw.LineStyle{Color: axisInk, Width: 1, Dashes: curveDashes[1]}

// drawConstant draws the line of the highest ELBO from edge to edge.
func (s plane) drawConstant(c draw.Canvas, p *plot.Plot) {
	elbo, ok := s.elbo()
	from, to := within(elbo, span{p.X.Min, p.X.Max}, span{p.Y.Min, p.Y.Max})
	if !ok || !(from < to) {
		return
	}
	toX, toY := p.Transforms(&c)
	c.StrokeLine2(constantStyle, toX(from), toY(-elbo-from), toX(to), toY(-elbo-to))
}

// within returns the rates between which distortion = −ELBO − rate is within axes
// that span x and y.
func within(elbo float64, x, y span) (from, to float64) {
	return math.Max(x.min, -elbo-y.max), math.Min(x.max, -elbo-y.min)
}

// drawLegend says above the axes what the dashed line is.
func (s plane) drawLegend(c draw.Canvas, x, y vg.Length) {
	if elbo, ok := s.elbo(); ok {
		c.StrokeLine2(constantStyle, x, y, x+thumbWidth, y)
		drawText(c, textStyle(10, draw.XLeft), vg.Point{X: x + thumbWidth + thumbGap, Y: y}, "ELBO "+tickLabel(elbo, 0.1)+" nats per image, the highest")
	}
}

// drawLabels writes each point's label, right above it.
func (s plane) drawLabels(c draw.Canvas, p *plot.Plot) {
	toX, toY := p.Transforms(&c)
	for i, label := range s.labels {
		drawText(c, textStyle(9, draw.XLeft), vg.Point{X: toX(s.x[i]) + 5, Y: toY(s.y[i]) + 7}, label)
	}
}
