package train_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"govae/graph"
	"govae/train"
	"govae/vae"
)

// counted is the ELBO. After each step it keeps the loss of the step, and the weights.
type counted struct{ vae.Bound }

var (
	lossesAfter  []float64
	weightsAfter [][]float64
)

func (o counted) Loss(p *vae.Pass) (vae.LossNodes, error) {
	l, err := o.Bound.Loss(p)
	l.After = func(step *graph.Program) error {
		loss, err := step.Number("loss")
		lossesAfter, weightsAfter = append(lossesAfter, loss), append(weightsAfter, p.Model.Params()[0].Numbers())
		return err
	}
	return l, err
}

func init() {
	vae.RegisterObjective("counted", func(o vae.Objective) vae.Bound { return counted{o.As("elbo")} })
	vae.RegisterObjective("baseless", func(o vae.Objective) vae.Bound { return o.As("evidence") })
}

// What an objective does after a step is done after each, of any batch size, when the weights
// have changed.
func TestAfterEachStep(t *testing.T) {
	lossesAfter, weightsAfter = nil, nil
	mc, c := tiny()
	c.Epochs, c.Objective = 2, vae.Objective{Name: "counted"}
	var losses []float64
	var weights [][]float64
	m, err := vae.New(mc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := train.Run(context.Background(), m, data(t), c, train.Hooks{Step: func(p train.Progress) {
		losses, weights = append(losses, p.Loss.Loss), append(weights, m.Params()[0].Numbers())
	}}); err != nil {
		t.Fatal(err)
	}
	if len(losses) != 14 || !reflect.DeepEqual(lossesAfter, losses) || !reflect.DeepEqual(weightsAfter, weights) {
		t.Errorf("%d calls of %d steps, with the losses %v, want %v and the weights of each", len(lossesAfter), len(losses), lossesAfter, losses)
	}
}

// An objective that adds to one that there is not is an error before anything is trained.
func TestAsUnknown(t *testing.T) {
	o := vae.Objective{Name: "baseless"}
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), `unknown objective "evidence"`) {
		t.Errorf("error %v", err)
	}
	if _, err := o.As("evidence").Loss(nil); err == nil {
		t.Error("its loss is no error")
	}
}
