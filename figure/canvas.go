package figure

import (
	"fmt"
	"io"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// plotDPI is the resolution of plots, sharp on the screens of today.
const plotDPI = 144

// renderPNG gives paint a white canvas and writes what it painted as PNG.
// gonum/plot reports bad geometry by panicking: that becomes an error here.
func renderPNG(w io.Writer, name string, width, height vg.Length, paint func(draw.Canvas)) (err error) {
	c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(plotDPI))
	func() {
		defer func() {
			if r := recover(); r != nil {
				err = errorf(name, "gonum/plot: %v", r)
			}
		}()
		paint(draw.New(c))
	}()
	if err != nil {
		return err
	}
	return EncodePNG(w, c.Image())
}

// painter is a plot.Plotter made of a function.
type painter func(c draw.Canvas, p *plot.Plot)

func (f painter) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

func sized(points vg.Length) font.Font { return font.From(sans, points) }

// textStyle returns text of the given size, its middle line at the point.
func textStyle(points vg.Length, x draw.XAlignment) text.Style {
	return text.Style{Color: ink, Font: sized(points), XAlign: x, YAlign: draw.YCenter, Handler: plot.DefaultTextHandler}
}

func bold(s text.Style) text.Style {
	s.Font.Weight = xfont.WeightBold
	return s
}

// drawText writes text with its middle line at the height of the point.
// gonum/plot centres the box of the letters with their descenders; raised by
// a tenth of their size, digits and small letters stand in the middle.
func drawText(c draw.Canvas, s text.Style, at vg.Point, txt string) {
	at.Y += s.Font.Size / 10
	c.FillText(s, at, txt)
}

// drawTitle writes the title of a whole figure at its top.
func drawTitle(c draw.Canvas, left vg.Length, title string) {
	drawText(c, bold(textStyle(14, draw.XLeft)), vg.Point{X: left, Y: c.Max.Y - figureMargin - titleHeight/3}, title)
}

// skippedNote says in the corner of a plot how many points are not shown.
func skippedNote(skipped int) painter {
	return func(c draw.Canvas, p *plot.Plot) {
		if skipped == 0 {
			return
		}
		s := textStyle(8, draw.XRight)
		s.Color = fadedInk
		s.YAlign = draw.YBottom
		at := vg.Point{X: c.Max.X - 2, Y: c.Min.Y + 4}
		c.FillText(s, at, fmt.Sprintf("not finite, not drawn: %d", skipped))
	}
}
