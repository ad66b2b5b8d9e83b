package klreg

import (
	"fmt"
	"math"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestWeightAt(t *testing.T) {
	for _, tt := range []struct {
		w            Weight
		epochs, want float64
	}{
		{DefaultWeight(), 0, 1}, {DefaultWeight(), 100, 1},
		{Weight{Beta: 4}, 0, 4},
		{Weight{Beta: 0, Warmup: 10}, 5, 0},
		{Weight{Beta: 2, Warmup: 10}, 0, 0},
		{Weight{Beta: 2, Warmup: 10}, 2.5, 0.5},
		{Weight{Beta: 2, Warmup: 10}, 5, 1},
		{Weight{Beta: 2, Warmup: 10}, 10, 2},
		{Weight{Beta: 2, Warmup: 10}, 1e9, 2},
		{Weight{Beta: 1, Warmup: 0.5}, 0.25, 0.5},
		// 8 epochs in 2 cycles: up over 2 epochs, flat over 2, and again.
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 0, 0},
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 1, 1.5},
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 2, 3},
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 3, 3},
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 3.999, 3},
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 4, 0},
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 4.5, 0.75},
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 6, 3},
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 7.5, 3},
		{Weight{Beta: 3, Cycle: 4, Ramp: 0.5}, 8, 0},
		{Weight{Beta: 1, Cycle: 0.5, Ramp: 0.25}, 0.5 + 0.0625, 0.5}, // cycles shorter than an epoch
		{Weight{Beta: 1, Cycle: 2, Ramp: 1}, 1.5, 0.75},              // nowhere flat
		{Weight{Beta: 1, Ramp: 0.5}, 0.1, 1},                         // no cycles
		{Weight{Beta: 1, Capacity: 25, CapacityEpochs: 10, Gamma: 30}, 0, 30},
		{Weight{Beta: 1, Capacity: 25, CapacityEpochs: 10, Gamma: 30}, 100, 30},
	} {
		if got := tt.w.At(tt.epochs); got != tt.want {
			t.Errorf("%+v after %v epochs: %v, want %v", tt.w, tt.epochs, got, tt.want)
		}
	}
}

func TestAboveAt(t *testing.T) {
	for _, tt := range []struct {
		w            Weight
		epochs, want float64
	}{
		{DefaultWeight(), 0, 1}, {Weight{Beta: 2, Warmup: 10}, 5, 1},
		{Weight{WarmupAbove: 10}, 0, 0},
		{Weight{WarmupAbove: 10}, 2.5, 0.25},
		{Weight{Beta: 4, WarmupAbove: 10}, 10, 1},
		{Weight{WarmupAbove: 10}, 1e9, 1},
	} {
		if got := tt.w.AboveAt(tt.epochs); got != tt.want {
			t.Errorf("%+v after %v epochs: %v, want %v", tt.w, tt.epochs, got, tt.want)
		}
	}
}

func TestCapacityAt(t *testing.T) {
	for _, tt := range []struct {
		w            Weight
		epochs, want float64
	}{
		{DefaultWeight(), 0, 0}, {DefaultWeight(), 5, 0},
		{Weight{Capacity: 25, CapacityEpochs: 10}, 0, 0},
		{Weight{Capacity: 25, CapacityEpochs: 10}, 2, 5},
		{Weight{Capacity: 25, CapacityEpochs: 10}, 5, 12.5},
		{Weight{Capacity: 25, CapacityEpochs: 10}, 10, 25},
		{Weight{Capacity: 25, CapacityEpochs: 10}, 1e9, 25},
		{Weight{Capacity: 25}, 0, 25},
	} {
		if got := tt.w.CapacityAt(tt.epochs); got != tt.want {
			t.Errorf("%+v after %v epochs: %v nats, want %v", tt.w, tt.epochs, got, tt.want)
		}
	}
}

