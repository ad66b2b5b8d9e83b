package figure

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// wantPixels compares an image with a drawing: '.' page, '#' frame, '0' black,
// '1' white, 'h' half.
func wantPixels(t *testing.T, img *image.Gray, want ...string) {
	t.Helper()
	name := map[uint8]byte{page: '1', frame: '#', black: '0', 128: 'h'}
	var got []string
	for y := range img.Rect.Dy() {
		var row strings.Builder
		for x := range img.Rect.Dx() {
			c, ok := name[img.GrayAt(x, y).Y]
			if !ok {
				c = '?'
			}
			row.WriteByte(c)
		}
		got = append(got, row.String())
	}
	for i := range want { // the page and full ink are the same white
		want[i] = strings.ReplaceAll(want[i], ".", "1")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pixels (-want +got):\n%s", diff)
	}
}

func TestGridPixels(t *testing.T) {
	// Three images of 1 row, 2 columns; the last row of tiles is half full.
	img, err := Grid([]float32{0, 1, 0.5, 0, 1, 0.5}, 1, 2, 2, GridOptions{Scale: 2, Gap: 1})
	if err != nil {
		t.Fatal(err)
	}
	wantPixels(t, img,
		"###########",
		"#0011#hh00#",
		"#0011#hh00#",
		"###########",
		"#11hh#.....",
		"#11hh#.....",
		"######.....",
	)
}

func TestGridNoGap(t *testing.T) {
	img, err := Grid([]float32{0, 1, 1, 0}, 1, 1, 2, GridOptions{Scale: 1, Gap: NoGap})
	if err != nil {
		t.Fatal(err)
	}
	wantPixels(t, img, "01", "10")
}

func TestGridGroups(t *testing.T) {
	img, err := Grid([]float32{0, 0, 0}, 1, 1, 1, GridOptions{Scale: 1, Gap: 1, GroupEvery: 2})
	if err != nil {
		t.Fatal(err)
	}
	wantPixels(t, img,
		"###", "#0#", "###", "#0#", "###",
		"...", "...", "...", "...",
		"###", "#0#", "###")
}

func TestGridClampsAndDrawsNaNBlack(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	values := []float32{nan, -1, -inf, 0, 0.25, 1, 2, inf}
	img, err := Grid(values, 1, len(values), 1, GridOptions{Scale: 1, Gap: NoGap})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint8{0, 0, 0, 0, 64, 255, 255, 255}, img.Pix); diff != "" {
		t.Errorf("grey values (-want +got):\n%s", diff)
	}
}

func TestGridDefaults(t *testing.T) {
	img, err := Grid(make([]float32, 64*28*28), 28, 28, 8, GridOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if want := image.Rect(0, 0, 466, 466); img.Bounds() != want { // 2 + 8·(56+2)
		t.Errorf("64 digits measure %v, want %v", img.Bounds(), want)
	}
}

// TestGridNarrows: a row has no room for more images than there are.
func TestGridNarrows(t *testing.T) {
	img, err := Grid([]float32{0, 0, 1, 1}, 1, 2, math.MaxInt, GridOptions{Scale: 1, Gap: 1})
	if err != nil {
		t.Fatal(err)
	}
	wantPixels(t, img, "#######", "#00#11#", "#######")
}

// TestGridProperties holds size and every pixel to the formulas in Grid's comment.
func TestGridProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.IntRange(1, 5)
		rows, cols, perRow, n := small.Draw(t, "rows"), small.Draw(t, "cols"), small.Draw(t, "perRow"), small.Draw(t, "n")
		scale, gap, every := small.Draw(t, "scale"), small.Draw(t, "gap"), small.Draw(t, "every")
		pixels := rapid.SliceOfN(rapid.Float32Range(0, 1), n*rows*cols, n*rows*cols).Draw(t, "pixels")
		img, err := Grid(pixels, rows, cols, perRow, GridOptions{Scale: scale, Gap: gap, GroupEvery: every})
		if err != nil {
			t.Fatal(err)
		}
		perRow = min(perRow, n)
		r := (n + perRow - 1) / perRow
		g := (r + every - 1) / every
		want := image.Pt(gap+perRow*(cols*scale+gap), g*gap+r*(rows*scale+gap)+(g-1)*4*scale)
		if img.Bounds().Size() != want {
			t.Fatalf("size %v, want %v", img.Bounds().Size(), want)
		}
		for k, v := range pixels {
			tile, row, col := k/(rows*cols), k/cols%rows, k%cols
			i, j := tile/perRow, tile%perRow
			x := gap + j*(cols*scale+gap) + col*scale
			y := gap + i*(rows*scale+gap) + i/every*(gap+4*scale) + row*scale
			for _, d := range []int{0, scale - 1} {
				if got := img.GrayAt(x+d, y+d).Y; got != uint8(math.Round(float64(v*255))) {
					t.Fatalf("image %d row %d column %d is %d at (%d,%d), want %g·255", tile, row, col, got, x+d, y+d, v)
				}
			}
		}
	})
}

