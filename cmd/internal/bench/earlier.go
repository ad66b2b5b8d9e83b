package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
)

// slower is what the time of a line may be at most, as a part of an earlier program's: the
// upper end of the 95 % interval of the median ratio.
const slower = 1.02

// compare measures the lines beside an earlier program. Those that hold the levels of one
// program against each other are left out.
func (d *driver) compare(r *report) error {
	for _, l := range lines(d.o.quick) {
		if !d.o.only.MatchString(l.name) || l.against == ourselves {
			continue
		}
		progress("%s", l.name)
		res, err := d.line(l)
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		r.earlier = append(r.earlier, res)
	}
	return nil
}

// changes tabulates how the lines compare with those of an earlier program.
func (r *report) changes(w io.Writer) {
	if len(r.earlier) == 0 {
		return
	}
	t := table{head: []string{"Work", "govae", "earlier", "median of ratios", "95 % of it", "at most", "held", "others took", "computed"}}
	for _, l := range r.earlier {
		ours, earlier := column(l.rounds, 0), column(l.rounds, 1)
		ratios := make([]float64, len(ours))
		for i := range ratios {
			ratios[i] = ours[i] / earlier[i]
		}
		low, high := interval(ratios)
		held, format := "yes", seconds
		if high > slower {
			held = "no"
		}
		if l.memory {
			format = megabytes
		}
		last, others := l.rounds[len(l.rounds)-1].values, disturbance(l.rounds)
		t.add(l.name, spread(ours, format), spread(earlier, format), fmt.Sprintf("%.3f", median(ratios)), fmt.Sprintf("%.3f–%.3f", low, high),
			fmt.Sprint(slower), held+disturbed(others), percent(others), fmt.Sprintf("%.4g, %.4g", last[0], last[1]))
	}
	fmt.Fprint(w, "\n## Against the earlier program\n\n")
	t.write(w)
	fmt.Fprint(w, "\nRatios are of turns side by side, govae's time over the earlier program's: below 1 is faster. A line holds if the upper end of\n",
		"the interval is at most what stands there.\n")
}

// interval is the middle 95 % of the medians of 10,000 samples drawn from the values with
// replacement: the bootstrap interval of their median. Its seed is fixed.
//
// Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, section 13.3.
func interval(values []float64) (low, high float64) {
	r, drawn := rand.New(rand.NewPCG(1, 0)), make([]float64, len(values))
	medians := make([]float64, 10000)
	for i := range medians {
		for j := range drawn {
			drawn[j] = values[r.IntN(len(values))]
		}
		medians[i] = median(drawn)
	}
	slices.Sort(medians)
	return medians[len(medians)/40], medians[len(medians)-1-len(medians)/40]
}
