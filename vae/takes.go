package vae

import (
	"fmt"

	"govae/klreg"
)

// Takes says which numbers of an Objective and of a klreg.Weight a Bound has a use for, besides
// beta. Its Check refuses the others, so that none is left out without a word.
type Takes struct {
	Draws    bool // several draws an image, Objective.K
	Bounds   bool // several bounds, Objective.M
	Backward bool // a gradient through some of the draws, Objective.Backward, as Pass.Importance has it
	Analytic bool // what is of the analytic KL: klreg.Weight.FreeBits and Capacity
}

// Check returns an error that names the first number that the objective has no use for.
func (t Takes) Check(o Objective, w klreg.Weight) error {
	name, k := o.Whole().Name, o.Whole().K
	switch {
	case !t.Bounds && o.M > 1 && t.Draws:
		return fmt.Errorf("vae: objective %s with m=%d: only miwae averages several bounds", name, o.M)
	case !t.Draws && o.Samples() > 1:
		return fmt.Errorf("vae: objective %s takes one draw an image, not %d: choose iwae for a tighter bound, elbo-sampled for an average", name, o.Samples())
	case !t.Backward && o.Backward != 0:
		return fmt.Errorf("vae: a gradient through %d draws chosen by their weights, which objective %s does not have: choose iwae, miwae, stl or dreg, or backward 0", o.Backward, name)
	case o.Backward < 0 || o.Backward > k:
		return fmt.Errorf("vae: a gradient through %d of k=%d draws, want 1 to %d, or 0 for all", o.Backward, k, k)
	case !t.Analytic && (w.FreeBits > 0 || w.Capacity > 0):
		return fmt.Errorf("vae: free bits and capacity are of the analytic KL: they go with objective elbo, not %s", name)
	}
	return nil
}
