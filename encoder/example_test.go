package encoder_test

import (
	"fmt"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/encoder"
	"govae/nn"
)

// linear is an encoder of one's own, of Gorgonia's own operations: mu is a linear
// map of the pixels, logvar one number for each latent dimension, the same for all
// images. Together with a linear decoder it makes probabilistic PCA.
type linear struct {
	w, logvar *nn.Param // [Z,X], [1,Z]
}

func newLinear(pixels, latent int) linear {
	return linear{nn.NewParam(tensor.Float32, "encoder.mu.weight", latent, pixels), nn.NewParam(tensor.Float32, "encoder.logvar", 1, latent)}
}

func (l linear) Encode(x *G.Node) (mu, logvar *G.Node, err error) {
	g := x.Graph()
	wT, err := G.Transpose(l.w.Node(g)) // [X,Z]
	if err != nil {
		return nil, nil, err
	}
	if mu, err = G.Mul(x, wT); err != nil { // [B,Z]
		return nil, nil, err
	}
	zero, err := G.Sub(mu, mu) // [B,Z]
	if err != nil {
		return nil, nil, err
	}
	logvar, err = G.BroadcastAdd(zero, l.logvar.Node(g), nil, []byte{0}) // [B,Z]
	return mu, logvar, err
}

func (l linear) Params() []*nn.Param { return []*nn.Param{l.w, l.logvar} }

func (l linear) Dims() (pixels, latent int) {
	s := l.w.Value.Shape()
	return s[1], s[0]
}

// An encoder is three methods; this one uses nothing but Gorgonia.
func ExampleEncoder() {
	var enc encoder.Encoder = newLinear(3, 2)
	copy(enc.Params()[0].Value.Data().([]float32), []float32{1, 0, 0, 0, 1, 1})
	copy(enc.Params()[1].Value.Data().([]float32), []float32{-1, -2})

	g := G.NewGraph()
	pixels := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	x := G.NewMatrix(g, tensor.Float32, G.WithName("x"), G.WithShape(2, 3), G.WithValue(pixels))
	mu, logvar, err := enc.Encode(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	var muValue, logvarValue G.Value
	G.Read(mu, &muValue)
	G.Read(logvar, &logvarValue)
	if err := G.NewTapeMachine(g).RunAll(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("mu", muValue.Data())
	fmt.Println("logvar", logvarValue.Data())
	// Output:
	// mu [1 5 4 11]
	// logvar [-1 -2 -1 -2]
}

// A flow takes a code there and back. Its log|det| is by how much it stretches space
// there: here, with all scales and shifts zero, not at all.
func ExampleRealNVP() {
	f, err := encoder.NewRealNVP(encoder.FlowConfig{Layers: 2, Latent: 3, Hidden: 8, Init: "glorot"}, tensor.Float32, rand.NewPCG(1, 1))
	if err != nil {
		fmt.Println(err)
		return
	}
	mu, logvar := []float64{0, 0, 0}, []float64{0, 0, 0}
	z, logDet := f.TransformValue([]float64{1, -2, 0.5}, mu, logvar)
	fmt.Println(z, logDet, f.InverseValue(z, mu, logvar))

	shift := f.Params()[5] // the bias of the first layer's shift: dimensions 1 and 2
	copy(shift.Value.Data().([]float32), []float32{10, 20})
	z, logDet = f.TransformValue([]float64{1, -2, 0.5}, mu, logvar)
	fmt.Println(z, logDet, f.InverseValue(z, mu, logvar))
	// Output:
	// [1 -2 0.5] 0 [1 -2 0.5]
	// [1 8 20.5] 0 [1 -2 0.5]
}
