package train

import (
	"math/rand/v2"

	"govae/graph"
	"govae/internal/simd"
	"govae/internal/stream"
	"govae/mnist"
	"govae/vae"
)

// feed makes batches ready: shuffled, binarised, with their noise, in the inputs
// of the graph that they are for. While one batch is trained on, a core that is
// free between two kernels prepares the next. A batch is a function of seed and
// step, so it does not matter who makes it, or when.
type feed struct {
	cfg      Config
	model    *vae.Model
	set      *mnist.Set
	perEpoch int
	graphs   map[kind]*vae.Step
	epoch    int   // that order is for
	order    []int // of the images

	step  int // that is being prepared
	ready batch
	work  *simd.Ahead
}

// kind is what tells the graphs of a run apart.
type kind struct {
	images int // the last batch of an epoch may be smaller
	k      int // draws an image
}

// batch is one step's input.
type batch struct {
	graph  *vae.Step
	images int
}

// prepare starts to make the batch of a step ready. It uses the buffers of that
// batch's graph, so the batch before must have been taken.
func (f *feed) prepare(step int) error {
	first := step % f.perEpoch * f.cfg.Batch
	n := min(f.cfg.Batch, f.set.Len()-first)
	o := f.cfg.objective(step / f.perEpoch)
	g, ok := f.graphs[kind{n, o.K}]
	if !ok {
		var err error
		if g, err = f.model.NewObjectiveStep(n, f.cfg.weight(), o); err != nil {
			return err
		}
		f.graphs[kind{n, o.K}] = g
	}
	f.step, f.ready = step, batch{g, n}
	f.work = simd.Start(func() {
		if epoch := step / f.perEpoch; epoch != f.epoch {
			f.epoch = epoch
			f.order = rand.New(stream.New(f.cfg.Seed, stream.Shuffle, uint64(epoch))).Perm(f.set.Len())
		}
		f.set.Fill(g.X(), f.order[first:first+n], f.cfg.Binarize, stream.New(f.cfg.Seed, stream.Binarize, uint64(step)))
		for _, in := range g.Inputs() {
			if in.Name == "y" {
				f.oneHot(g.Input("y"), f.order[first:first+n])
			}
			switch src := stream.New(f.cfg.Seed, in.Stream, uint64(step)); in.Noise {
			case graph.Normal:
				stream.Normal(g.Input(in.Name), src)
			case graph.Uniform:
				stream.Uniform(g.Input(in.Name), src)
			}
		}
	})
	return nil
}

// oneHot writes the labels of images as rows with a 1 at the label's place. That there is
// such a place newTrainer has checked.
func (f *feed) oneHot(y []float32, index []int) {
	clear(y)
	width := len(y) / len(index)
	for i, j := range index {
		y[i*width+int(f.set.Labels[j])] = 1
	}
}

// take returns the batch of a step, in its graph and ready to run.
func (f *feed) take(step int) (batch, error) {
	if f.work == nil || f.step != step {
		if err := f.prepare(step); err != nil {
			return batch{}, err
		}
	}
	f.work.Wait()
	f.work = nil
	return f.ready, f.ready.graph.Take()
}
