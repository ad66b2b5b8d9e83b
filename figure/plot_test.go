package figure

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// count returns how many pixels of img have exactly the colour c.
func count(img image.Image, c color.NRGBA) int {
	n := 0
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			if color.NRGBAModel.Convert(img.At(x, y)) == c {
				n++
			}
		}
	}
	return n
}

func decode(t *testing.T, b *bytes.Buffer, err error) image.Image {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func drawCurves(t *testing.T, panels ...Panel) image.Image {
	t.Helper()
	var b bytes.Buffer
	err := Curves(&b, "Learning curves", panels...)
	return decode(t, &b, err)
}

func TestCurvesShowEverySeries(t *testing.T) {
	x := []float64{1, 2, 3}
	img := drawCurves(t, Panel{Title: "ELBO", XLabel: "epoch", YLabel: "nats per image", Curves: []Curve{
		{"train", x, []float64{-200, -120, -100}},
		{"test", x, []float64{-190, -125, -108}},
	}})
	for i, c := range curveColors {
		// Two curves some 600 pixels long and 3 wide; no trace of the other colours.
		if n := count(img, c); (n > 1000) != (i < 2) || i >= 2 && n > 0 {
			t.Errorf("colour %d: %d pixels", i, n)
		}
	}
}

// TestSingleEpoch: one point has no line, so a marker must show it beside the
// one in the legend.
func TestSingleEpoch(t *testing.T) {
	panel := func(y float64) Panel {
		return Panel{Title: "Rate", Curves: []Curve{{"train", []float64{1}, []float64{y}}}}
	}
	shown := count(drawCurves(t, panel(25)), curveColors[0])
	legend := count(drawCurves(t, panel(math.NaN())), curveColors[0])
	if shown < legend+50 {
		t.Errorf("%d blue pixels with the point, %d with the legend alone", shown, legend)
	}
}

// TestLonePointsShow: in a curve too long for markers, points with bad neighbours
// have them all the same, as no line reaches them.
func TestLonePointsShow(t *testing.T) {
	blue := func(even float64) int {
		var c Curve
		for i := range 100 {
			y := math.NaN()
			if i%2 == 0 {
				y = even
			}
			c.X, c.Y = append(c.X, float64(i)), append(c.Y, y)
		}
		return count(drawCurves(t, Panel{Curves: []Curve{c}}), curveColors[0])
	}
	if shown, legend := blue(0), blue(math.NaN()); shown < legend+1000 {
		t.Errorf("%d blue pixels with the points, %d with the legend alone", shown, legend)
	}
}

// TestSkippedNote: a plot that leaves points out says so in grey.
func TestSkippedNote(t *testing.T) {
	grey := color.NRGBA{R: fadedInk.Y, G: fadedInk.Y, B: fadedInk.Y, A: 255}
	x := []float64{1, 2, 3}
	for _, tt := range []struct {
		y    float64
		want bool
	}{{2, false}, {math.NaN(), true}} {
		y := []float64{1, tt.y, 3}
		if got := count(drawCurves(t, Panel{Curves: []Curve{{"a", x, y}}}), grey) > 20; got != tt.want {
			t.Errorf("curve through %v: note %v, want %v", y, got, tt.want)
		}
		var b bytes.Buffer
		err := Scatter(&b, "", "", "", x, y, []uint8{0, 0, 0})
		if got := count(decode(t, &b, err), grey) > 20; got != tt.want {
			t.Errorf("scatter of %v: note %v, want %v", y, got, tt.want)
		}
	}
}

func TestPaddedSpan(t *testing.T) {
	for _, tt := range []struct{ values, want []float64 }{
		{[]float64{10, 0}, []float64{-0.5, 10.5}},
		{[]float64{-100}, []float64{-101, -99}},
		{[]float64{1, 1 + 0x1p-52}, []float64{0.99, 1.01}}, // too narrow for ticks
		{[]float64{0}, []float64{-0.5, 0.5}},
		{nil, []float64{-0.05, 1.05}},
	} {
		s := spanOf(tt.values).padded()
		if math.Abs(s.min-tt.want[0]) > 1e-12 || math.Abs(s.max-tt.want[1]) > 1e-12 {
			t.Errorf("values %v: axis from %g to %g, want %g", tt.values, s.min, s.max, tt.want)
		}
	}
}

func TestEpochsHaveWholeTicks(t *testing.T) {
	for _, tt := range []struct {
		x    float64
		want ticker
	}{{2, ticker{whole: true}}, {2.5, ticker{}}} {
		p := (&Panel{Curves: []Curve{{"a", []float64{1, tt.x}, []float64{3, 4}}}}).plot()
		if p.X.Tick.Marker != tt.want {
			t.Errorf("x up to %g: %+v, want %+v", tt.x, p.X.Tick.Marker, tt.want)
		}
		if p.Y.Tick.Marker != (ticker{}) {
			t.Errorf("y of whole numbers: %+v, want ticks anywhere", p.Y.Tick.Marker)
		}
	}
}

func TestRunsBreakAtBadPoints(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	c := Curve{X: []float64{1, 2, nan, 4, 5, 6, 7}, Y: []float64{1, 2, 3, 4, inf, 1e31, 7}}
	var got [][]float64
	for _, run := range c.runs() {
		var xs []float64
		for _, p := range run {
			xs = append(xs, p.X)
		}
		got = append(got, xs)
	}
	if diff := cmp.Diff([][]float64{{1, 2}, {4}, {7}}, got); diff != "" {
		t.Errorf("x of the runs (-want +got):\n%s", diff)
	}
}

// extremes are values that have broken axes before: none may panic or hang.
var extremes = [][]float64{
	{0}, {math.Copysign(0, -1)}, {5e-324, 0}, {1e30, -1e30}, {1e30}, {1e30, 1e30 * (1 - 1e-15)}, {1e15, 1e15 + 1},
	{1e-12, 2e-12}, {math.MaxFloat64, -math.MaxFloat64}, {math.NaN()}, {math.Inf(1), math.Inf(-1), 3}, {-100, -100, -100},
}

func TestExtremeValues(t *testing.T) {
	var panels []Panel
	for _, v := range extremes {
		zeros := make([]float64, len(v))
		panels = append(panels, Panel{Curves: []Curve{{"", v, v}}}, Panel{Curves: []Curve{{"", v, zeros}}})
		if err := Scatter(io.Discard, "", "", "", v, zeros, make([]uint8, len(v))); err != nil {
			t.Errorf("scatter of x %g: %v", v, err)
		}
	}
	if err := Curves(io.Discard, "", panels...); err != nil {
		t.Error(err)
	}
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		min, max float64
		whole    bool
		want     []string
	}{
		{0.5, 1.5, true, []string{"1"}},
		{0.8, 5.2, true, []string{"1", "2", "3", "4", "5"}},
		{-1, 21, true, []string{"0", "5", "10", "15", "20"}},
		{-182, -97, false, []string{"−180", "−160", "−140", "−120", "−100"}},
		{-0.5, 0.5, false, []string{"−0.4", "−0.2", "0", "0.2", "0.4"}},
		{12.8085, 12.8195, false, []string{"12.810", "12.815"}},
		{-1e30, 1e30, false, []string{"−1e+30", "−5e+29", "0", "5e+29", "1e+30"}},
		{-1e-6, 1e-6, false, []string{"−1e−06", "−5e−07", "0", "5e−07", "1e−06"}},
		{99999990, 100000010, false, []string{"99999990", "99999995", "100000000", "100000005", "100000010"}},
	} {
		var got []string
		for _, tick := range (ticker{tt.whole}).Ticks(tt.min, tt.max) {
			got = append(got, tick.Label)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("ticks from %g to %g (-want +got):\n%s", tt.min, tt.max, diff)
		}
	}
}

