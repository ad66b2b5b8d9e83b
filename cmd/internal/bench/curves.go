package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"govae/vae"
)

// A curve compares the training losses of both sides at one batch size, which are
// to be the same but for chance: same architecture, initial weights and protocol,
// other images in a batch, other bits and noise.
type curve struct {
	batch int
	mean  [2][]float64 // by side, the mean over the seeds of each epoch's loss, nats per image
}

const (
	curveEpochs, curveSeeds = 10, 3
	curveWithin             = 0.5 // nats
)

// curves trains both sides at all batch sizes.
func (d *driver) curves() ([]curve, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for seed := range curveSeeds { // govae's side makes the same weights from the seed
		c := vae.DefaultConfig()
		c.Seed = uint64(seed + 1)
		m, err := vae.New(c)
		if err != nil {
			return nil, err
		}
		if err := m.Save(initial(dir, seed+1)); err != nil {
			return nil, err
		}
	}
	var all []curve
	for _, batch := range []int{20, 128, 512, 1000} {
		c := curve{batch: batch}
		for i, s := range []side{d.ourSide(threads), d.torchSide(threads)} {
			progress("loss curve, batch %d, %s", batch, s.name)
			c.mean[i] = make([]float64, curveEpochs)
			w, err := start(d.ctx, s)
			if err != nil {
				return all, err
			}
			defer w.kill()
			for seed := range curveSeeds {
				command := fmt.Sprintf("epoch batch=%d %s limit=60000 seed=%d init=%s", batch, defaultModel.args(), seed+1, initial(dir, seed+1))
				for e := range curveEpochs {
					r, err := w.ask(command)
					if err != nil {
						return all, err
					}
					c.mean[i][e] += r.Value / curveSeeds
				}
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// initial is the file of a seed's initial weights.
func initial(dir string, seed int) string {
	return filepath.Join(dir, fmt.Sprintf("%d.safetensors", seed))
}

// apart is the largest difference between the two sides, and the epoch it is of.
func (c curve) apart() (nats float64, epoch int) {
	for e := range c.mean[0] {
		if d := math.Abs(c.mean[0][e] - c.mean[1][e]); d >= nats {
			nats, epoch = d, e+1
		}
	}
	return nats, epoch
}

func curveTable(w io.Writer, curves []curve) {
	fmt.Fprintf(w, "\n## Loss curves\n\nTraining loss of 784-400-20, nats per image, averaged over each epoch and over seeds 1 to %d; "+
		"dynamic binarisation, Adam 1e-3, the same initial weights on both sides.\n\n"+
		"| Batch | | %s | largest difference | target | reached |\n| --- | --- |%s --- | --- | --- |\n", curveSeeds, epochHeads(), epochRules())
	for _, c := range curves {
		nats, epoch := c.apart()
		reached := "yes"
		if !(nats <= curveWithin) {
			reached = "no"
		}
		fmt.Fprintf(w, "| %d | govae |%s %.2f (epoch %d) | %.1f | %s |\n", c.batch, cells(c.mean[0]), nats, epoch, curveWithin, reached)
		fmt.Fprintf(w, "| | PyTorch |%s | | |\n", cells(c.mean[1]))
	}
}

func epochHeads() string {
	s := "1"
	for e := 2; e <= curveEpochs; e++ {
		s += fmt.Sprintf(" | %d", e)
	}
	return s
}

func epochRules() (s string) {
	for range curveEpochs {
		s += " --- |"
	}
	return s
}

func cells(values []float64) (s string) {
	for _, v := range values {
		s += fmt.Sprintf(" %.2f |", v)
	}
	return s
}