func TestWeightValidate(t *testing.T) {
	for _, tt := range []struct {
		w    Weight
		want string // in the error, "" for none
	}{
		{DefaultWeight(), ""}, {Weight{}, ""}, {Weight{Beta: 4, Warmup: 10, FreeBits: 0.1}, ""},
		{Weight{Beta: -1}, "beta -1"}, {Weight{Beta: math.NaN()}, "beta NaN"}, {Weight{Beta: math.Inf(1)}, "beta +Inf"},
		{Weight{Warmup: -0.5}, "warm-up -0.5"}, {Weight{Warmup: math.Inf(1)}, "warm-up +Inf"},
		{Weight{WarmupAbove: -1}, "warm-up above -1"}, {Weight{Beta: 1, Warmup: 3, WarmupAbove: 5}, ""}, {Weight{Beta: 1, Cycle: 2, Ramp: 1, WarmupAbove: 5}, ""},
		{Weight{FreeBits: -2}, "free bits -2"}, {Weight{FreeBits: math.NaN()}, "free bits NaN"},
		{Weight{Beta: -1, Warmup: -1}, "beta -1"},

		{Weight{Beta: 1, Cycle: 2.5, Ramp: 1}, ""}, {Weight{Beta: 1, Cycle: 1, Ramp: 0.5, FreeBits: 0.1}, ""}, {Weight{Beta: 1, Ramp: 0.5}, ""},
		{Weight{Cycle: -1}, "cycle -1"}, {Weight{Cycle: math.NaN()}, "cycle NaN"},
		{Weight{Cycle: 2}, "ramp 0"}, {Weight{Cycle: 2, Ramp: 1.5}, "ramp 1.5"}, {Weight{Ramp: 2}, "ramp 2"},
		{Weight{Ramp: -0.5}, "ramp -0.5"}, {Weight{Ramp: math.NaN()}, "ramp NaN"},
		{Weight{Cycle: 2, Ramp: 0.5, Warmup: 3}, "warm-up 3 beside cycles of 2"},

		{Weight{Beta: 1, Capacity: 25, CapacityEpochs: 10, Gamma: 30}, ""}, {Weight{Beta: 1, Capacity: 25, Gamma: 30}, ""},
		{Weight{Beta: 1, Capacity: 25, Gamma: 30, Ramp: 0.5}, ""},
		{Weight{Capacity: -1}, "capacity -1"}, {Weight{Capacity: math.Inf(1)}, "capacity +Inf"},
		{Weight{CapacityEpochs: -1}, "capacity epochs -1"}, {Weight{CapacityEpochs: math.NaN()}, "capacity epochs NaN"},
		{Weight{Gamma: -1}, "gamma -1"}, {Weight{Gamma: math.NaN()}, "gamma NaN"},
		{Weight{Beta: 1, Gamma: 30}, "gamma 30 without"}, {Weight{Beta: 1, CapacityEpochs: 3}, "capacity epochs 3 without"},
		{Weight{Beta: 1, Capacity: 25}, "gamma 0"},
		{Weight{Beta: 4, Capacity: 25, Gamma: 30}, "beta 4 with a capacity of 25"},
		{Weight{Beta: 1, Warmup: 5, Capacity: 25, Gamma: 30}, "warm-up 5 with a capacity"},
		{Weight{Beta: 1, WarmupAbove: 5, Capacity: 25, Gamma: 30}, "warm-up above 5 with a capacity"},
		{Weight{Beta: 1, Cycle: 5, Ramp: 0.5, Capacity: 25, Gamma: 30}, "cycle 5 with a capacity"},
		{Weight{Beta: 1, FreeBits: 0.1, Capacity: 25, Gamma: 30}, "free bits 0.1 with a capacity"},
	} {
		err := tt.w.Validate()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%+v: error %v, want %q", tt.w, err, tt.want)
		}
	}
}

// penalty is the definition: without free bits the mean over images of the KL,
// with free bits the sum over dimensions of the larger of floor and mean. It also
// says which dimensions pass a gradient.
func penalty(mu, logvar []float64, floor float64) (p float64, passes [testZ]bool) {
	kl := make([]float64, len(mu))
	GaussianDims(kl, mu, logvar)
	for j := range testZ {
		mean := 0.0
		for i := range testB {
			mean += kl[i*testZ+j] / testB
		}
		passes[j] = floor == 0 || mean > floor
		p += math.Max(floor, mean)
	}
	return p, passes
}

func TestPenalty(t *testing.T) {
	for _, p := range []struct {
		dt  tensor.Dtype
		rel float64
	}{{tensor.Float64, 1e-12}, {tensor.Float32, 1e-5}} {
		for _, floor := range []float64{0, 0.3, 1, 1e6} {
			t.Run(fmt.Sprintf("%v/free bits %v", p.dt, floor), func(t *testing.T) {
				gr := newGraph(t, p.dt, func(h *G.Node) (*G.Node, error) {
					dims, err := GaussianDimsNode(h)
					if err != nil {
						return nil, err
					}
					return Weight{Beta: 3, FreeBits: floor}.Penalty(dims, nil, nil) // Beta does not count here
				})
				below := 0
				for run := range 20 {
					mu, lv := inputs(run)
					for i := range mu { // the last dimension is at the prior
						if i%testZ == testZ-1 {
							mu[i], lv[i] = float64(float32(mu[i]*1e-3)), 0
						}
					}
					want, passes := penalty(mu, lv, floor)
					out := gr.run(t, mu, lv, nil)
					near(t, fmt.Sprintf("run %d", run), out[0][0], want, p.rel)
					for k := range mu {
						dmu, dlv := mu[k]/testB, math.Expm1(lv[k])/2/testB
						if !passes[k%testZ] {
							dmu, dlv = 0, 0
							below++
						}
						near(t, fmt.Sprintf("run %d: dmu %d", run, k), out[1][k], dmu, p.rel)
						near(t, fmt.Sprintf("run %d: dlogvar %d", run, k), out[2][k], dlv, p.rel)
					}
				}
				if (below > 0) != (floor > 0) {
					t.Errorf("%d gradients below the floor", below)
				}
			})
		}
	}
}
