package figure

import (
	"fmt"
	"image"
)

// The greys of a sheet. The frame must differ from black tiles, from white ink
// and from the white page.
const (
	black = 0x00
	frame = 0x70
	page  = 0xff
)

// maxPixels bounds the area of a sheet, so that a slip in an option is an error
// and not a request for all memory.
const maxPixels = 1 << 28

// A sheet is a figure made of tiles in lines: what Grid, Pairs and LabelledRows
// have in common.
type sheet struct {
	name       string      // of the figure, for errors
	rows, cols int         // size of one image
	lines      [][]float32 // [lines][images in the line * rows*cols]
	labels     []string    // of the lines; nil for none
	opt        GridOptions
}

// layout is the geometry of a sheet in pixels.
type layout struct {
	width, height  int
	left, top      int // corner of the first group's frame
	scale, gap     int
	pitchX, pitchY int // from tile to tile
	groupEvery     int // lines
	band           int // between groups
}

func (s *sheet) draw() (*image.Gray, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	font := newRasterFont(clamp(s.rows*s.opt.scale()/4, 11, 22))
	l := s.layout(font)
	if l.width <= 0 || l.height <= 0 || l.width > maxPixels/l.height {
		return nil, errorf(s.name, "a figure of %dx%d pixels is too large", l.width, l.height)
	}
	img := image.NewGray(image.Rect(0, 0, l.width, l.height))
	fill(img, img.Bounds(), page)
	size := image.Pt(s.cols*l.scale, s.rows*l.scale)
	for i, line := range s.lines {
		for j := 0; len(line) > 0; j++ {
			at := l.tile(i, j)
			fill(img, image.Rectangle{at, at.Add(size)}.Inset(-l.gap), frame)
			drawTile(img, at, line[:s.rows*s.cols], s.cols, l.scale)
			line = line[s.rows*s.cols:]
		}
	}
	s.drawText(img, l, font)
	return img, nil
}

// check validates the options that split has not seen.
func (s *sheet) check() error {
	const most = 1 << 10 // pixels; keeps every product below in range
	o := s.opt
	switch {
	case o.Scale < 0 || o.Scale > most:
		return errorf(s.name, "scale %d: want 1 to %d, or 0 for the default", o.Scale, most)
	case o.Gap < NoGap || o.Gap > most:
		return errorf(s.name, "gap %d: want 1 to %d, 0 for the default or %d for none", o.Gap, most, NoGap)
	case o.GroupEvery < 0:
		return errorf(s.name, "groups of %d rows: want 0 or more", o.GroupEvery)
	case o.ColumnLabels != nil && len(o.ColumnLabels) != s.perRow():
		return errorf(s.name, "%d column labels for %d columns", len(o.ColumnLabels), s.perRow())
	case len(s.lines[0]) > maxPixels || len(s.lines) > maxPixels/len(s.lines[0]):
		return errorf(s.name, "%d rows of %d images are too many", len(s.lines), s.perRow())
	}
	return nil
}

// perRow returns the number of columns; the first line is the longest.
func (s *sheet) perRow() int { return len(s.lines[0]) / (s.rows * s.cols) }

func (s *sheet) layout(font *rasterFont) layout {
	l := layout{scale: s.opt.scale(), gap: s.opt.gap(), groupEvery: s.opt.GroupEvery}
	if l.groupEvery == 0 {
		l.groupEvery = len(s.lines)
	}
	l.pitchX = s.cols*l.scale + l.gap
	l.pitchY = s.rows*l.scale + l.gap
	l.band = 4 * l.scale

	margin, titleWidth := 0, 0
	if s.labels != nil || s.opt.Title != "" || s.opt.ColumnLabels != nil {
		margin = font.lineHeight()
	}
	l.left, l.top = margin, margin
	if s.labels != nil {
		l.left += font.widest(s.labels) + margin/2
	}
	if s.opt.Title != "" {
		l.top += font.lineHeight() + margin/2
		titleWidth = font.width(s.opt.Title)
	}
	overhang := 0 // of the outer column labels
	if s.opt.ColumnLabels != nil {
		l.top += font.lineHeight()
		overhang = max(0, (font.widest(s.opt.ColumnLabels)-l.pitchX)/2)
		l.left = max(l.left, margin+overhang)
	}
	last := l.tile(len(s.lines)-1, s.perRow()-1)
	l.width = max(last.X+l.pitchX+overhang, l.left+titleWidth) + margin
	l.height = last.Y + l.pitchY + margin
	return l
}

// tile returns the top left corner of the image in line i and column j.
func (l *layout) tile(i, j int) image.Point {
	return image.Point{
		X: l.left + l.gap + j*l.pitchX,
		Y: l.top + l.gap + i*l.pitchY + i/l.groupEvery*(l.gap+l.band),
	}
}

// drawText writes title, column labels and row labels.
func (s *sheet) drawText(img *image.Gray, l layout, font *rasterFont) {
	if s.opt.Title != "" {
		font.draw(img, l.left, font.lineHeight()*3/2, s.opt.Title)
	}
	every := 1
	if s.opt.ColumnLabels != nil {
		every += font.widest(s.opt.ColumnLabels) / l.pitchX
	}
	for j := 0; j < len(s.opt.ColumnLabels); j += every {
		label := s.opt.ColumnLabels[j]
		middle := l.tile(0, j).X + s.cols*l.scale/2
		font.draw(img, middle-font.width(label)/2, l.top-font.lineHeight()/2, label)
	}
	for i, label := range s.labels {
		x := l.left - font.lineHeight()/2 - font.width(label)
		font.draw(img, x, l.tile(i, 0).Y+s.rows*l.scale/2, label)
	}
}

// drawTile draws one image, each pixel a square of scale×scale.
func drawTile(img *image.Gray, at image.Point, pixels []float32, cols, scale int) {
	for i, v := range pixels {
		x, y := at.X+i%cols*scale, at.Y+i/cols*scale
		fill(img, image.Rect(x, y, x+scale, y+scale), grey(v))
	}
}

// grey maps [0,1] to 0..255 with rounding; NaN is black.
func grey(v float32) uint8 {
	switch {
	case v >= 1:
		return 255
	case v > 0:
		return uint8(v*255 + 0.5)
	}
	return black
}

func (o *GridOptions) scale() int {
	if o.Scale == 0 {
		return 2
	}
	return o.Scale
}

func (o *GridOptions) gap() int {
	switch o.Gap {
	case 0:
		return o.scale()
	case NoGap:
		return 0
	}
	return o.Gap
}

func fill(img *image.Gray, r image.Rectangle, y uint8) {
	for ; r.Min.Y < r.Max.Y; r.Min.Y++ {
		row := img.Pix[img.PixOffset(r.Min.X, r.Min.Y):][:r.Dx()]
		for i := range row {
			row[i] = y
		}
	}
}

func clamp(v, low, high int) int { return max(low, min(v, high)) }

// errorf makes the error of the figure called name.
func errorf(name, format string, args ...any) error {
	return fmt.Errorf("figure: "+name+": "+format, args...)
}
