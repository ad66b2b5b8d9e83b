package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// machine is what a figure depends on besides the code.
type machine struct {
	CPU          string
	Cores        int
	Go, Level    string
	Peers        []string
	Rounds       int
	Peak1, Peak2 float64 // FLOP/s on one and on two cores
}

// A report is all that was measured.
type report struct {
	machine machine
	notes   []string
	results []result
	earlier []result // beside an earlier program
	curves  []curve
	gemms   []product
}

// markdown writes the report.
func (r *report) markdown(w io.Writer) {
	m := r.machine
	fmt.Fprint(w, "\n")
	fmt.Fprintf(w, "%s; %d cores, %d used. %s, SIMD level %s.", m.CPU, m.Cores, threads, m.Go, m.Level)
	for _, p := range m.Peers {
		fmt.Fprintf(w, " %s.", p)
	}
	fmt.Fprintf(w, "\nFMA peak %.0f GFLOP/s on one core, %.0f on two. %d rounds; median (lowest–highest).\n", m.Peak1/1e9, m.Peak2/1e9, m.Rounds)
	for _, n := range r.notes {
		fmt.Fprintf(w, "\n%s\n", n)
	}
	r.ratios(w, "\n## Against PyTorch\n\n", "PyTorch", pytorch)
	r.ratios(w, "\n## Against the AVX-512 level\n\n", "govae, highest level", ourselves)
	if len(r.results) > 0 {
		fmt.Fprint(w, "\nA target is reached if both ratios reach it. Others are programs besides the two sides: the largest share of the cores that\n",
			"they took in a round. Rounds in which it was over ", percent(tolerable), " were repeated, as far as that helped. Computed is what came out on\n",
			"either side, as a check: the last epoch's loss or log p(x) in nats an image, or the mean pixel of the images.\n")
	}
	r.changes(w)
	r.limits(w)
	if len(r.curves) > 0 {
		curveTable(w, r.curves)
	}
	r.products(w)
}

// ratios tabulates how the sides compare.
func (r *report) ratios(w io.Writer, title, peer string, against int) {
	rows := slices.DeleteFunc(slices.Clone(r.results), func(r result) bool { return r.against != against })
	if len(rows) == 0 {
		return
	}
	t := table{head: []string{"Work", "govae", peer, "ratio of medians", "median of ratios", "target", "reached", "others took", "computed"}}
	for _, l := range rows {
		ours, peer := column(l.rounds, 0), column(l.rounds, 1)
		of, pairs := ratio(ours, peer)
		format, target := seconds, fmt.Sprintf("%g×", l.want)
		if l.memory {
			format = megabytes
		}
		if l.floor > 0 {
			target += fmt.Sprintf(" (floor %g×)", l.floor)
		}
		if l.most > 0 {
			target += ", under " + format(l.most)
		}
		last := l.rounds[len(l.rounds)-1].values
		others := disturbance(l.rounds)
		verdict := reached(l.line, ours, math.Min(of, pairs)) + disturbed(others)
		t.add(l.name, spread(ours, format), spread(peer, format), fmt.Sprintf("%.2f", of), fmt.Sprintf("%.2f", pairs), target,
			verdict, percent(others), fmt.Sprintf("%.4g, %.4g", last[0], last[1]))
	}
	io.WriteString(w, title)
	t.write(w)
}

// disturbed qualifies a verdict from rounds in which others took too much.
func disturbed(others float64) string {
	if others > tolerable {
		return ", disturbed"
	}
	return ""
}

// disturbance is the largest share of the cores that others took in a round.
func disturbance(rounds []round) float64 {
	most := 0.0
	for _, r := range rounds {
		most = max(most, r.others)
	}
	return most
}

// reached judges a line by the lower of its ratios and by its limit.
func reached(l line, ours []float64, ratio float64) string {
	switch {
	case l.most > 0 && median(ours) > l.most:
		return "no"
	case ratio >= l.want:
		return "yes"
	case l.floor > 0 && ratio >= l.floor:
		return "above the floor"
	}
	return "no"
}

