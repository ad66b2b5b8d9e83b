package vae_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/decoder"
	"govae/dist"
	"govae/encoder"
	"govae/graph"
	"govae/klreg"
	"govae/vae"
)

// A model, its ELBO on two images, and new images.
func ExampleNew() {
	cfg := vae.DefaultConfig()
	cfg.Rows, cfg.Cols, cfg.Hidden, cfg.Latent = 4, 4, []int{8}, 2
	m, err := vae.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	x, eps := make([]float32, 2*16), make([]float32, 2*m.Noise()) // black images, no noise
	terms, err := m.ELBO(x, eps)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range terms {
		fmt.Println(t.ELBO() == -(t.Rate+t.Distortion), t.Rate >= 0)
	}
	images, err := m.Sample(3, 1, 1) // seed 1, temperature 1
	fmt.Println(len(images)/16, "images", err)
	// Output:
	// true true
	// true true
	// 3 images <nil>
}

// A model of parts: any network may be the encoder, here p(x|y) with MLPs that take labels.
func ExampleAssemble() {
	src := rand.NewPCG(1, 1)
	enc, err := encoder.NewMLP(encoder.Config{In: 16, Labels: 10, Latent: 2, Activation: "relu", Init: "glorot"}, tensor.Float32, src)
	if err != nil {
		fmt.Println(err)
		return
	}
	dec, err := decoder.NewMLP(decoder.Config{Latent: 2, Labels: 10, Outputs: 16, Activation: "relu", Init: "glorot"}, tensor.Float32, src)
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := vae.Assemble(vae.Parts{Encoder: enc, Decoder: dec, Likelihood: dist.Bernoulli{}, Rows: 4, Cols: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	three, err := m.GivenLabels([]uint8{3, 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	images, err := three.Sample(2, 1, 1)
	fmt.Println(len(images)/16, "images of label 3", err)
	_, err = vae.Assemble(vae.Parts{Encoder: enc, Decoder: dec, Likelihood: dist.Logistic256{}})
	fmt.Println(err)
	// Output:
	// 2 images of label 3 <nil>
	// vae: a decoder of 16 outputs, want 32: the parameters of a logistic256 p(x|z) over the encoder's 16 pixels
}

// sparse is the ELBO, with the mean of |z| as a further term.
type sparse struct{ vae.Bound }

func (o sparse) Loss(p *vae.Pass) (vae.LossNodes, error) {
	l, err := o.Bound.Loss(p)
	if err != nil {
		return l, err
	}
	var s graph.Steps
	mean := s.Do(graph.Mean(s.Do(graph.RowSums(s.Do(G.Abs(l.Trace.Z[0]))))))
	l.Terms = []vae.Term{{Name: "sparsity", Value: mean, Weight: 0.1}}
	return l, s.Err()
}

func init() {
	vae.RegisterObjective("sparse", func(o vae.Objective) vae.Bound { return sparse{o.As("elbo")} })
}

// An objective of one's own has a name, which flags and saved runs know, and its terms
// appear in the metrics.
func ExampleRegisterObjective() {
	cfg := vae.DefaultConfig()
	cfg.Rows, cfg.Cols, cfg.Hidden, cfg.Latent = 4, 4, []int{8}, 2
	m, err := vae.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := m.NewObjectiveStep(2, klreg.DefaultWeight(), vae.Objective{Name: "sparse"})
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := s.Run(1)
	fmt.Println(l.Parts["sparsity"] > 0, l.Loss > l.Distortion+l.Rate, err)
	_, err = vae.Objective{Name: "spars"}.Bound()
	said, _, _ := strings.Cut(err.Error(), ": choose") // and all the names there are
	fmt.Println(said)
	// Output:
	// true true <nil>
	// vae: unknown objective "spars", did you mean sparse?
}
