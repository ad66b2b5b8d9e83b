package main

import (
	"fmt"
	"strings"
	"time"

	"govae/internal/simd"
)

// threads is the number of cores that the targets are for.
const threads = 2

// what a line measures, and against whom.
const (
	pytorch = iota
	ourselves
)

// A line is one row of the table: a piece of work that both sides do.
type line struct {
	name    string
	against int
	threads int
	env     string   // of our side, when the peer is ourselves without it
	prepare []string // commands before the first turn; the measured one follows once, to warm up
	command string
	fresh   bool    // each turn is a new process, timed from its start
	memory  bool    // measured is not time but peak memory
	images  float64 // a turn
	flop    float64 // a turn
	want    float64 // ratio
	floor   float64 // lowest ratio that will do, 0 for want
	most    float64 // seconds or bytes that we may take, 0 for any number
	peak    float64 // wanted fraction of the FMA peak
	least   float64 // lowest that will do
}

// lines are the rows of the table. Short epochs where a whole one is long.
func lines(quick bool) []line {
	scale := 1
	if quick {
		scale = 6
	}
	epoch := func(name string, a architecture, batch, images int, want, floor float64) line {
		images /= scale
		return line{name: name, threads: threads, images: float64(images), flop: float64(images) * a.trainFLOP(), want: want, floor: floor,
			command: fmt.Sprintf("epoch batch=%d %s limit=%d", batch, a.args(), images)}
	}
	first := epoch("epoch, batch 128, 784-400-20", defaultModel, 128, 60000, 2.8, 2.2)
	first.peak, first.least = 0.50, 0.42
	wide, deep := defaultModel, architecture{784, []int{200, 200}, 50, "tanh"}
	wide.hidden = []int{1600}
	single := epoch("one thread, batch 128", defaultModel, 128, 30000, 1.9, 0)
	single.threads = 1
	avx2 := epoch("AVX2 level, batch 128", defaultModel, 128, 30000, 0.55, 0)
	avx2.against, avx2.env, avx2.flop = ourselves, "GOVAE_SIMD=avx2", 0

	const k, n = 5000, 20
	trained := epoch("", defaultModel, 128, 15000, 0, 0).command
	forward := line{name: "encode and decode 10,000 images", threads: threads, images: 10000, flop: 10000 * defaultModel.forwardFLOP(), want: 2,
		prepare: []string{trained}, command: "forward n=10000 repeat=3"}
	bound := line{name: fmt.Sprintf("log p(x), K=%d, %d images a turn", k, n), threads: threads, images: n, flop: n * defaultModel.logLikelihoodFLOP(k), want: 2,
		prepare: []string{trained}, command: fmt.Sprintf("loglik k=%d n=%d", k, n)}
	startup := line{name: "process start to end of first training step", threads: threads, fresh: true, want: 3, most: 1.2,
		command: "first batch=128 " + defaultModel.args()}
	memory := epoch("peak memory, one epoch (ours with test set, checkpoint, figures)", defaultModel, 128, 60000, 2, 0)
	memory.command = strings.Replace(memory.command, "epoch", "whole", 1)
	memory.fresh, memory.memory, memory.most, memory.images, memory.flop = true, true, 350e6, 0, 0

	return []line{
		first,
		epoch("epoch, batch 512", defaultModel, 512, 60000, 1.6, 1.3),
		epoch("epoch, batch 1000", defaultModel, 1000, 60000, 1.6, 1.3),
		epoch("epoch, hidden 1600, batch 128", wide, 128, 18000, 2.2, 0),
		epoch("epoch, batch 20, tanh, 784-200-200-50", deep, 20, 24000, 3, 0),
		single, forward, bound, startup, memory, avx2,
	}
}

// A result is a line with what was measured: took[0] is ours, took[1] the peer's.
type result struct {
	line
	rounds []round
}

// line measures one row.
func (d *driver) line(l line) (result, error) {
	ours, peer := d.ourSide(l.threads), d.torchSide(l.threads)
	if !l.memory {
		peer.env = append(peer.env, keepMemory...)
	}
	switch {
	case d.o.earlier != "":
		peer = d.ourSide(l.threads)
		peer.name, peer.argv = "earlier govae", append([]string{d.o.earlier}, peer.argv[1:]...)
	case l.against == ourselves:
		ours, peer = d.ourSide(l.threads, l.env), d.ourSide(l.threads)
	}
	if l.fresh {
		return d.fresh(l, ours, peer)
	}
	return d.turns(l, ours, peer)
}

