package klreg

import (
	"fmt"
	"math"
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/nn"
)

// Check returns an error unless the closed form of KL(q ‖ p) is right for a posterior with the given
// parameters [q.Outputs(dim)], by what needs no closed form. It is for a test of a form of your own;
// call it for several parameters. The form must be within 5 standard errors of the mean of Estimate
// over that many draws, at least 100: for a right one, 1 seed in 1.7 million is an error. Its
// gradient along the parameters must be that of central differences, up to 1e-4 of the largest.
// The prior takes no labels. A gradient along the prior's parameters is not looked at.
func Check(q dist.Code, p dist.Prior, dim int, params []float64, draws int, src rand.Source) error {
	if len(params) != q.Outputs(dim) || draws < 100 || src == nil {
		return fmt.Errorf("klreg: check with %d parameters, %d draws and source %v, want %d, at least 100 and one", len(params), draws, src, q.Outputs(dim))
	}
	row, eps, r := nn.NewParam(tensor.Float64, "params", 1, len(params)), nn.NewParam(tensor.Float64, "eps", draws, q.Noise(dim)), rand.New(src)
	x := row.Value.Data().([]float64)
	copy(x, params)
	eps.Fill(r.NormFloat64)
	program, err := graph.Compile(tensor.Float64, func(b *graph.Builder) error { return checked(b, q, p, row, eps) })
	if err != nil {
		return err
	}
	estimates, grad := make([]float64, draws), make([]float64, len(params))
	kl, err := program.Number("kl")
	if err == nil {
		err = graph.Copy(program, "estimate", estimates)
	}
	if err == nil {
		err = graph.Copy(program, row.GradientName(), grad)
	}
	if err != nil {
		return err
	}
	var mean, m2 float64
	for i, e := range estimates {
		d := e - mean
		mean += d / float64(i+1)
		m2 += d * (e - mean)
	}
	stderr := math.Sqrt(m2 / float64(draws-1) / float64(draws))
	if !(math.Abs(kl-mean) <= 5*stderr+1e-9*(1+math.Abs(kl))) {
		return fmt.Errorf("klreg: the closed form of KL(%s ‖ %s) is %v nats, its estimate from %d draws %v ± %v", q.Name(), p.Name(), kl, draws, mean, stderr)
	}
	at := func(j int, v float64) (kl float64) {
		if x[j] = v; err == nil {
			err = program.Run()
		}
		if err == nil {
			kl, err = program.Number("kl")
		}
		x[j] = params[j]
		return kl
	}
	slopes, most := make([]float64, len(x)), 0.0
	for j, v := range params {
		h := 1e-5 * max(1, math.Abs(v))
		slopes[j] = (at(j, v+h) - at(j, v-h)) / (2 * h)
		most = max(most, math.Abs(slopes[j]))
	}
	for j, want := range slopes {
		if err == nil && !(math.Abs(grad[j]-want) <= 1e-4*most+1e-7) {
			return fmt.Errorf("klreg: the gradient of the closed form of KL(%s ‖ %s) along parameter %d is %v, by differences %v", q.Name(), p.Name(), j, grad[j], want)
		}
	}
	return err
}

// checked adds the outputs kl, the mean of the form over rows that are alike, with its gradient,
// and estimate, [draws].
func checked(b *graph.Builder, q dist.Code, p dist.Prior, row, eps *nn.Param) error {
	g := b.Graph()
	batch, err := (&dist.RepeatedBatch{Family: q, Params: row.Node(g)}).Repeat(eps.Value.Shape()[0])
	if err != nil {
		return err
	}
	prior, err := p.On(g, nil)
	if err != nil {
		return err
	}
	dims, err := KL(batch, prior)
	if err != nil {
		return err
	}
	var kl, estimate *G.Node
	if kl, err = MeanRate(dims); err != nil {
		return err
	}
	drawable, ok := batch.(dist.Drawable)
	if !ok {
		return fmt.Errorf("klreg: check of %T, which can't be drawn", batch)
	}
	draw, err := drawable.Draw(eps.Node(g))
	if err != nil {
		return err
	}
	if estimate, err = Estimate(draw, prior); err != nil {
		return err
	}
	b.Output("kl", kl)
	b.Output("estimate", estimate)
	return nn.Gradients(b, kl, []*nn.Param{row})
}
