package vae

import (
	"fmt"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/graph"
	"govae/nn"
)

// EncodeParams returns the parameters of q(z|x) for n images x [n,X], as the posterior's
// family has them: [n,P]. For dist.Normal they are the mean and the log-variance side by
// side. With several stochastic layers z is the first code, z_1. Here and in Encode, Center
// and Reconstruct an error names the first pixel outside the likelihood's domain.
func (m *Model) EncodeParams(x []float32) ([]float32, error) {
	return m.each(m.graphs.get("encode", (*Model).buildEncode), true, x, m.pixels, m.params)
}

// each runs a graph from rows "in" [n,width], of images if they are none of codes, and labels,
// to rows "out" [n,out]. The rows of each batch are checked when the batch has just been read.
func (m *Model) each(rows *graph.Rows, images bool, in []float32, width, out int) ([]float32, error) {
	what, check := "codes", func(z []float32) error { _, err := m.codes(z, width); return err }
	if images {
		what, check = "images", func(x []float32) error { return dist.Check(m.p.Family, x) }
	}
	n, err := m.count(what, in, width)
	if err != nil {
		return nil, err
	}
	given, err := m.given(n, map[string][]float32{"in": in})
	if err != nil {
		return nil, err
	}
	dst := make([]float32, n*out)
	return dst, rows.Run(n, given, func(lo, hi int, _ *graph.Program) error {
		if check(in[lo*width:hi*width]) != nil {
			return check(in) // which counts from the first
		}
		return nil
	}, graph.Collect("out", n, dst))
}

func (m *Model) buildEncode(b *graph.Builder, batch int) error {
	params, err := apply(m.q[0].Net, b.Input("in", batch, m.pixels), m.labelInput(b, batch))
	b.Output("out", params)
	return err
}

// Encode returns the mean and the log-variance of the Gaussian q(z|x) for n images x
// [n,X]: mu and logvar, both [n,Z]. With several stochastic layers z is the first code, z_1.
// With a flow, mu and logvar are those of z0, and Transform makes z of z0. It is an error if
// the encoder gives no Gaussian: EncodeParams is for any family.
func (m *Model) Encode(x []float32) (mu, logvar []float32, err error) {
	if !m.gaussian() {
		return nil, nil, fmt.Errorf("vae: q(z|x) is %s, which has no mean and log-variance: use EncodeParams", m.q[0].Family.Name())
	}
	h, err := m.EncodeParams(x)
	if err != nil {
		return nil, nil, err
	}
	mu, logvar = parted(h, m.latent)
	return mu, logvar, nil
}

// gaussian reports whether the encoder's outputs are those of a diagonal Gaussian, with or
// without a flow on top.
func (m *Model) gaussian() bool {
	f := m.Posterior()
	if t, ok := m.flow(); ok {
		f = t.Base
	}
	_, ok := f.(dist.Normal)
	return ok
}

// flow is the posterior that has a flow, if it is one.
func (m *Model) flow() (t dist.Transformed, ok bool) {
	t, ok = m.Posterior().(dist.Transformed)
	return t, ok
}

// parted parts rows of mu and logvar, [n,2Z], and joined puts them side by side again.
func parted(h []float32, z int) (mu, logvar []float32) {
	mu, logvar = make([]float32, len(h)/2), make([]float32, len(h)/2)
	for i := 0; i < len(mu); i += z {
		copy(mu[i:i+z], h[2*i:])
		copy(logvar[i:i+z], h[2*i+z:])
	}
	return mu, logvar
}

func joined(mu, logvar []float32, z int) []float32 {
	h := make([]float32, 2*len(mu))
	for i := 0; i < len(mu); i += z {
		copy(h[2*i:], mu[i:i+z])
		copy(h[2*i+z:], logvar[i:i+z])
	}
	return h
}

