package dist

import (
	G "gorgonia.org/gorgonia"

	"govae/nn"
)

// Conditional is a distribution whose parameters a network computes, such as q(z|x) and
// p(x|z).
type Conditional struct {
	Net    nn.Network
	Family Family
}

// On is the batch of distributions given x [R,In] and, where the network takes labels, y
// [R,Labels]; y is nil for none.
func (c Conditional) On(x, y *G.Node) (Dist, error) {
	params, err := c.Net.Apply(x, y)
	if err != nil {
		return nil, err
	}
	return c.Family.On(params)
}

// Fixed is the same with a network whose parameters no gradient is passed to.
func (c Conditional) Fixed() Conditional { return Conditional{nn.Fixed(c.Net), c.Family} }
