package optim

import (
	"fmt"
	"math"

	"govae/internal/names"
)

var schedules = &names.Registry[func(done float64) float64]{Kind: "optim: schedule"}

// constant is the name of the schedule that is the same at each part of a run.
const constant = "constant"

func init() {
	RegisterSchedule(constant, Constant)
	RegisterSchedule("linear", Linear)
	RegisterSchedule("cosine", Cosine)
	RegisterSchedule("cooldown", Cooldown)
	RegisterSchedule("stages", Stages)
}

// RegisterSchedule makes a schedule known by a name. It gives the factor of the step
// size, finite and at least 0, when a part of the run is done, from 0 to 1. Of one run
// and the same part it must always give the same factor, or else a resumed run would
// end elsewhere. RegisterSchedule belongs in an init function. A name that is
// registered twice is an error of Schedule.
func RegisterSchedule(name string, factor func(done float64) float64) {
	schedules.Register(name, factor)
}

// Schedule returns the schedule of that name. The error names an unknown schedule.
func Schedule(name string) (factor func(done float64) float64, err error) {
	if factor, err = schedules.Get(name); err == nil && factor == nil {
		err = fmt.Errorf("optim: schedule %q is registered without a function", name)
	}
	return factor, err
}

// UsesLength reports whether the factor at a step depends on how long the run is, as it does
// for all schedules but constant. A run with such a schedule has a fixed end.
func UsesLength(name string) bool { return name != constant }

// Schedules returns the names that Schedule knows, sorted.
func Schedules() []string { return schedules.Names() }

// Constant is 1 throughout.
func Constant(float64) float64 { return 1 }

// Linear falls from 1 to 0 in a line:
//
//	1 − done
//
// Source: Bergsma et al. 2025, arXiv:2502.15938, who compare it with others.
func Linear(done float64) float64 { return 1 - done }

// Cosine falls from 1 to 0 along half a wave:
//
//	(1 + cos(π·done)) / 2
//
// Source: Loshchilov & Hutter 2017, equation 5, without restarts, arXiv:1608.03983.
func Cosine(done float64) float64 { return (1 + math.Cos(math.Pi*done)) / 2 }

// Cooldown is 1 for the first 70 % and falls to 0 in a line over the rest:
//
//	min(1, (1 − done) / 0.3)
//
// Source: Hägele et al. 2024, section 3, arXiv:2405.18392.
func Cooldown(done float64) float64 { return min(1, (1-done)/0.3) }

// Stages falls in steps: it is 10^(−i/7) for 3^i of 3280 epochs each, i = 0 … 7, which are
// stretched to the length of the run.
//
// Source: Burda, Grosse & Salakhutdinov 2016, section 5, arXiv:1509.00519.
func Stages(done float64) float64 {
	i, end := 0, 1.0
	for ; i < 7 && done*3280 >= end; i++ {
		end += math.Pow(3, float64(i+1))
	}
	return math.Pow(10, -float64(i)/7)
}
