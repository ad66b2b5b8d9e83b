package outside

import (
	"math/rand/v2"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/dist"
	"govae/graph"
	"govae/mnist"
	"govae/nn"
	"govae/train"
)

// Adversarial is an adversarial autoencoder, a task of two updates a step. The code z is a
// function of x. A critic c tells codes from draws of N(0,I), and the encoder deceives it:
//
//	model:  loss = mean_i −log p(x_i|z_i) − weight·mean_i log σ(c(z_i))
//	critic: loss = −mean_i log σ(c(ε_i)) − mean_i log(1 − σ(c(z_i)))    ε_i from N(0,I)
//
// Each update has a program, parameters and an optimiser of its own.
//
// Source: Makhzani et al. 2015, section 2, arXiv:1511.05644.
type Adversarial struct {
	set                      *mnist.Set
	size                     int // images a batch
	encoder, decoder, critic nn.MLP
	programs                 [2]*graph.Program
}

// NewAdversarial makes the task with fresh weights.
func NewAdversarial(pixels, hidden, latent int, weight float64, set *mnist.Set, size int, src rand.Source) (a *Adversarial, err error) {
	a = &Adversarial{set: set, size: size}
	for _, n := range []struct {
		net     *nn.MLP
		name    string
		in, out int
	}{{&a.encoder, "encoder", pixels, latent}, {&a.decoder, "decoder", latent, pixels}, {&a.critic, "critic", latent, 1}} {
		if *n.net, err = network(n.name, n.in, []int{hidden}, n.out, src); err != nil {
			return nil, err
		}
	}
	for i, build := range []func(b *graph.Builder, x, z *G.Node) error{
		func(b *graph.Builder, x, z *G.Node) error { return a.buildModel(b, x, z, weight) },
		func(b *graph.Builder, _, z *G.Node) error { return a.buildCritic(b, z, latent) },
	} {
		a.programs[i], err = graph.Compile(tensor.Float32, func(b *graph.Builder) error {
			x, encoder := b.Input("x", size, pixels), a.encoder
			if i == 1 {
				encoder = encoder.Fixed()
			}
			z, err := encoder.Apply(x) // [B,Z]
			if err != nil {
				return err
			}
			return build(b, x, z)
		})
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *Adversarial) buildModel(b *graph.Builder, x, z *G.Node, weight float64) error {
	var s graph.Steps
	logits := s.Do(a.decoder.Apply(z)) // [B,X]
	said := s.Do(a.critic.Fixed().Apply(z))
	p, err := dist.Bernoulli{}.On(logits)
	if err != nil {
		return err
	}
	distortion, deceit := s.Do(graph.Mean(s.Do(dist.NegLogProb(p, x)))), s.Do(verdict(said, true))
	loss := s.Do(graph.Combine([]float64{1, weight}, distortion, deceit))
	if s.Err() != nil {
		return s.Err()
	}
	b.Output("distortion", distortion)
	b.Output("deceit", deceit)
	return train.Descend(b, loss, a.model())
}

func (a *Adversarial) buildCritic(b *graph.Builder, z *G.Node, latent int) error {
	var s graph.Steps
	code := s.Do(verdict(s.Do(a.critic.Apply(z)), false))
	prior := s.Do(verdict(s.Do(a.critic.Apply(b.Random("eps", "eps", graph.Normal, a.size, latent))), true))
	loss := s.Do(graph.Combine([]float64{1, 1}, prior, code))
	if s.Err() != nil {
		return s.Err()
	}
	return train.Descend(b, loss, a.critic.Params())
}

// verdict is −mean log σ(c), or −mean log(1 − σ(c)), of c [B,1].
func verdict(c *G.Node, prior bool) (*G.Node, error) {
	sign := 1.0
	if prior {
		sign = -1
	}
	n, err := graph.Op{Name: "verdict", Shape: tensor.Shape{c.Shape()[0]}, Run: graph.Each(func(v []float64) float64 { return softplus(sign * v[0]) }),
		Grads: []graph.Kernel{graph.Each(func(v []float64) float64 { return v[0] * sign * sigmoid(sign*v[2]) })}}.Apply(c)
	if err != nil {
		return nil, err
	}
	return graph.Mean(n)
}

func (a *Adversarial) model() []*nn.Param { return append(a.encoder.Params(), a.decoder.Params()...) }

// Params implements train.Task.
func (a *Adversarial) Params() []*nn.Param { return append(a.model(), a.critic.Params()...) }

// Updates implements train.Task.
func (a *Adversarial) Updates() []train.Update {
	return []train.Update{{Name: "model", Params: a.model()}, {Name: "critic", Params: a.critic.Params()}}
}

// Steps implements train.Task.
func (a *Adversarial) Steps() int { return a.set.Len() / a.size }

// Batch implements train.Task.
func (a *Adversarial) Batch(step, update int) (train.Batch, error) {
	return train.Batch{Program: a.programs[update], Rows: a.size, Fill: func(p *graph.Program) error {
		order := rand.New(rand.NewPCG(1, uint64(step/a.Steps()))).Perm(a.set.Len())[step%a.Steps()*a.size:]
		a.set.Fill(p.Input("x"), order[:a.size], mnist.Dynamic, rand.NewPCG(2, uint64(step)))
		return nil
	}}, nil
}

// network makes an MLP: hidden layers of ReLU, then a linear one.
func network(name string, in int, hidden []int, out int, src rand.Source) (nn.MLP, error) {
	c := nn.MLPConfig{Name: name, In: in, Hidden: hidden, Activation: "relu", Init: "pytorch"}
	m, err := nn.NewMLP(c, tensor.Float32, src)
	if err != nil {
		return nil, err
	}
	last, err := nn.NewLinear(tensor.Float32, out, c.Out(), nn.Identity, c.Init, src, name+".out")
	return append(m, last), err
}
