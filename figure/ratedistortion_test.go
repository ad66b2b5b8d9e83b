package figure

import (
	"bytes"
	"image"
	"image/color"
	"io"
	"math"
	"testing"
)

func drawRates(t *testing.T, points ...RatePoint) image.Image {
	t.Helper()
	var b bytes.Buffer
	err := RateDistortion(&b, "Rate and distortion", points)
	return decode(t, &b, err)
}

var sweep = []RatePoint{{38, 62, "β = 0.25"}, {27, 75, "β = 1"}, {15, 95, "β = 4"}, {2, 190, "β = 30"}}

// TestRateDistortionShowsPoints: each point has a marker, a label in ink, and a
// line to the next one.
func TestRateDistortionShowsPoints(t *testing.T) {
	dark := color.NRGBA{R: ink.Y, G: ink.Y, B: ink.Y, A: 255}
	var blue, text []int
	for n := range len(sweep) + 1 {
		points := make([]RatePoint, len(sweep))
		for i := range points {
			points[i] = sweep[i]
			if i >= n {
				points[i].Label = ""
			}
		}
		text = append(text, count(drawRates(t, points...), dark))
		if n > 0 {
			blue = append(blue, count(drawRates(t, sweep[:n]...), curveColors[0]))
		}
	}
	for i := range sweep {
		if text[i+1] < text[i]+20 {
			t.Errorf("label %d adds %d pixels of ink", i, text[i+1]-text[i])
		}
	}
	// A marker is a disc of π·(2.75·144/72)² ≈ 95 pixels, less its blended edge.
	if blue[0] < 60 || blue[1] < blue[0]+300 || blue[2] < 500 {
		t.Errorf("blue pixels of one point, two, …: %v", blue)
	}
}

// TestRateDistortionConstant: the dashed line is that of the highest ELBO, from edge
// to edge of the axes, and is drawn.
func TestRateDistortionConstant(t *testing.T) {
	if elbo, ok := newPlane(sweep).elbo(); elbo != -100 || !ok {
		t.Errorf("highest ELBO %v, %v", elbo, ok)
	}
	if _, ok := newPlane([]RatePoint{{math.NaN(), 1, ""}}).elbo(); ok {
		t.Error("an ELBO of no points")
	}
	for _, tt := range []struct {
		x, y     span
		from, to float64
	}{
		{span{0, 40}, span{50, 200}, 0, 40},  // from the left edge to the right one
		{span{0, 60}, span{50, 200}, 0, 50},  // to the lower one
		{span{0, 60}, span{50, 80}, 20, 50},  // from the upper one
		{span{10, 30}, span{50, 80}, 20, 30}, // to the right one
	} {
		if from, to := within(-100, tt.x, tt.y); from != tt.from || to != tt.to {
			t.Errorf("axes %v, %v: from %v to %v, want %v to %v", tt.x, tt.y, from, to, tt.from, tt.to)
		}
	}
	// Dashes of 6 points with gaps of 3 along 400 points and more: some 500 pixels a
	// point wide, half of them not blended.
	grey := color.NRGBA{R: axisInk.Y, G: axisInk.Y, B: axisInk.Y, A: 255}
	with := count(drawRates(t, sweep...), grey)
	if none := count(drawRates(t, RatePoint{math.NaN(), 1, ""}), grey); with < none+250 {
		t.Errorf("%d grey pixels with a line, %d with the axes alone", with, none)
	}
}

// TestRateDistortionExtremes: none may panic or hang.
func TestRateDistortionExtremes(t *testing.T) {
	for _, v := range extremes {
		var points []RatePoint
		for _, x := range v {
			points = append(points, RatePoint{x, -x, "a"}, RatePoint{x, x, ""}, RatePoint{0, x, "β"})
		}
		if err := RateDistortion(io.Discard, "", points); err != nil {
			t.Errorf("%g: %v", v, err)
		}
	}
}

func TestRateDistortionSkips(t *testing.T) {
	grey := color.NRGBA{R: fadedInk.Y, G: fadedInk.Y, B: fadedInk.Y, A: 255}
	for _, tt := range []struct {
		distortion float64
		want       bool
	}{{80, false}, {math.Inf(1), true}} {
		if got := count(drawRates(t, sweep[0], RatePoint{20, tt.distortion, ""}, sweep[3]), grey) > 20; got != tt.want {
			t.Errorf("distortion %v: note %v, want %v", tt.distortion, got, tt.want)
		}
	}
}

func TestRateDistortionErrors(t *testing.T) {
	if err := RateDistortion(io.Discard, "t", nil); err == nil || err.Error() != "figure: rate and distortion: no points" {
		t.Errorf("error %v", err)
	}
	var a, b bytes.Buffer
	if RateDistortion(&a, "t", sweep) != nil || RateDistortion(&b, "t", sweep) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same points gave different bytes")
	}
}
