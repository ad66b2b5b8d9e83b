package outside

import (
	"fmt"
	"math"
	"strconv"

	"govae/vae"
)

// What several parts need.

// whole is an option that is a whole number from 1 to most.
func whole(c vae.Config, name string, standard, most int) (int, error) {
	text := vae.Spec{Config: c}.Option(name, strconv.Itoa(standard))
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("outside: option %s is %q, want a whole number from 1 to %d", name, text, most)
	}
	return n, nil
}

// sigmoid is 1/(1 + exp −a), and the derivative of softplus.
func sigmoid(a float64) float64 { return 1 / (1 + math.Exp(-a)) }

// softplus is log(1 + exp a), written so that nothing overflows.
func softplus(a float64) float64 { return max(a, 0) + math.Log1p(math.Exp(-math.Abs(a))) }