// Transform returns z = f(z0), [n,Z], of n codes z0 [n,Z]. They are drawn from the Gaussians
// that Encode gives, mu and logvar [n,Z]. Without a flow it returns z0.
func (m *Model) Transform(z0, mu, logvar []float32) ([]float32, error) {
	n, err := m.codes(z0, m.latent)
	if err != nil {
		return nil, err
	}
	if len(mu) != len(z0) || len(logvar) != len(z0) {
		return nil, fmt.Errorf("vae: %d codes with %d means and %d log-variances", n, len(mu)/m.latent, len(logvar)/m.latent)
	}
	if _, ok := m.flow(); !ok {
		return z0, nil
	}
	z := make([]float32, len(z0))
	in := map[string][]float32{"z0": z0, "params": joined(mu, logvar, m.latent)}
	return z, m.graphs.get("flow", (*Model).buildFlow).Run(n, in, graph.Collect("z", n, z))
}

func (m *Model) buildFlow(b *graph.Builder, batch int) error {
	t, _ := m.flow()
	z0, params := b.Input("z0", batch, m.latent), b.Input("params", batch, m.params)
	z, err := node(fmt.Sprintf("Transform of %T", t.Flow), func() (*G.Node, error) {
		z, _, err := t.Flow.Transform(z0, params)
		return z, err
	}, batch, m.latent)
	b.Output("z", z)
	return err
}

// Center returns a code that stands for each of n images x [n,X]: [n,Z]. It is the mean of
// q(z|x). With a flow it is f(mu), where mu is the mean of the Gaussian under the flow.
func (m *Model) Center(x []float32) ([]float32, error) {
	return m.each(m.graphs.get("center", (*Model).buildCenter), true, x, m.pixels, m.latent)
}

func (m *Model) buildCenter(b *graph.Builder, batch int) error {
	q, err := on(m.q[0], b.Input("in", batch, m.pixels), m.labelInput(b, batch))
	if err != nil {
		return err
	}
	drawable, ok := q.(dist.Drawable)
	if !ok {
		return fmt.Errorf("vae: q(z|x) is %T, which can't be drawn", q)
	}
	z, err := node(fmt.Sprintf("Center of %T", q), drawable.Center, batch, m.latent)
	b.Output("out", z)
	return err
}

// Up returns the mean and the log-variance of q(z_l+1|z_l) for n codes z [n,Z_l] of
// stochastic layer l, counted from 1: both [n,Z_l+1].
func (m *Model) Up(l int, z []float32) (mu, logvar []float32, err error) {
	if err := m.above(l); err != nil {
		return nil, nil, err
	}
	return m.layer(fmt.Sprint("up ", l), m.q[l].Net, z, m.latents[l-1], m.latents[l])
}

// Down returns the mean and the log-variance of p(z_l|z_l+1) for n codes z
// [n,Z_l+1]: both [n,Z_l].
func (m *Model) Down(l int, z []float32) (mu, logvar []float32, err error) {
	if err := m.above(l); err != nil {
		return nil, nil, err
	}
	return m.layer(fmt.Sprint("down ", l), m.gens[l-1].Net, z, m.latents[l], m.latents[l-1])
}

// above returns an error unless there is a stochastic layer above layer l.
func (m *Model) above(l int) error {
	if l < 1 || l >= len(m.q) {
		return fmt.Errorf("vae: no stochastic layer above layer %d of %d", l, len(m.q))
	}
	return nil
}

// layer runs a network between two codes, of the given widths.
func (m *Model) layer(name string, net nn.Network, z []float32, in, out int) (mu, logvar []float32, err error) {
	h, err := m.each(m.graphs.get(name, func(m *Model, b *graph.Builder, batch int) error {
		params, err := apply(net, b.Input("in", batch, in), m.labelInput(b, batch))
		b.Output("out", params)
		return err
	}), false, z, in, 2*out)
	if err != nil {
		return nil, nil, err
	}
	mu, logvar = parted(h, out)
	return mu, logvar, nil
}