func TestScatterShowsEveryClass(t *testing.T) {
	var x, y []float64
	var labels []uint8
	for i := range 36 { // four points each of classes 0 to 8: too few to be named
		x, y = append(x, float64(i)), append(y, float64(i*i%7))
		labels = append(labels, uint8(i%9))
	}
	var b bytes.Buffer
	err := Scatter(&b, "Posterior means", "mu[0]", "mu[1]", x, y, labels)
	img := decode(t, &b, err)
	for label, c := range classColors {
		present := label != 9
		// The legend's dot is opaque: π·(4.5·144/72)² ≈ 254 pixels.
		if n := count(img, c); (n > 200) != present {
			t.Errorf("class %d: %d pixels in the legend", label, n)
		}
		// The points are translucent: 4·π·(3.2·144/72)² ≈ 515 pixels.
		c.A = 230
		if n := countOnWhite(img, c); (n > 200) != present {
			t.Errorf("class %d: %d pixels of points", label, n)
		}
	}
}

// TestScatterNamesBigClasses: ten points have the black name of their class
// among them, nine do not.
func TestScatterNamesBigClasses(t *testing.T) {
	for _, n := range []int{9, 10} {
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(i) // with an even n no point stands at the median
		}
		var b bytes.Buffer
		err := Scatter(&b, "", "", "", x, x, make([]uint8, n))
		img := decode(t, &b, err)
		if got := count(img, color.NRGBA{A: 255}) > 20; got != (n == 10) {
			t.Errorf("%d points: class named %v", n, got)
		}
	}
}

// TestScatterOrientation: x grows to the right, y upwards.
func TestScatterOrientation(t *testing.T) {
	var b bytes.Buffer
	err := Scatter(&b, "", "", "", []float64{0, 10, 0}, []float64{0, 0, 5}, []uint8{0, 3, 7})
	img := decode(t, &b, err)
	at := func(label int) image.Point { // the middle of the point
		c := classColors[label]
		c.A = 230
		box := onWhite(img, c)
		if box.Empty() {
			t.Fatalf("the point of class %d is not there", label)
		}
		return box.Min.Add(box.Max).Div(2)
	}
	right, up := at(3).Sub(at(0)), at(7).Sub(at(0))
	if !(right.X > 100) || !(up.Y < -50) || max(right.Y, -right.Y, up.X, -up.X) > 2 || max(right.X+2*up.Y, -right.X-2*up.Y) > 4 {
		t.Errorf("(10,0) lies at %v, (0,5) at %v from (0,0)", right, up)
	}
}