// limits tabulates how far our side is from the machine's limit.
func (r *report) limits(w io.Writer) {
	t := table{head: []string{"Work", "MFLOP an image", "images/s", "GFLOP/s", "FMA peak beside it", "of the peak", "PyTorch, of the peak", "target", "reached"}}
	for _, l := range r.results {
		if l.flop == 0 {
			continue
		}
		ours, peer, fma := rates(l.flop, l.rounds, 0), rates(l.flop, l.rounds, 1), peaks(l.rounds)
		of := share(ours, fma)
		target, verdict := "", ""
		if l.peak > 0 {
			target = fmt.Sprintf("%s (floor %s)", percent(l.peak), percent(l.least))
			verdict = reached(line{want: l.peak, floor: l.least}, nil, of) + disturbed(disturbance(l.rounds))
		}
		t.add(l.name, fmt.Sprintf("%.3g", l.flop/l.images/1e6), fmt.Sprintf("%.0f", l.images/median(column(l.rounds, 0))), spread(ours, giga),
			spread(fma, giga), percent(of), percent(share(peer, fma)), target, verdict)
	}
	if len(t.rows) > 0 {
		fmt.Fprintf(w, "\n## Against the machine's limit\n\n")
		t.write(w)
		fmt.Fprint(w, "\nOnly matrix products count as FLOP, all of them in full: that govae leaves out pixels which are white in a whole batch\n",
			"(three of eight at batch 128, that is 14 % of an epoch's FLOP) counts as work done. The peak is that of the same number of cores, measured\n",
			"before each turn.\n")
	}
}

// rates are the FLOP/s of one side, round by round.
func rates(flop float64, rounds []round, side int) []float64 {
	a := column(rounds, side)
	for i, s := range a {
		a[i] = flop / s
	}
	return a
}

// peaks are the FLOP/s that the machine was capable of, round by round.
func peaks(rounds []round) []float64 {
	p := make([]float64, len(rounds))
	for i, r := range rounds {
		p[i] = r.fma
	}
	return p
}

// Targets of the matrix products: the geometric mean of the ratios to OpenBLAS,
// and the lowest of them.
const gemmMean, gemmLeast = 1.2, 0.9

// products tabulates the matrix products.
func (r *report) products(w io.Writer) {
	if len(r.gemms) == 0 {
		return
	}
	t := table{head: []string{"Product", "m×n×k", "govae, GFLOP/s", "OpenBLAS, GFLOP/s", "gonum, GFLOP/s", "times OpenBLAS", "times gonum", "of the FMA peak", "others took"}}
	var blas, gonum []float64
	least, others := "", 0.0
	for _, p := range r.gemms {
		op := map[bool]string{true: "ᵀ"}
		dims := fmt.Sprintf("%d×%d×%d, A%s·B%s", p.m, p.n, p.k, op[p.ta], op[p.tb])
		rate := func(side int) string { return spread(rates(p.flop(), p.rounds, side), giga) }
		ours := column(p.rounds, 1)
		_, overGonum := ratio(ours, column(p.rounds, 0))
		gonum = append(gonum, overGonum)
		overBLAS, blasRate := "", ""
		if len(p.rounds[0].took) > 2 {
			_, v := ratio(ours, column(p.rounds, 2))
			if len(blas) == 0 || v < slices.Min(blas) {
				least = p.name
			}
			blas = append(blas, v)
			overBLAS, blasRate = fmt.Sprintf("%.2f", v), rate(2)
		}
		others = max(others, disturbance(p.rounds))
		t.add(p.name, dims, rate(1), blasRate, rate(0), overBLAS, fmt.Sprintf("%.1f", overGonum), percent(share(rates(p.flop(), p.rounds, 1), peaks(p.rounds))), percent(disturbance(p.rounds)))
	}
	fmt.Fprintf(w, "\n## Matrix products\n\n")
	t.write(w)
	if len(blas) > 0 {
		fmt.Fprintf(w, "\nGeometric mean %.2f times OpenBLAS, target %g: %s. Lowest %.2f (%s), target %g: %s.", geomean(blas), gemmMean,
			reached(line{want: gemmMean}, nil, geomean(blas))+disturbed(others), slices.Min(blas), least, gemmLeast,
			reached(line{want: gemmLeast}, nil, slices.Min(blas))+disturbed(others))
	}
	fmt.Fprintf(w, "\nGeometric mean %.1f times gonum. Ratios are medians over the rounds.\n", geomean(gonum))
}

// spread is the median and the range of values.
func spread(v []float64, format func(float64) string) string {
	if len(v) == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%s–%s)", format(median(v)), format(slices.Min(v)), format(slices.Max(v)))
}

func seconds(v float64) string {
	if v < 1 {
		return fmt.Sprintf("%.3g ms", 1000*v)
	}
	return fmt.Sprintf("%.3g s", v)
}

func megabytes(v float64) string { return fmt.Sprintf("%.0f MB", v/1e6) }

func percent(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }

func giga(v float64) string { return fmt.Sprintf("%.0f", v/1e9) }

// A table is written as Markdown.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) {
	rule := make([]string, len(t.head))
	for i := range rule {
		rule[i] = "---"
	}
	for _, row := range append([][]string{t.head, rule}, t.rows...) {
		fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
	}
}
