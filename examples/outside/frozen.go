package outside

import (
	"context"

	"govae/nn"
	"govae/train"
	"govae/vae"
)

// FineTune loads a model and trains its decoder on other data. The encoder is frozen: it
// keeps its weights, and no gradient of them is computed.
func FineTune(ctx context.Context, path string, data train.Data, cfg train.Config) (*vae.Model, error) {
	m, err := vae.Load(path)
	if err != nil {
		return nil, err
	}
	nn.Freeze(m.Encoder().Params()...)
	_, err = train.Run(ctx, m, data, cfg, train.Hooks{})
	return m, err
}
