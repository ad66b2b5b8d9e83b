package figure

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// ticker places ticks at multiples of 1, 2 or 5 times a power of ten.
type ticker struct {
	whole bool // no ticks between whole numbers
}

// Ticks implements plot.Ticker.
func (t ticker) Ticks(min, max float64) []plot.Tick {
	const about = 5 // ticks
	step := niceStep((max - min) / about)
	if t.whole {
		step = math.Max(step, 1)
	}
	var ticks []plot.Tick
	for k := math.Ceil(min / step); k*step <= max && len(ticks) < 4*about; k++ {
		ticks = append(ticks, plot.Tick{Value: k * step, Label: tickLabel(k*step, step)})
	}
	return ticks
}

// niceStep returns the least number not below x among 1, 2 and 5 times 10^k.
func niceStep(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if x <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// tickLabel writes v with the digits that step needs and a true minus sign.
func tickLabel(v, step float64) string {
	size := math.Abs(v)
	if size < step/2 { // zero of either sign
		return "0"
	}
	var s string
	if size >= 1e7 || size < 1e-4 {
		digits := 2 + int(math.Max(0, math.Log10(size/step)))
		s = strconv.FormatFloat(v, 'g', digits, 64)
	} else {
		decimals := int(math.Max(0, -math.Floor(math.Log10(step)+1e-9)))
		s = strconv.FormatFloat(v, 'f', decimals, 64)
	}
	return strings.ReplaceAll(s, "-", "−")
}
