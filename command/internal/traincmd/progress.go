package traincmd

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"govae/command/internal/cli"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

// progress shows a run: a bar on a terminal, above it a line an epoch; the lines
// alone elsewhere.
type progress struct {
	o     *options
	out   io.Writer
	plain *cli.Output   // standard output, as it is left when there is no bar
	width int           // of the terminal
	bars  *mpb.Progress // nil if not on a terminal
	bar   *mpb.Bar

	began         time.Time
	steps         int                       // of this session
	shown         atomic.Pointer[[3]string] // left of the bar, and two parts right of it, which mpb draws from a goroutine of its own
	left          time.Duration
	imagesASecond float64 // over the last window
	windowStart   time.Time
	windowImages  int
}

func newProgress(out *os.File, o *options) *progress {
	p := &progress{o: o, plain: cli.NewOutput(out)}
	p.out = p.plain
	if o.quiet {
		p.out = io.Discard
	} else if width, ok := cli.Terminal(out); ok {
		p.width, p.bars = width, mpb.New(mpb.WithOutput(out), mpb.WithWidth(30))
		p.out = cli.NewOutput(p.bars)
	}
	return p
}

// start says what will be done.
func (p *progress) start(trainSet, testSet *mnist.Set) {
	c := p.o.Model
	sizes := fmt.Sprint(c.Pixels())
	for _, h := range append(slices.Clone(c.Hidden), c.Latent) {
		sizes += fmt.Sprintf("-%d", h)
	}
	n := trainSet.Len() - p.o.Train.Validation
	if limit := p.o.Train.Limit; limit > 0 {
		n = min(n, limit)
	}
	held := ""
	if v := p.o.Train.Validation; v > 0 {
		held = fmt.Sprintf("%d held out, ", v)
	}
	fmt.Fprintf(p.out, "%s: %d training images, %s%d test images, %s\n", strings.TrimSuffix(trainSet.Name, " train"), n, held, testSet.Len(), p.o.Label())
	fmt.Fprintf(p.out, "model %s %s, %s%s; batch %d, %s %v, seed %d; ELBO in nats per image\n",
		sizes, c.Activation, c.Likelihood, extras(p.o), p.o.Train.Batch, p.o.Train.Optimizer, p.o.Train.LR, p.o.Train.Seed)
	p.began, p.windowStart = time.Now(), time.Now()
}

// extras names what is not as in the plain model: further layers, flow, parts, options and
// objective.
func extras(o *options) (s string) {
	for _, a := range o.Model.Above {
		s += fmt.Sprintf(", above it %d", a.Latent)
	}
	if o.Model.Flow > 0 {
		s += fmt.Sprintf(", flow of %d", o.Model.Flow)
	}
	c, plain := o.Model.Whole(), vae.DefaultConfig().Whole()
	for _, part := range []struct{ name, plain, kind string }{
		{c.Encoder, plain.Encoder, "encoder"}, {c.Decoder, plain.Decoder, "decoder"}, {c.Posterior, plain.Posterior, "posterior"}, {c.Prior, plain.Prior, "prior"},
	} {
		if part.name != part.plain {
			s += fmt.Sprintf(", %s %s", part.name, part.kind)
		}
	}
	if _, components := c.Uses(); components {
		s += fmt.Sprintf(" of %d", c.Components)
	}
	if c.Labels > 0 {
		s += fmt.Sprintf(", given one of %d labels", c.Labels)
	}
	s += listed(c.Options)
	if j := o.Train.Objective; j.Name != vae.DefaultObjective().Name {
		s += fmt.Sprintf("; %s, k=%d", j.Name, j.K)
		if j.M > 1 {
			s += fmt.Sprintf(", m=%d", j.M)
		}
		if j.Backward > 0 {
			s += fmt.Sprintf(", gradient through %d", j.Backward)
		}
		s += listed(j.Options)
	}
	return s
}

// listed are options, each after a comma.
func listed(o vae.Options) (s string) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		s += fmt.Sprintf(", %s=%s", name, o[name])
	}
	return s
}

func (p *progress) hooks() train.Hooks {
	if p.o.quiet {
		return train.Hooks{Draw: cli.Draw, Notice: p.notice}
	}
	return train.Hooks{Step: p.step, Epoch: p.epoch, Draw: cli.Draw, Notice: p.notice}
}

