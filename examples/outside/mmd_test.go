package outside

import (
	"math"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"govae/klreg"
	"govae/train"
	"govae/vae"
)

func TestMMDGradient(t *testing.T) {
	b := []float64{0.3, -1, 1.2, 0.4, -0.7, 0}
	checkGradient(t, func(a *G.Node) (*G.Node, error) { return MMD(a, data(a.Graph(), "b", b, 3, 2)) },
		[]float64{0, 0.5, -1, 2, 0.1, -0.2}, 3, 2)
}

// Of one row each, MMD = 2 − 2·k(a,b). Of equal sets it is 0.
func TestMMDValue(t *testing.T) {
	build := func(a *G.Node) (*G.Node, error) { return MMD(a, data(a.Graph(), "b", []float64{0, 0}, 1, 2)) }
	cost, _ := gradientOf(t, build, []float64{3, 4}, 1, 2)
	if got, want := cost([]float64{1, 2}), 2-2*math.Exp(-5./2); math.Abs(got-want) > 1e-14 {
		t.Errorf("MMD is %v, want %v", got, want)
	}
	if got := cost([]float64{0, 0}); got != 0 {
		t.Errorf("MMD of equal sets is %v", got)
	}
}

// The loss is what its parts say.
func TestMMDLoss(t *testing.T) {
	m := newModel(t, small(nil))
	s, err := m.NewObjectiveStep(4, klreg.DefaultWeight(), vae.Objective{Name: "mmd", Options: vae.Options{"mmd.weight": "7"}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Input("mmd") {
		s.Input("mmd")[i], s.Eps()[i] = float32(i%5)-2, float32(i%3)-1
	}
	l, err := s.Run(0.5)
	if err != nil {
		t.Fatal(err)
	}
	if want := l.Distortion + 0.5*l.Rate + 7*l.Parts["mmd"]; math.Abs(l.Loss-want) > 1e-5*want || l.Parts["mmd"] <= 0 {
		t.Errorf("loss %v of distortion %v, rate %v and MMD %v, want %v", l.Loss, l.Distortion, l.Rate, l.Parts["mmd"], want)
	}
}

// A weight that is none, and numbers that the objective has no use for, are errors before there is
// a model.
func TestMMDValidate(t *testing.T) {
	for want, o := range map[string]vae.Objective{
		`vae: outside: option mmd.weight is "-3"`:             {Name: "mmd", Options: vae.Options{"mmd.weight": "-3"}},
		"vae: objective mmd takes one draw an image, not 5":   {Name: "mmd", K: 5},
		"draws chosen by their weights, which objective mmd ": {Name: "mmd", Backward: 1},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", o, err, want)
		}
	}
}

func infoVAE(c *train.Config) { c.Objective, c.Beta = vae.Objective{Name: "mmd"}, 0 }
