package main

import (
	"cmp"
	"runtime"
	"slices"
	"time"
)

// A round is one turn of each side.
type round struct {
	took   []float64 // by each side, seconds or bytes
	values []float64 // that each side computed
	fma    float64   // FLOP/s that the machine was capable of
	others float64   // share of all cores that other programs took while a side was at turn
}

// tolerable is the share of the cores that other programs may take. Threads that
// spin while they wait for each other suffer beyond all measure when somebody
// else has one of the cores, and PyTorch's do: such a round says nothing.
const tolerable = 0.05

// collect returns n rounds. Those that others disturbed are repeated, up to 2·n
// of them; if that is not enough, the quietest are returned.
func collect(n int, one func() (round, error)) ([]round, error) {
	var all []round
	for quiet := 0; quiet < n && len(all) < 3*n; {
		r, err := one()
		if err != nil {
			return nil, err
		}
		if r.others <= tolerable {
			quiet++
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b round) int {
		return cmp.Compare(max(a.others, tolerable), max(b.others, tolerable))
	})
	return all[:n], nil
}

// waitForQuiet returns when no other program is at work, or when patience is at
// an end. It is called while all sides are stopped.
func (d *driver) waitForQuiet() {
	for d.patience > 0 && d.ctx.Err() == nil {
		m := newMeter()
		time.Sleep(100 * time.Millisecond)
		if m.others(0) <= tolerable {
			return
		}
		d.patience -= 100 * time.Millisecond
	}
}

// column returns what one side took, round by round.
func column(rounds []round, side int) []float64 {
	c := make([]float64, len(rounds))
	for i, r := range rounds {
		c[i] = r.took[side]
	}
	return c
}

// A meter tells what other programs take of the processor.
type meter struct {
	busy  float64
	start time.Time
}

func newMeter() meter { return meter{busy(), time.Now()} }

// others returns the share of all cores that others than the side at turn have
// taken since the meter was made. Processor time is counted in ticks: two of
// them are not held against anybody.
func (m meter) others(own float64) float64 {
	capacity := time.Since(m.start).Seconds() * float64(runtime.NumCPU())
	return max(0, busy()-m.busy-own-0.02) / capacity
}