// tiles returns the tiles of a figure of single-pixel images by finding the
// frames: from the top, the values of the pixels in each row of tiles.
func tiles(img *image.Gray, scale, gap int) [][]uint8 {
	var rows [][]uint8
	b := img.Bounds()
	for y := b.Min.Y + gap; y < b.Max.Y-gap; y++ {
		var row []uint8
		for x := b.Min.X + gap; x < b.Max.X-gap; x++ {
			corner := img.GrayAt(x-gap, y-gap).Y == frame && img.GrayAt(x-1, y-1).Y == frame &&
				img.GrayAt(x-1, y+scale-1).Y == frame && img.GrayAt(x+scale-1, y-1).Y == frame
			if v := img.GrayAt(x, y).Y; corner && v != frame {
				row = append(row, v)
			}
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	return rows
}

func TestPairsOrder(t *testing.T) {
	originals := []float32{10. / 255, 20. / 255, 30. / 255}
	reconstructions := []float32{11. / 255, 21. / 255, 31. / 255}
	img, err := Pairs(originals, reconstructions, 1, 1, 2, GridOptions{Scale: 20, Gap: 3})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]uint8{{10, 20}, {11, 21}, {30}, {31}}
	if diff := cmp.Diff(want, tiles(img, 20, 3)); diff != "" {
		t.Errorf("tiles (-want +got):\n%s", diff)
	}
}

// inkLeft reports whether text stands left of x in rows y0 to y1.
func inkLeft(img *image.Gray, x, y0, y1 int) bool {
	for y := y0; y < y1; y++ {
		for i := range x {
			if img.GrayAt(i, y).Y < frame {
				return true
			}
		}
	}
	return false
}

func TestLabelsStandBesideTheirRows(t *testing.T) {
	const scale, rows = 30, 3
	opt := GridOptions{Scale: scale, Gap: 2}
	img, err := LabelledRows([]float32{1, 1, 1}, 1, 1, 1, []string{"z7  KL 2.31", "", "z0"}, opt)
	if err != nil {
		t.Fatal(err)
	}
	b := img.Bounds()
	left := b.Max.X - b.Min.X
	for x := b.Max.X - 1; x >= 0; x-- { // leftmost frame pixel of the middle row
		if img.GrayAt(x, b.Dy()/2).Y == frame {
			left = x
		}
	}
	middle := b.Dy() / 2
	for i, want := range []bool{true, false, true} {
		y := middle + (i-1)*(scale+2)
		if got := inkLeft(img, left, y-scale/2, y+scale/2); got != want {
			t.Errorf("row %d has a label: %v, want %v", i, got, want)
		}
	}
}

func TestTitleAndColumnLabels(t *testing.T) {
	bare, err := Grid(make([]float32, 6), 1, 1, 3, GridOptions{Scale: 40})
	if err != nil {
		t.Fatal(err)
	}
	full, err := Grid(make([]float32, 6), 1, 1, 3, GridOptions{Scale: 40,
		Title: strings.Repeat("a long title ", 20), ColumnLabels: []string{"−1", "0", "1"}})
	if err != nil {
		t.Fatal(err)
	}
	if full.Rect.Dy() <= bare.Rect.Dy() || full.Rect.Dx() <= bare.Rect.Dx() {
		t.Errorf("size %v with text, %v without", full.Rect.Size(), bare.Rect.Size())
	}
	wantMargin(t, full)
}

// wantMargin checks that the outermost pixels show the page and nothing else.
func wantMargin(t *testing.T, img *image.Gray) {
	t.Helper()
	for x := range img.Rect.Dx() {
		for y := range img.Rect.Dy() {
			if !image.Pt(x, y).In(img.Rect.Inset(1)) && img.GrayAt(x, y).Y != page {
				t.Fatalf("ink at the edge, (%d,%d)", x, y)
			}
		}
	}
}

// TestWideColumnLabels: labels wider than a column leave some out, so that none
// runs into the next, and none is cut off at the edge.
func TestWideColumnLabels(t *testing.T) {
	draw := func(labels ...string) *image.Gray {
		img, err := Grid(make([]float32, 4), 1, 1, 4, GridOptions{Scale: 40, Gap: 1, ColumnLabels: labels})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	all := draw("mmmmm", "mmmmm", "mmmmm", "mmmmm")
	if diff := cmp.Diff(draw("mmmmm", "", "mmmmm", ""), all); diff != "" {
		t.Error("labels wider than a column are all drawn")
	}
	if cmp.Equal(draw("mmmmm", "", "", ""), all) {
		t.Error("the third label is missing")
	}
	wantMargin(t, all)
	three, err := Grid(make([]float32, 3), 1, 1, 3, GridOptions{Scale: 40, Gap: 1, ColumnLabels: []string{"mmmmmmmm", "", "mmmmmmmm"}})
	if err != nil {
		t.Fatal(err)
	}
	wantMargin(t, three)
	wantMargin(t, draw("a label far wider than all columns taken together", "", "", ""))
}

func TestGridErrors(t *testing.T) {
	ok := make([]float32, 8)
	for _, tt := range []struct {
		what               string
		images             []float32
		rows, cols, perRow int
		opt                GridOptions
		want               string
	}{
		{"no images", nil, 2, 2, 1, GridOptions{}, "figure: grid: no images"},
		{"zero rows", ok, 0, 2, 1, GridOptions{}, "figure: grid: image size 0x2 is not positive"},
		{"negative columns", ok, 2, -2, 1, GridOptions{}, "figure: grid: image size 2x-2 is not positive"},
		{"zero a row", ok, 2, 2, 0, GridOptions{}, "figure: grid: 0 images in a row: want at least 1"},
		{"part of an image", ok, 3, 2, 1, GridOptions{}, "figure: grid: 8 pixels are not a whole number of 3x2 images"},
		{"overflowing size", ok, 1 << 32, 1 << 32, 1, GridOptions{}, "figure: grid: 8 pixels are not a whole number of 4294967296x4294967296 images"},
		{"scale", ok, 2, 2, 1, GridOptions{Scale: -1}, "figure: grid: scale -1: want 1 to 1024, or 0 for the default"},
		{"gap", ok, 2, 2, 1, GridOptions{Gap: -2}, "figure: grid: gap -2: want 1 to 1024, 0 for the default or -1 for none"},
		{"groups", ok, 2, 2, 1, GridOptions{GroupEvery: -1}, "figure: grid: groups of -1 rows: want 0 or more"},
		{"column labels", ok, 2, 2, 2, GridOptions{ColumnLabels: []string{"a"}}, "figure: grid: 1 column labels for 2 columns"},
		{"area", make([]float32, 1<<10), 1, 1, 1 << 5, GridOptions{Scale: 1 << 10}, "figure: grid: a figure of 66560x66560 pixels is too large"},
	} {
		_, err := Grid(tt.images, tt.rows, tt.cols, tt.perRow, tt.opt)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %q, want %q", tt.what, err, tt.want)
		}
	}
	if _, err := Pairs(ok, ok[:4], 2, 2, 1, GridOptions{}); err == nil || err.Error() != "figure: pairs: 8 pixels of originals, 4 of reconstructions" {
		t.Errorf("pairs of different lengths: error %q", err)
	}
	if _, err := LabelledRows(ok, 2, 2, 1, []string{"a"}, GridOptions{}); err == nil || err.Error() != "figure: labelled rows: 1 labels for 2 rows of images" {
		t.Errorf("labels: error %q", err)
	}
}

func TestEncodePNG(t *testing.T) {
	draw := func() (*image.Gray, []byte) {
		img, err := LabelledRows([]float32{0, 0.25, 0.5, 1}, 2, 2, 1, []string{"z1"}, GridOptions{Scale: 9})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := EncodePNG(&b, img); err != nil {
			t.Fatal(err)
		}
		return img, b.Bytes()
	}
	img, first := draw()
	if _, second := draw(); !bytes.Equal(first, second) {
		t.Error("the same figure gave different bytes")
	}
	back, err := png.Decode(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(img, back); diff != "" {
		t.Errorf("decoded image differs (-want +got):\n%s", diff)
	}
	var none *image.Gray
	for _, img := range []image.Image{nil, none, image.NewGray(image.Rectangle{})} {
		if err := EncodePNG(&bytes.Buffer{}, img); err == nil || !strings.HasPrefix(err.Error(), "figure: encode PNG: ") {
			t.Errorf("encoding %v: error %v", img, err)
		}
	}
}
