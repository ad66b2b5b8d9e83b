package encoder_test

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/encoder"
	"govae/graph"
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

func (l linear) Apply(x, _ *G.Node) (params *G.Node, err error) {
	g := x.Graph()
	wT, err := G.Transpose(l.w.Node(g)) // [X,Z]
	if err != nil {
		return nil, err
	}
	mu, err := G.Mul(x, wT) // [B,Z]
	if err != nil {
		return nil, err
	}
	zero, err := G.Sub(mu, mu) // [B,Z]
	if err != nil {
		return nil, err
	}
	logvar, err := G.BroadcastAdd(zero, l.logvar.Node(g), nil, []byte{0}) // [B,Z]
	if err != nil {
		return nil, err
	}
	return graph.Join(mu, logvar) // [B,2Z]
}

func (l linear) Params() []*nn.Param { return []*nn.Param{l.w, l.logvar} }

func (l linear) Dims() (pixels, labels, params int) {
	s := l.w.Value.Shape()
	return s[1], 0, 2 * s[0]
}

// An encoder is three methods; this one uses nothing but Gorgonia.
func ExampleEncoder() {
	var enc encoder.Encoder = newLinear(3, 2)
	copy(enc.Params()[0].Value.Data().([]float32), []float32{1, 0, 0, 0, 1, 1})
	copy(enc.Params()[1].Value.Data().([]float32), []float32{-1, -2})

	g := G.NewGraph()
	pixels := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	x := G.NewMatrix(g, tensor.Float32, G.WithName("x"), G.WithShape(2, 3), G.WithValue(pixels))
	params, err := enc.Apply(x, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	var value G.Value
	G.Read(params, &value)
	if err := G.NewTapeMachine(g).RunAll(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("mu, logvar of both images:", value.Data())
	// Output:
	// mu, logvar of both images: [1 5 -1 -2 4 11 -1 -2]
}