// turns lets two workers take turns.
func (d *driver) turns(l line, sides ...side) (result, error) {
	var workers []*worker
	for _, s := range sides {
		w, err := start(d.ctx, s)
		if err != nil {
			return result{}, err
		}
		defer w.kill()
		workers = append(workers, w)
		for _, c := range append(l.prepare, l.command) {
			if _, err := w.ask(c); err != nil {
				return result{}, err
			}
		}
	}
	first := 0
	rounds, err := collect(d.o.rounds, func() (round, error) {
		d.waitForQuiet()
		r := round{fma: simd.Peak(l.threads, 50*time.Millisecond), took: make([]float64, len(sides)), values: make([]float64, len(sides))}
		for i := range workers { // who is first takes turns too
			side := (first + i) % len(workers)
			if err := r.turn(side, workers[side], l.command); err != nil {
				return r, err
			}
		}
		first++
		return r, nil
	})
	return result{l, rounds}, err
}

// turn has one worker do its part of a round.
func (r *round) turn(side int, w *worker, command string) error {
	a, err := w.ask(command)
	r.took[side], r.values[side], r.others = a.Seconds, a.Value, max(r.others, a.others)
	return err
}

// fresh has each turn done by a new process. The first round, which brings the
// files into memory, is not counted.
func (d *driver) fresh(l line, sides ...side) (result, error) {
	one := func() (round, error) {
		var r round
		d.waitForQuiet()
		for _, s := range sides {
			took, a, err := d.once(l, s)
			if err != nil {
				return r, err
			}
			r.took, r.values, r.others = append(r.took, took), append(r.values, a.Value), max(r.others, a.others)
		}
		return r, nil
	}
	n := d.o.rounds
	if l.memory {
		n = min(n, 3) // it hardly varies
	}
	if _, err := one(); err != nil {
		return result{}, err
	}
	rounds, err := collect(n, one)
	return result{l, rounds}, err
}

// once runs one command in a process of its own and returns the seconds to its
// answer, or the bytes it had in memory, and the answer.
func (d *driver) once(l line, s side) (took float64, r reply, err error) {
	begin := time.Now()
	w, err := start(d.ctx, s)
	if err != nil {
		return 0, r, err
	}
	if r, err = w.ask(l.command); err != nil {
		w.kill()
		return 0, r, err
	}
	took = time.Since(begin).Seconds()
	bytes, err := w.quit()
	if l.memory {
		took, r.others = bytes, 0
	}
	return took, r, err
}

// A product is a shape with what was measured: took[0] is gonum's, took[1] ours,
// and took[2] OpenBLAS's, if it is there.
type product struct {
	shape
	rounds []round
}

// gemm measures matrix products.
func (d *driver) gemm(shapes []shape) ([]product, error) {
	if d.o.quick {
		shapes = shapes[11:22] // batch 128
	}
	ours, err := start(d.ctx, d.ourSide(threads))
	if err != nil {
		return nil, err
	}
	defer ours.kill()
	type turn struct {
		w    *worker
		word string
	}
	turns := []turn{{ours, "gonum"}, {ours, "gemm"}}
	if d.openblas != nil {
		peer, err := start(d.ctx, d.openblasSide())
		if err != nil {
			return nil, err
		}
		defer peer.kill()
		turns = append(turns, turn{peer, "gemm"})
	}
	var all []product
	for _, s := range shapes {
		progress("SGEMM %s", s.name)
		rounds, err := collect(d.o.rounds, func() (round, error) {
			d.waitForQuiet()
			r := round{fma: simd.Peak(threads, 10*time.Millisecond), took: make([]float64, len(turns)), values: make([]float64, len(turns))}
			for i, t := range turns {
				if err := r.turn(i, t.w, s.command(t.word)); err != nil {
					return r, err
				}
			}
			return r, nil
		})
		if err != nil {
			return all, err
		}
		all = append(all, product{s, rounds})
	}
	return all, nil
}
