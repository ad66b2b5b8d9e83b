package dist

import "math"

// LogSumExp accumulates log Σ exp(a_i) one term at a time, without overflow, in
// constant memory. The zero value is the empty sum, −Inf.
type LogSumExp struct {
	max, sum float64 // the result is max + log(sum), once sum > 0
}

// Add adds exp(a) to the sum.
func (l *LogSumExp) Add(a float64) {
	switch {
	case math.IsInf(a, -1):
	case l.sum == 0:
		l.max, l.sum = a, 1
	case a > l.max:
		l.sum = l.sum*math.Exp(l.max-a) + 1
		l.max = a
	default:
		l.sum += math.Exp(a - l.max)
	}
}

// Value returns the logarithm of the sum.
func (l *LogSumExp) Value() float64 {
	if l.sum == 0 {
		return math.Inf(-1)
	}
	return l.max + math.Log(l.sum)
}
