package outside

import (
	"govae/dist"
	"govae/graph"
	"govae/klreg"
	"govae/train"
	"govae/vae"
)

func init() {
	vae.RegisterObjective("distill", func(o vae.Objective) vae.Bound { return distill{o.As("elbo")} })
}

// distill is the ELBO of a student, and how far its posterior is from a teacher's:
//
//	loss = −ELBO + mean_i KL(q_teacher(z|x_i) ‖ q_student(z|x_i))
//
// The direction makes the student cover all that the teacher thinks possible.
//
// Source: Hinton, Vinyals & Dean 2015, arXiv:1503.02531, of posteriors in the place of
// classes.
type distill struct{ vae.Bound }

// Loss implements vae.Bound. The teacher's parameters are an input of the graph.
func (o distill) Loss(p *vae.Pass) (vae.LossNodes, error) {
	l, err := o.Bound.Loss(p)
	if err != nil {
		return l, err
	}
	teacher, err := dist.Normal{}.On(p.Builder.Input("teacher", p.Params.Shape()...))
	if err != nil {
		return l, err
	}
	dims, err := klreg.KL(teacher, l.Trace.Q) // [B,Z]
	if err != nil {
		return l, err
	}
	mean, err := klreg.MeanRate(dims)
	l.Terms = []vae.Term{{Name: "distillation", Value: mean, Weight: 1}}
	return l, err
}

// Student is a train.Task: a model that learns from rows, and from what a teacher thinks of
// them. Its Step is of the objective distill.
type Student struct {
	Iterated
	Teacher *vae.Model // of as many latent dimensions
}

// Batch implements train.Task.
func (s *Student) Batch(step, update int) (train.Batch, error) {
	b, err := s.Iterated.Batch(step, update)
	rows := b.Fill
	b.Fill = func(p *graph.Program) error {
		if err := rows(p); err != nil {
			return err
		}
		h, err := s.Teacher.EncodeParams(p.Input("x"))
		copy(p.Input("teacher"), h)
		return err
	}
	return b, err
}
