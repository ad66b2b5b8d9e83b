package outside

import (
	"fmt"
	"iter"

	"govae/graph"
	"govae/nn"
	"govae/train"
	"govae/vae"
)

// Iterated is a train.Task: a model that is trained on rows of float32 from anywhere, not on
// 8-bit images. Its parameters are the model's.
type Iterated struct {
	*vae.Model
	Step        *vae.Step // of the model, for batches of Size rows
	Size, Epoch int       // rows of a step, and steps of an epoch
	// Rows gives the rows of a step, at least Size. It must give the same ones whenever it is
	// asked, so that a resumed run does what another one did.
	Rows func(step int) iter.Seq[[]float32]
}

// Steps implements train.Task.
func (t *Iterated) Steps() int { return t.Epoch }

// Updates implements train.Task.
func (t *Iterated) Updates() []train.Update {
	return []train.Update{{Params: nn.Trained(t.Params())}}
}

// Batch implements train.Task.
func (t *Iterated) Batch(step, _ int) (train.Batch, error) {
	return train.Batch{Program: t.Step.Program(), Rows: t.Size, After: t.Step.After(), Fill: func(p *graph.Program) error {
		x := p.Input("x")
		for row := range t.Rows(step) {
			if x = x[copy(x, row):]; len(x) == 0 {
				return nil
			}
		}
		return fmt.Errorf("outside: step %d has too few rows", step)
	}}, nil
}
