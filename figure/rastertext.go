package figure

import (
	"image"
	"image/draw"

	xfont "golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
	"gonum.org/v1/plot/font"
)

// sans is the typeface of all text. It ships with gonum/plot, so a figure looks
// the same on every machine.
var sans = font.Font{Typeface: "Liberation", Variant: "Sans"}

// A rasterFont writes text into the margins of a sheet. It is not safe for
// concurrent use; each sheet makes its own.
type rasterFont struct {
	face xfont.Face
}

// newRasterFont returns the font with letters of the given size in pixels.
func newRasterFont(pixels int) *rasterFont {
	const dpi = 72 // one pixel a point
	face := font.DefaultCache.Lookup(sans, font.Points(float64(pixels)))
	return &rasterFont{face: face.FontFace(dpi)}
}

func (f *rasterFont) lineHeight() int {
	m := f.face.Metrics()
	return (m.Ascent + m.Descent).Ceil()
}

func (f *rasterFont) width(text string) int {
	return xfont.MeasureString(f.face, text).Ceil()
}

func (f *rasterFont) widest(texts []string) int {
	widest := 0
	for _, t := range texts {
		widest = max(widest, f.width(t))
	}
	return widest
}

// draw writes text in black from x on, centred vertically on middle.
func (f *rasterFont) draw(img draw.Image, x, middle int, text string) {
	m := f.face.Metrics()
	d := xfont.Drawer{Dst: img, Src: image.Black, Face: f.face}
	d.Dot = fixed.Point26_6{X: fixed.I(x), Y: fixed.I(middle) + (m.Ascent-m.Descent)/2}
	d.DrawString(text)
}