// Decode returns E[x|z], the mean image, for n codes z [n,Z]: [n,X]. For a Bernoulli
// likelihood it is the probability of ink in each pixel. Here and wherever codes are taken an
// error names the first that isn't finite.
func (m *Model) Decode(z []float32) ([]float32, error) {
	n, err := m.codes(z, m.latent)
	if err != nil {
		return nil, err
	}
	in, err := m.given(n, map[string][]float32{"in": z})
	if err != nil {
		return nil, err
	}
	likelihood := "likelihood " + m.p.Family.Name()
	images := make([]float32, n*m.pixels)
	var room []float32 // for parameters that are more than pixels
	if m.outputs != m.pixels {
		room = make([]float32, graph.BatchFor(n)*m.outputs)
	}
	return images, m.graphs.get("decode", (*Model).buildDecode).Run(n, in, func(lo, hi int, p *graph.Program) error {
		dst := images[lo*m.pixels : hi*m.pixels]
		params := dst
		if room != nil {
			params = room[:(hi-lo)*m.outputs]
		}
		if err := graph.Copy(p, "out", params); err != nil {
			return err
		}
		means, err := asked(likelihood, func() ([]float32, error) { return dist.Means(m.p.Family, params, m.pixels), nil })
		if err == nil && len(means) != len(dst) {
			err = fmt.Errorf("vae: %s gives %d means for %d pixels", likelihood, len(means), len(dst))
		}
		if err == nil && &means[0] != &dst[0] {
			copy(dst, means)
		}
		return err
	})
}

// DecodeParams returns the likelihood's parameters for n codes z [n,Z]: [n,Outputs]. For
// Bernoulli they are the logits [n,X].
func (m *Model) DecodeParams(z []float32) ([]float32, error) {
	return m.each(m.graphs.get("decode", (*Model).buildDecode), false, z, m.latent, m.outputs)
}

func (m *Model) buildDecode(b *graph.Builder, batch int) error {
	t := &Trace{Z: []*G.Node{b.Input("in", batch, m.latent)}, Y: m.labelInput(b, batch), m: m}
	params, err := t.Params()
	b.Output("out", params)
	return err
}

// Reconstruct returns E[x|z] at z = Center(x) for n images x [n,X]: [n,X].
func (m *Model) Reconstruct(x []float32) ([]float32, error) {
	z, err := m.Center(x)
	if err != nil {
		return nil, err
	}
	return m.Decode(z)
}

// count returns the number of rows of the given width.
func (m *Model) count(what string, rows []float32, width int) (int, error) {
	if len(rows)%width != 0 {
		return 0, fmt.Errorf("vae: %d numbers are no whole number of %s of %d each", len(rows), what, width)
	}
	return len(rows) / width, nil
}

// codes returns the number of codes z [n,width], and an error that names the first that
// isn't finite.
func (m *Model) codes(z []float32, width int) (int, error) {
	n, err := m.count("codes", z, width)
	if err != nil {
		return 0, err
	}
	for i, v := range z {
		if v-v != 0 {
			return 0, fmt.Errorf("vae: code %d has %v in dimension %d, want a finite number", i/width, v, i%width)
		}
	}
	return n, nil
}

// maxResult bounds the numbers of a result whose size the caller names, to 8 GB, so that a
// wrong size is an error and not an attempt to allocate it.
const maxResult = 1<<31 - 1

// fits returns an error if n rows of the given width are more than maxResult numbers.
func fits(what string, n, width int) error {
	if most := maxResult / max(width, 1); n > most {
		return fmt.Errorf("vae: %d %s of %d numbers each, want at most %d", n, what, width, most)
	}
	return nil
}

// on is a conditional given x, and y if its network takes labels.
func on(c dist.Conditional, x, y *G.Node) (dist.Dist, error) {
	params, err := apply(c.Net, x, y)
	if err != nil {
		return nil, err
	}
	return batchOf(c.Family, params)
}