// countOnWhite counts the pixels that show the translucent colour c over white.
func countOnWhite(img image.Image, c color.NRGBA) int {
	n := 0
	eachOnWhite(img, c, func(_, _ int) { n++ })
	return n
}

// onWhite is the box around these pixels.
func onWhite(img image.Image, c color.NRGBA) (box image.Rectangle) {
	eachOnWhite(img, c, func(x, y int) { box = box.Union(image.Rect(x, y, x+1, y+1)) })
	return box
}

func eachOnWhite(img image.Image, c color.NRGBA, f func(x, y int)) {
	opacity := float64(c.A) / 255
	shows := func(got, v uint8) bool {
		return math.Abs(float64(got)-(float64(v)*opacity+255*(1-opacity))) <= 1
	}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			p := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if shows(p.R, c.R) && shows(p.G, c.G) && shows(p.B, c.B) {
				f(x, y)
			}
		}
	}
}

// TestScatterAspect: the corners of a square of points are as far apart across
// as upwards, to the pixel, though the area is not square and x spans more.
func TestScatterAspect(t *testing.T) {
	x := []float64{0, 10, 0, 40}
	y := []float64{0, 0, 10, 5}
	var b bytes.Buffer
	err := Scatter(&b, "", "a", "b", x, y, []uint8{0, 0, 0, 1})
	img := decode(t, &b, err)
	var box image.Rectangle // of all pixels in the blue of class 0, left of the legend
	for py := range img.Bounds().Dy() {
		for px := range img.Bounds().Dx() * 4 / 5 {
			if r, _, b, _ := img.At(px, py).RGBA(); r>>8 < 0x40 && b>>8 > 0x90 {
				box = box.Union(image.Rect(px, py, px+1, py+1))
			}
		}
	}
	if d := box.Dx() - box.Dy(); box.Dx() < 100 || d < -1 || d > 1 {
		t.Errorf("a square of points is drawn %d pixels wide, %d high", box.Dx(), box.Dy())
	}
}

func TestPlotsAreDeterministic(t *testing.T) {
	draw := func() []byte {
		var b bytes.Buffer
		v := []float64{1, 3, 2}
		if err := Curves(&b, "t", Panel{Title: "p", Curves: []Curve{{"a", v, v}, {"b", v, v}}}); err != nil {
			t.Fatal(err)
		}
		if err := Scatter(&b, "t", "x", "y", v, v, []uint8{0, 1, 2}); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if !bytes.Equal(draw(), draw()) {
		t.Error("the same data gave different bytes")
	}
}

func TestPlotErrors(t *testing.T) {
	two := []float64{1, 2}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{Curves(nil, "t"), "figure: curves: 0 panels: want 1 to 24"},
		{Curves(nil, "t", make([]Panel, 25)...), "figure: curves: 25 panels: want 1 to 24"},
		{Curves(nil, "t", Panel{Title: "ELBO"}), `figure: curves: panel 0 "ELBO" has no curves`},
		{Curves(nil, "t", Panel{Title: "ELBO", Curves: []Curve{{"test", two, two[:1]}}}), `figure: curves: panel 0 "ELBO", curve "test": 2 x values, 1 y values`},
		{Curves(nil, "t", Panel{Title: "ELBO", Curves: []Curve{{"test", nil, nil}}}), `figure: curves: panel 0 "ELBO", curve "test" has no points`},
		{Scatter(nil, "t", "", "", nil, nil, nil), "figure: scatter: no points"},
		{Scatter(nil, "t", "", "", two, two[:1], []uint8{1, 2}), "figure: scatter: 2 x values, 1 y values, 2 labels"},
		{Scatter(nil, "t", "", "", two, two, []uint8{1}), "figure: scatter: 2 x values, 2 y values, 1 labels"},
		{Scatter(nil, "t", "", "", two, two, []uint8{1, 10}), "figure: scatter: label 10 of point 1: want 0 to 9"},
	} {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("error %q, want %q", tt.err, tt.want)
		}
	}
}

// TestPanicsBecomeErrors: whatever gonum/plot makes of data, the caller gets an
// error and no file.
func TestPanicsBecomeErrors(t *testing.T) {
	var b bytes.Buffer
	err := renderPNG(&b, "curves", vg.Inch, vg.Inch, func(draw.Canvas) { panic("illegal range") })
	if want := "figure: curves: gonum/plot: illegal range"; err == nil || err.Error() != want || b.Len() != 0 {
		t.Errorf("error %v and %d bytes, want %q and none", err, b.Len(), want)
	}
}
