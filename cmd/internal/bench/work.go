package main

import (
	"fmt"
	"slices"
	"strings"
)

// An architecture is what decides how much there is to compute.
type architecture struct {
	pixels     int
	hidden     []int
	latent     int
	activation string
}

var defaultModel = architecture{784, []int{400}, 20, "relu"}

// args are the architecture as a command's arguments.
func (a architecture) args() string {
	h := make([]string, len(a.hidden))
	for i, n := range a.hidden {
		h[i] = fmt.Sprint(n)
	}
	return fmt.Sprintf("hidden=%s latent=%d activation=%s", strings.Join(h, ","), a.latent, a.activation)
}

// weights returns the number of weights of the encoder's first layer, of the
// encoder and of the decoder. Biases don't count: they cost no multiplications.
func (a architecture) weights() (first, enc, dec int) {
	sizes := append([]int{a.pixels}, a.hidden...)
	for i := range a.hidden {
		enc += sizes[i] * sizes[i+1]
	}
	last := sizes[len(sizes)-1]
	first = sizes[0] * append(sizes, 2*a.latent)[1]
	enc += last * 2 * a.latent
	slices.Reverse(sizes)
	sizes = append([]int{a.latent}, sizes...)
	for i := range sizes[1:] {
		dec += sizes[i] * sizes[i+1]
	}
	return first, enc, dec
}

// trainFLOP is the floating-point operations that the matrix products of one
// training image take, two for each multiplication and addition: forward,
// gradients of the weights, and gradients of each layer's input, but for the
// first layer, whose input is data.
func (a architecture) trainFLOP() float64 {
	first, enc, dec := a.weights()
	return 2 * float64(3*(enc+dec)-first)
}

// forwardFLOP is that of encoding and decoding an image.
func (a architecture) forwardFLOP() float64 {
	_, enc, dec := a.weights()
	return 2 * float64(enc+dec)
}

// logLikelihoodFLOP is that of log p(x) of one image from k draws.
func (a architecture) logLikelihoodFLOP(k int) float64 {
	_, enc, dec := a.weights()
	return 2 * float64(enc+k*dec)
}

// A shape is a matrix product C = op(A)·op(B), C [m,n].
type shape struct {
	name    string
	m, n, k int
	ta, tb  bool
}

func (s shape) flop() float64 { return 2 * float64(s.m) * float64(s.n) * float64(s.k) }

func (s shape) command(word string) string {
	bit := map[bool]int{true: 1}
	return fmt.Sprintf("%s m=%d n=%d k=%d ta=%d tb=%d seconds=0.05", word, s.m, s.n, s.k, bit[s.ta], bit[s.tb])
}

// shapes are all matrix products of the default model's training step, at
// batches of 20 to 1000. Weights are [out,in].
func shapes() []shape {
	layers := []struct {
		name    string
		in, out int
	}{{"encoder", 784, 400}, {"heads", 400, 40}, {"decoder", 20, 400}, {"output", 400, 784}}
	var all []shape
	for _, b := range []int{20, 128, 512, 1000} {
		for i, l := range layers {
			all = append(all, shape{fmt.Sprintf("%s, forward, batch %d", l.name, b), b, l.out, l.in, false, true}) // x·Wᵀ
			all = append(all, shape{fmt.Sprintf("%s, weight gradient, batch %d", l.name, b), l.out, l.in, b, true, false})
			if i > 0 {
				all = append(all, shape{fmt.Sprintf("%s, input gradient, batch %d", l.name, b), b, l.in, l.out, false, false})
			}
		}
	}
	return all
}