func (p *progress) notice(text string) { fmt.Fprintln(p.out, "note:", text) }

func (p *progress) step(s train.Progress) {
	p.steps++
	p.windowImages += s.Images
	now := time.Now()
	if d := now.Sub(p.windowStart); d > 250*time.Millisecond || p.imagesASecond == 0 {
		p.imagesASecond = float64(p.windowImages) / d.Seconds()
		p.windowStart, p.windowImages = now, 0
	}
	done, all := (s.Epoch-1)*s.Steps+s.Step, s.Epochs*s.Steps
	p.left = time.Duration(float64(now.Sub(p.began)) / float64(p.steps) * float64(all-done))
	if p.bars == nil {
		return
	}
	p.shown.Store(&[3]string{fmt.Sprintf("epoch %d/%d ", s.Epoch, s.Epochs),
		fmt.Sprintf(" %.0f images/s  loss %.2f ", p.imagesASecond, s.Loss.Loss), fmt.Sprintf(" %s left", short(p.left))})
	if p.bar == nil {
		p.bar = p.bars.AddBar(int64(all), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.shown.Load()[0] })),
			mpb.AppendDecorators(decor.Any(func(s decor.Statistics) string {
				speed, left := p.shown.Load()[1], p.shown.Load()[2]
				if len(speed)+len(left)+leastBar > s.AvailableWidth {
					return left
				}
				return speed + left
			})))
	}
	if done < all { // a bar that is full is taken away, and what is written after that is lost with it
		p.bar.SetCurrent(int64(done))
	}
}

// leastBar is the width of a bar that one can still read, in columns.
const leastBar = 12

// epoch writes the line of an epoch. On a narrow terminal the parts that do not fit are left out.
func (p *progress) epoch(e train.Epoch) {
	line := fmt.Sprintf("epoch %*d/%d  train %8.2f", len(fmt.Sprint(p.o.Train.Epochs)), e.Epoch, p.o.Train.Epochs, e.Train.ELBO)
	if e.Validation != nil {
		line += fmt.Sprintf("  validation %8.2f", e.Validation.ELBO)
	}
	line += fmt.Sprintf("  test %8.2f", e.Test.ELBO)
	if p.width > 0 && len(line) > p.width {
		line = strings.Join(strings.Fields(line), " ")
	}
	parts := []string{fmt.Sprintf(" (rate %.2f, distortion %.2f)", e.Test.Rate, e.Test.Distortion), fmt.Sprintf("  %.0f images/s", e.ImagesPerSecond)}
	if e.Epoch < p.o.Train.Epochs {
		parts = append(parts, fmt.Sprintf("  %s left", short(p.left)))
	}
	for _, part := range parts {
		if p.width > 0 && len(line)+len(part) > p.width {
			break
		}
		line += part
	}
	fmt.Fprintln(p.out, line)
	p.imagesASecond = e.ImagesPerSecond
	p.windowStart, p.windowImages = time.Now(), 0 // measuring the epoch is not training
}

// stop ends the bar.
func (p *progress) stop() {
	if p.bars != nil {
		if p.bar != nil {
			p.bar.Abort(true)
		}
		p.bars.Wait()
		p.out = p.plain
	}
}

// done says what there is now. It fails if something could not be written.
func (p *progress) done(epochs []train.Epoch) error {
	if p.steps == 0 && !p.o.quiet {
		more := ""
		if p.o.Train.CanGrow() {
			more = "; a larger -epochs goes on"
		}
		has := fmt.Sprintf("its %d epochs", len(epochs))
		if n := p.o.Train.Epochs; len(epochs) > n {
			has = fmt.Sprintf("%d epochs, and -epochs is %d", len(epochs), n)
		}
		fmt.Fprintf(p.out, "nothing to do: %s has %s%s\n", p.o.Train.Out, has, more)
		return p.plain.Err("train", "the run in "+p.o.Train.Out+" is done")
	}
	fmt.Fprintf(p.out, "%s in %s: model.safetensors, samples.png, reconstructions.png, curves.png, metrics.jsonl\n",
		short(time.Since(p.began)), filepath.Clean(p.o.Train.Out))
	return p.plain.Err("train", "the run in "+p.o.Train.Out+" is done")
}

func short(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}
