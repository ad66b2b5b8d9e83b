package train_test

import (
	"context"
	"fmt"
	"maps"
	"slices"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
	"govae/mnist"
	"govae/nn"
	"govae/optim"
	"govae/train"
	"govae/vae"
)

// Two epochs on the first images of MNIST.
func ExampleRun() {
	images, _, err := mnist.Load("")
	if err != nil {
		fmt.Println(err)
		return
	}
	mc := vae.DefaultConfig()
	mc.Hidden, mc.Latent = []int{8}, 2
	m, err := vae.New(mc)
	if err != nil {
		fmt.Println(err)
		return
	}
	cfg := train.DefaultConfig()
	cfg.Epochs, cfg.Limit = 2, 256
	epochs, err := train.Run(context.Background(), m, train.Data{Train: images}, cfg, train.Hooks{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(epochs), "epochs of", epochs[0].Step, "steps; the ELBO rises:", epochs[1].Train.ELBO > epochs[0].Train.ELBO)
	// Output: 2 epochs of 2 steps; the ELBO rises: true
}

// line is a task that is no variational autoencoder: the slope of y = 3x.
type line struct {
	w *nn.Param // [1,1]
	p *graph.Program
}

func newLine(name string) (*line, error) {
	l := &line{w: nn.NewParam(tensor.Float32, name, 1, 1)}
	var err error
	l.p, err = graph.Compile(tensor.Float32, func(b *graph.Builder) error {
		x, y := b.Input("x", 4, 1), b.Input("y", 4, 1)
		loss := G.Must(G.Mean(G.Must(G.Square(G.Must(G.Sub(G.Must(G.Mul(x, l.w.Node(b.Graph()))), y))))))
		return train.Descend(b, loss, l.Params())
	})
	return l, err
}

func (l *line) Params() []*nn.Param { return []*nn.Param{l.w} }
func (l *line) Steps() int          { return 10 }

func (l *line) Updates() []train.Update {
	return []train.Update{{Params: l.Params()}}
}

func (l *line) Batch(step, _ int) (train.Batch, error) {
	return train.Batch{Program: l.p, Rows: 4, Fill: func(p *graph.Program) error {
		for i := range 4 {
			x := float32(i+step%3) / 3
			p.Input("x")[i], p.Input("y")[i] = x, 3*x
		}
		return nil
	}}, nil
}

// A Loop trains any Task.
func ExampleLoop() {
	task, err := newLine("slope")
	if err != nil {
		fmt.Println(err)
		return
	}
	loop := train.Loop{Task: task, Epochs: 40, LR: func(int) float64 { return 0.1 }}
	if err := loop.Run(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("slope %.2f\n", task.w.Numbers()[0])
	// Output: slope 3.00
}

// lines is a task of two updates a step, each of a slope of its own.
type lines [2]*line

func (l lines) Params() []*nn.Param { return append(l[0].Params(), l[1].Params()...) }
func (l lines) Steps() int          { return l[0].Steps() }

func (l lines) Updates() []train.Update {
	return []train.Update{
		{Name: "first", Params: l[0].Params()},
		{Name: "second", Params: l[1].Params(), Optimizer: "sgd", Config: optim.Config{Momentum: 0.9}},
	}
}

func (l lines) Batch(step, update int) (train.Batch, error) { return l[update].Batch(step, 0) }

// A step of several updates, such as those of a GAN. Each has an optimiser, a program and
// scalars of its own.
func ExampleUpdate() {
	var task lines
	for i, name := range []string{"first slope", "second slope"} {
		l, err := newLine(name)
		if err != nil {
			fmt.Println(err)
			return
		}
		task[i] = l
	}
	loop := train.Loop{Task: task, Epochs: 40, LR: func(int) float64 { return 0.1 }, Epoch: func(s train.Summary) {
		if s.Epoch == 40 {
			fmt.Println(slices.Sorted(maps.Keys(s.Train)))
		}
	}}
	if err := loop.Run(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range task.Params() {
		fmt.Printf("%s %.2f\n", p.Names[0], p.Numbers()[0])
	}
	// Output:
	// [first.loss second.loss]
	// first slope 3.00
	// second slope 3.00
}
