package vae

import (
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
	"govae/klreg"
)

// grouped is a normal posterior whose closed KL is of as many numbers as cols says.
type grouped struct {
	dist.Normal
	cols int
}

func (c grouped) On(params *G.Node) (dist.Dist, error) {
	d, err := c.Normal.On(params)
	return groupedBatch{d.(*dist.NormalBatch), c.cols}, err
}

type groupedBatch struct {
	*dist.NormalBatch
	cols int
}

func init() {
	klreg.Register(groupedBatch{}, dist.StandardBatch{}, func(q, _ dist.Dist) (*G.Node, error) {
		b := q.(groupedBatch)
		dims, err := klreg.GaussianDimsNode(b.Params)
		if err != nil || b.cols == dims.Shape()[1] {
			return dims, err
		}
		if b.cols == 1 {
			if dims, err = klreg.Sum(dims); err != nil {
				return nil, err
			}
			return graph.Combine([]float64{1}, G.Must(G.Reshape(dims, []int{dims.Shape()[0], 1})))
		}
		return graph.Columns(b.Params, 0, b.cols)
	})
}

// A closed form that is of more numbers than the code, or of a number that does not part it, makes
// no step: its sum would be no rate.
func TestClosedFormOfAnotherWidth(t *testing.T) {
	for cols, want := range map[int]string{
		1: "", 2: "",
		3: "vae: the closed form of KL(vae.groupedBatch ‖ dist.StandardBatch) has the shape (3, 3) for codes of 2 dimensions, want as many, or one",
		4: "has the shape (3, 4) for codes of 2 dimensions",
	} {
		parts := soundParts(t)
		parts.Posterior, parts.Prior = grouped{cols: cols}, dist.StandardNormal{Dim: 2}
		m, err := Assemble(parts)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.NewStep(3, klreg.DefaultWeight())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d: error %v, want %q", cols, err, want)
		}
	}
}

// A trace without densities has no weights, and says what to do.
func TestNoDensities(t *testing.T) {
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	for _, scaled := range []bool{false, true} {
		RegisterObjective(map[bool]string{false: "test-bare", true: "test-bare-beta"}[scaled], func(Objective) Bound { return bare{scaled: scaled} })
	}
	for _, name := range []string{"test-bare", "test-bare-beta"} {
		_, err := m.NewObjectiveStep(2, klreg.DefaultWeight(), Objective{Name: name})
		if err == nil || !strings.Contains(err.Error(), "vae: the log-densities of a trace without them: want Walk.Densities") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

type bare struct {
	anyBound
	scaled bool
}

func (b bare) Loss(p *Pass) (l LossNodes, err error) {
	t, err := p.Trace(p.Eps, 1, Walk{})
	if err != nil {
		return l, err
	}
	if !b.scaled {
		p.Beta = nil
	}
	_, err = t.LogWeights(p.Beta, nil)
	return l, err
}
