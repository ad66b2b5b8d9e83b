package optim

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"govae/internal/names"
)

// isolate gives a test registries of its own, which start with what New and Schedule know.
func isolate(t *testing.T) {
	wasO, wasS := optimizers, schedules
	t.Cleanup(func() { optimizers, schedules = wasO, wasS })
	optimizers = &names.Registry[func([][]float32, Config) (Optimizer, error)]{Kind: wasO.Kind}
	schedules = &names.Registry[func(float64) float64]{Kind: wasS.Kind}
	for _, n := range wasO.Names() {
		maker, _ := wasO.Get(n)
		Register(n, maker)
	}
	for _, n := range wasS.Names() {
		factor, _ := wasS.Get(n)
		RegisterSchedule(n, factor)
	}
}

// odd shows the state it is told to.
type odd []Moment

func (odd) Step([][]float32, float64, float64) {}
func (o odd) State() []Moment                  { return o }
func (odd) SetSteps(int)                       {}

func TestRegistryErrors(t *testing.T) {
	isolate(t)
	gives := func(o Optimizer, err error) func([][]float32, Config) (Optimizer, error) {
		return func([][]float32, Config) (Optimizer, error) { return o, err }
	}
	broken := errors.New("broken")
	two := [][]float32{{1, 2}}
	for name, maker := range map[string]func([][]float32, Config) (Optimizer, error){
		"none": nil, "gives none": gives(nil, nil), "broken": gives(nil, broken), "stateless": gives(odd(nil), nil),
		"same": gives(odd{{"a", two}, {"a", two}}, nil), "anonymous": gives(odd{{"", two}}, nil),
		"short": gives(odd{{"a", [][]float32{{1}}}}, nil), "fewer": gives(odd{{"a", nil}}, nil),
		"once": gives(odd{{"a", two}, {"b", two}}, nil), "twice": gives(odd(nil), nil),
	} {
		Register(name, maker)
	}
	Register("twice", gives(odd(nil), nil))
	for name, want := range map[string]string{
		"stateless":  "",
		"once":       "",
		"adam":       "",
		"none":       `optim: optimiser "none" is registered without a function`,
		"gives none": `optim: optimiser "gives none" gives nil`,
		"broken":     "broken",
		"same":       `optim: optimiser "same": its state has two parts of the name "a"`,
		"anonymous":  `optim: optimiser "anonymous": its state has two parts of the name ""`,
		"short":      `optim: optimiser "short": its state a has not the sizes of the weights`,
		"fewer":      `optim: optimiser "fewer": its state a has not the sizes of the weights`,
		"twice":      `optim: optimiser "twice" is registered twice`,
		"adamq":      `optim: unknown optimiser "adamq", did you mean adam?: choose adam, adamw, anonymous, `,
		"rmsprop":    `optim: unknown optimiser "rmsprop": choose adam, adamw, `,
	} {
		o, err := New(name, two, DefaultConfig())
		if want == "" && (err != nil || o == nil) || want != "" && (err == nil || o != nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%s: %v, %v, want %q", name, o, err, want)
		}
	}
}

func TestScheduleErrors(t *testing.T) {
	isolate(t)
	RegisterSchedule("none", nil)
	RegisterSchedule("twice", Linear)
	RegisterSchedule("twice", Linear)
	RegisterSchedule("mine", func(done float64) float64 { return done })
	for name, want := range map[string]string{
		"none":  `optim: schedule "none" is registered without a function`,
		"twice": `optim: schedule "twice" is registered twice`,
		"cosin": `optim: unknown schedule "cosin", did you mean cosine?: choose constant, cooldown, cosine, `,
		"":      `optim: unknown schedule "": choose constant, cooldown, cosine, `,
	} {
		if _, err := Schedule(name); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
	if f, err := Schedule("mine"); err != nil || f(0.25) != 0.25 || !slices.Contains(Schedules(), "mine") {
		t.Errorf("one of the user's own: %v, among %v", err, Schedules())
	}
}
