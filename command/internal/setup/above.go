package setup

import (
	"fmt"
	"strconv"
	"strings"

	"govae/command/internal/cli"
	"govae/vae"
)

// above is the flag of further stochastic layers: hidden sizes with commas, a
// colon, the size of the code; layers with semicolons between them.
type above []vae.Stochastic

func (a *above) String() string {
	var layers []string
	for _, l := range *a {
		layers = append(layers, fmt.Sprintf("%s:%d", (*cli.Ints)(&l.Hidden), l.Latent))
	}
	return strings.Join(layers, ";")
}

func (a *above) Set(text string) error {
	*a = nil
	if text == "" {
		return nil
	}
	for _, layer := range strings.Split(text, ";") {
		hidden, latent, ok := strings.Cut(layer, ":")
		var l vae.Stochastic
		var err error
		if l.Latent, err = strconv.Atoi(latent); err != nil || !ok {
			return fmt.Errorf("%q: want hidden sizes, a colon and the size of the code, such as 100,100:50", layer)
		}
		if err := (*cli.Ints)(&l.Hidden).Set(hidden); err != nil {
			return err
		}
		*a = append(*a, l)
	}
	return nil
}
