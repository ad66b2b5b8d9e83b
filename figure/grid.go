package figure

import "image"

// NoGap is the value of GridOptions.Gap that lets tiles touch.
const NoGap = -1

// GridOptions says how a grid of images is laid out. Its zero value gives the
// usual look: each pixel twice as large, thin gaps, no text.
type GridOptions struct {
	// Scale is how many pixels wide and high one image pixel is drawn; 0 means 2.
	Scale int

	// Gap is the number of pixels between tiles and around each group of
	// tiles; 0 means as many as Scale, NoGap means none.
	Gap int

	// GroupEvery sets rows of tiles apart in groups of this many; 0 means one
	// group. Pairs ignores it.
	GroupEvery int

	// Title stands above the tiles; "" means no title.
	Title string

	// ColumnLabels stand above the columns, one for each. Where they are wider
	// than a column only every second (third, …) is drawn. nil means none.
	ColumnLabels []string
}

// Grid draws images [n, rows*cols], pixels in [0,1], row by row with perRow
// images in a row; fewer than perRow images make one narrower row. 1 is ink and
// drawn white on black, as MNIST is commonly shown. Values outside [0,1] are
// clamped and NaN is drawn black. Cells without an image stay white.
//
// Without text the figure has nothing but tiles and gaps. With n images in r
// rows and g groups it measures
//
//	width  = gap + perRow·(cols·scale + gap)
//	height = g·gap + r·(rows·scale + gap) + (g−1)·4·scale
//
// Grid returns an error if a size is not positive, if images is empty or not a
// whole number of images, if an option is out of range, or if the figure would
// be unreasonably large.
func Grid(images []float32, rows, cols, perRow int, opt GridOptions) (*image.Gray, error) {
	lines, err := split("grid", images, rows, cols, perRow)
	if err != nil {
		return nil, err
	}
	s := sheet{name: "grid", rows: rows, cols: cols, lines: lines, opt: opt}
	return s.draw()
}

// Pairs draws originals above their reconstructions, both [n, rows*cols]: a row
// of up to perRow originals, right below it the row of their reconstructions,
// then the next pair of rows set apart by a band. Each row is named in the left
// margin. Pixels are drawn, and errors returned, as by Grid.
func Pairs(originals, reconstructions []float32, rows, cols, perRow int, opt GridOptions) (*image.Gray, error) {
	const name = "pairs"
	if len(originals) != len(reconstructions) {
		return nil, errorf(name, "%d pixels of originals, %d of reconstructions", len(originals), len(reconstructions))
	}
	above, err := split(name, originals, rows, cols, perRow)
	if err != nil {
		return nil, err
	}
	below, err := split(name, reconstructions, rows, cols, perRow)
	if err != nil {
		return nil, err
	}
	opt.GroupEvery = 2
	s := sheet{name: name, rows: rows, cols: cols, opt: opt}
	for i := range above {
		s.lines = append(s.lines, above[i], below[i])
		s.labels = append(s.labels, "original", "reconstruction")
	}
	return s.draw()
}

// LabelledRows draws a grid with a label in the left margin of each row, such as
// "z7  KL 2.31" for the traversal of one latent dimension. There must be as many
// labels as rows of tiles, ceil(n/perRow). Otherwise it is like Grid.
func LabelledRows(images []float32, rows, cols, perRow int, labels []string, opt GridOptions) (*image.Gray, error) {
	const name = "labelled rows"
	lines, err := split(name, images, rows, cols, perRow)
	if err != nil {
		return nil, err
	}
	if len(labels) != len(lines) {
		return nil, errorf(name, "%d labels for %d rows of images", len(labels), len(lines))
	}
	s := sheet{name: name, rows: rows, cols: cols, lines: lines, labels: labels, opt: opt}
	return s.draw()
}

// split cuts images into lines of perRow images, the last one possibly shorter.
func split(name string, images []float32, rows, cols, perRow int) ([][]float32, error) {
	switch {
	case rows <= 0 || cols <= 0:
		return nil, errorf(name, "image size %dx%d is not positive", rows, cols)
	case perRow <= 0:
		return nil, errorf(name, "%d images in a row: want at least 1", perRow)
	case len(images) == 0:
		return nil, errorf(name, "no images")
	case cols > len(images)/rows || len(images)%(rows*cols) != 0:
		return nil, errorf(name, "%d pixels are not a whole number of %dx%d images", len(images), rows, cols)
	}
	n := len(images) / (rows * cols)
	step := min(perRow, n) * rows * cols
	var lines [][]float32
	for ; len(images) > step; images = images[step:] {
		lines = append(lines, images[:step])
	}
	return append(lines, images), nil
}
