package outside

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/nn"
	"govae/vae"
)

// The networks conv are convolutional, on Gorgonia's Conv2d. Hidden has the channels of
// their two layers, such as [8, 16]. Rows and columns are multiples of 4. They take no
// labels.
//
//	encoder: x [B,1,H,W] → conv [B,C1,H/2,W/2] → conv [B,C2,H/4,W/4] → linear [B,Out]
//	decoder: z [B,Z] → linear [B,C2,H/4,W/4] → double, conv [B,C1,H/2,W/2] → double, conv [B,Out]
func init() {
	vae.RegisterEncoder("conv", vae.Part[nn.Network]{Check: checkConv, New: func(s vae.Spec) (nn.Network, error) {
		return newConv(s, "encoder", s.Posterior.Outputs(s.Latent))
	}})
	vae.RegisterDecoder("conv", vae.Part[nn.Network]{Check: checkConv, New: func(s vae.Spec) (nn.Network, error) {
		return newConv(s, "decoder", s.Likelihood.Outputs(s.Pixels()))
	}})
}

func checkConv(c vae.Config) error {
	if len(c.Hidden) != 2 || c.Rows%4 != 0 || c.Cols%4 != 0 || c.Labels > 0 {
		return fmt.Errorf("a conv network of hidden %v, %d×%d pixels and %d labels, want two numbers of channels, multiples of 4, and none", c.Hidden, c.Rows, c.Cols, c.Labels)
	}
	return nil
}

// conv is an encoder or a decoder.
type conv struct {
	name          string
	linear        nn.Linear
	w             [2]*nn.Param // [out,in,3,3]
	b             [2]*nn.Param // [out]
	in, out       int
	height, width int // of an image
}

func newConv(s vae.Spec, name string, out int) (c conv, err error) {
	c1, c2, small := s.Hidden[0], s.Hidden[1], s.Hidden[1]*s.Pixels()/16
	c = conv{name: name, in: s.Pixels(), out: out, height: s.Rows, width: s.Cols}
	channels := [][2]int{{c1, 1}, {c2, c1}}
	if name == "encoder" {
		c.linear, err = nn.NewLinear(s.Dtype, out, small, nn.Identity, s.Init, s.Source, name+".linear")
	} else {
		c.in, channels = s.Latent, [][2]int{{c1, c2}, {out / s.Pixels(), c1}}
		c.linear, err = nn.NewLinear(s.Dtype, small, s.Latent, nn.ReLU, s.Init, s.Source, name+".linear")
	}
	r := rand.New(s.Source)
	for i, n := range channels {
		c.w[i] = nn.NewParam(s.Dtype, fmt.Sprintf("%s.conv.%d.weight", name, i), n[0], n[1], 3, 3)
		c.b[i] = nn.NewParam(s.Dtype, fmt.Sprintf("%s.conv.%d.bias", name, i), n[0])
		c.w[i].Fill(func() float64 { return (2*r.Float64() - 1) / math.Sqrt(float64(9*n[1])) })
	}
	return c, err
}

// Params implements nn.Network.
func (c conv) Params() []*nn.Param {
	return append(c.linear.Params(), c.w[0], c.b[0], c.w[1], c.b[1])
}

// Dims implements nn.Network.
func (c conv) Dims() (in, labels, out int) { return c.in, 0, c.out }

// Apply implements nn.Network.
func (c conv) Apply(x, _ *G.Node) (h *G.Node, err error) {
	if c.name == "encoder" {
		h, err = G.Reshape(x, tensor.Shape{x.Shape()[0], 1, c.height, c.width})
		for i := 0; i < 2 && err == nil; i++ {
			h, err = c.layer(h, i, 2, true)
		}
		if err != nil {
			return nil, err
		}
		if h, err = G.Reshape(h, tensor.Shape{x.Shape()[0], h.Shape()[1:].TotalSize()}); err != nil {
			return nil, err
		}
		return c.linear.Apply(h)
	}
	if h, err = c.linear.Apply(x); err != nil {
		return nil, err
	}
	h, err = G.Reshape(h, tensor.Shape{x.Shape()[0], c.w[0].Value.Shape()[1], c.height / 4, c.width / 4})
	for i := 0; i < 2 && err == nil; i++ {
		if h, err = G.Upsample2D(h, 2); err == nil {
			h, err = c.layer(h, i, 1, i == 0)
		}
	}
	if err != nil {
		return nil, err
	}
	return G.Reshape(h, tensor.Shape{x.Shape()[0], c.out})
}

// layer is a convolution with its bias.
func (c conv) layer(x *G.Node, i, stride int, relu bool) (*G.Node, error) {
	h, err := G.Conv2d(x, c.w[i].Node(x.Graph()), tensor.Shape{3, 3}, []int{1, 1}, []int{stride, stride}, []int{1, 1})
	if err != nil {
		return nil, err
	}
	b, err := G.Reshape(c.b[i].Node(x.Graph()), tensor.Shape{1, h.Shape()[1], 1, 1})
	if err != nil {
		return nil, err
	}
	if h, err = G.BroadcastAdd(h, b, nil, []byte{0, 2, 3}); err != nil || !relu {
		return h, err
	}
	return G.Rectify(h)
}
