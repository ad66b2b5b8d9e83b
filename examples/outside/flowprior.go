package outside

import (
	"govae/dist"
	"govae/vae"
)

// The flow prior is what a RealNVP flow makes of N(0,I):
//
//	z = f(z0),  z0 ~ N(0,I)
//
// Training changes the flow with everything else. A sample is a draw of z0 that the flow
// has moved. No closed form of the KL is known, so the objective is elbo-sampled or one of
// the importance-weighted bounds.
//
// Options: flow.layers, the coupling layers (4), and flow.hidden, the units of each (32).
//
// Source: Chen et al. 2017, arXiv:1611.02731 (the autoregressive kind); Dinh, Sohl-Dickstein
// & Bengio 2017, arXiv:1605.08803 (the flow).
func init() {
	vae.RegisterPrior("flow", vae.Part[dist.Prior]{
		Options: []string{"flow.layers", "flow.hidden"},
		New: func(s vae.Spec) (dist.Prior, error) {
			layers, hidden, err := flowSize(s.Config)
			if err != nil {
				return nil, err
			}
			flow, err := dist.NewRealNVP(dist.FlowConfig{Name: "prior.flow", Layers: layers, Latent: s.Code, Hidden: hidden, Init: s.Init}, s.Dtype, s.Source)
			if err != nil {
				return nil, err
			}
			return dist.FlowPrior{Dim: s.Code, Flow: flow}, nil
		},
		Check: func(c vae.Config) error { _, _, err := flowSize(c); return err },
	})
}

// flowSize reads the options.
func flowSize(c vae.Config) (layers, hidden int, err error) {
	if layers, err = whole(c, "flow.layers", 4, 64); err != nil {
		return 0, 0, err
	}
	hidden, err = whole(c, "flow.hidden", 32, 4096)
	return layers, hidden, err
}
