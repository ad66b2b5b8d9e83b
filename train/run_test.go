package train_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"govae/checkpoint"
	"govae/evaluate"
	"govae/mnist"
	"govae/train"
	"govae/vae"
)

// tiny is a run of a second on a few real images.
func tiny() (vae.Config, train.Config) {
	m, c := vae.DefaultConfig(), train.DefaultConfig()
	m.Hidden, m.Latent = []int{24}, 4
	c.Epochs, c.Batch, c.Limit = 3, 50, 330 // 7 steps an epoch, the last of 30 images
	return m, c
}

func data(t *testing.T) train.Data {
	tr, te := load(t)
	return train.Data{Train: tr.Slice(0, 400), Test: te.Slice(0, 300)}
}

// fit trains a fresh model and returns it, with the epochs.
func fit(t *testing.T, ctx context.Context, mc vae.Config, c train.Config, hooks train.Hooks) (*vae.Model, []train.Epoch, error) {
	t.Helper()
	mc.Seed = c.Seed
	m, err := vae.New(mc)
	if err != nil {
		t.Fatal(err)
	}
	epochs, err := train.Run(ctx, m, data(t), c, hooks)
	return m, epochs, err
}

// bits is the weights of a model, bit for bit.
func bits(m *vae.Model) string {
	var b bytes.Buffer
	for _, p := range m.Params() {
		for _, v := range p.Value.Data().([]float32) {
			fmt.Fprintf(&b, "%08x", math.Float32bits(v))
		}
	}
	return b.String()
}

func mustFit(t *testing.T, mc vae.Config, c train.Config) (*vae.Model, []train.Epoch) {
	t.Helper()
	m, epochs, err := fit(t, context.Background(), mc, c, train.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	return m, epochs
}

// The same seed gives the same bits, whatever the number of threads; another
// seed gives others.
func TestSameSeedSameBits(t *testing.T) {
	mc, c := tiny()
	mc.Hidden = []int{200} // wide enough to be shared out over cores
	m, _ := mustFit(t, mc, c)
	want := bits(m)
	for _, procs := range []int{1, 2, 4} {
		was := runtime.GOMAXPROCS(procs)
		m, _ := mustFit(t, mc, c)
		runtime.GOMAXPROCS(was)
		if bits(m) != want {
			t.Errorf("other weights with GOMAXPROCS %d", procs)
		}
	}
	for _, seed := range []uint64{0, 2} {
		c.Seed = seed
		if m, _ := mustFit(t, mc, c); bits(m) == want {
			t.Errorf("seeds 1 and %d give the same weights", seed)
		}
	}
}

// A run that is interrupted anywhere and resumed ends with the bits and the
// metrics of one that never stopped.
func TestResumeSameBits(t *testing.T) {
	for name, change := range map[string]func(*train.Config){
		"plain": func(*train.Config) {},
		"everything": func(c *train.Config) {
			c.Warmup, c.FreeBits, c.Clip, c.Schedule, c.Validation = 2, 0.1, 50, "cosine", 60
		},
		"fixed":     func(c *train.Config) { c.Binarize = mnist.Fixed },
		"adamw":     func(c *train.Config) { c.Optimizer, c.WeightDecay = "adamw", 0.1 },
		"nesterov":  func(c *train.Config) { c.Optimizer, c.Momentum, c.LR = "nesterov", 0.9, 1e-4 },
		"outsiders": func(c *train.Config) { c.Optimizer, c.Schedule, c.LR = "train-test", "train-test", 1e-4 },
	} {
		t.Run(name, func(t *testing.T) {
			mc, c := tiny()
			change(&c)
			c.Out = filepath.Join(t.TempDir(), "whole")
			m, epochs := mustFit(t, mc, c)
			want := bits(m)
			for _, stopAt := range []int{1, 6, 7, 8, 14, 20} {
				c.Out = filepath.Join(t.TempDir(), "run")
				ctx, cancel := context.WithCancel(context.Background())
				steps := 0
				_, _, err := fit(t, ctx, mc, c, train.Hooks{Step: func(train.Progress) {
					if steps++; steps == stopAt {
						cancel()
					}
				}})
				if !errors.Is(err, train.ErrInterrupted) {
					t.Fatalf("stopped at step %d: %v", stopAt, err)
				}
				c.Resume = true
				m, again, err := fit(t, context.Background(), mc, c, train.Hooks{})
				c.Resume = false
				if err != nil {
					t.Fatal(err)
				}
				if bits(m) != want {
					t.Errorf("stopped at step %d: other weights", stopAt)
				}
				for i := range epochs {
					a, b := epochs[i], again[i]
					a.Seconds, a.ImagesPerSecond, b.Seconds, b.ImagesPerSecond = 0, 0, 0, 0
					x, _ := json.Marshal(a)
					y, _ := json.Marshal(b)
					if !bytes.Equal(x, y) {
						t.Errorf("stopped at step %d: epoch %d is %s, was %s", stopAt, i+1, y, x)
					}
				}
			}
		})
	}
}

// A run that is prolonged is the longer run.
func TestResumeLonger(t *testing.T) {
	mc, c := tiny()
	m, _ := mustFit(t, mc, c)
	c.Out, c.Epochs = filepath.Join(t.TempDir(), "run"), 1
	mustFit(t, mc, c)
	c.Resume, c.Epochs = true, 3
	longer, epochs := mustFit(t, mc, c)
	if bits(m) != bits(longer) || len(epochs) != 3 {
		t.Errorf("1 epoch, then 2 more, are not 3: %d epochs", len(epochs))
	}
	c.LR = 2e-3
	if _, _, err := fit(t, context.Background(), mc, c, train.Hooks{}); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("resumed with another step size: %v", err)
	}
	c.LR = 1e-3
	if _, err := train.Run(context.Background(), m, train.Data{Train: data(t).Train.Slice(1, 400)}, c, train.Hooks{}); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("resumed with other data: %v", err)
	}
}

// Figures are drawn by a hook, which is told of the run when it is over, and whose error ends it.
func TestDrawHook(t *testing.T) {
	mc, c := tiny()
	c.Out, c.Epochs = filepath.Join(t.TempDir(), "run"), 2
	var last train.Drawing
	_, epochs, err := fit(t, context.Background(), mc, c, train.Hooks{Draw: func(d train.Drawing) error { last = d; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	if last.Dir != c.Out || len(last.History) != len(epochs) || last.Set.Len() == 0 || last.Model == nil || last.Config.Seed != c.Seed {
		t.Errorf("drawn from %+v", last)
	}
	c.Out = filepath.Join(t.TempDir(), "other")
	full := errors.New("disk full")
	if _, _, err := fit(t, context.Background(), mc, c, train.Hooks{Draw: func(train.Drawing) error { return full }}); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

func TestRunDirectory(t *testing.T) {
	mc, c := tiny()
	c.Out, c.Validation = filepath.Join(t.TempDir(), "a", "run"), 50
	m, epochs := mustFit(t, mc, c)
	saved, err := vae.Load(filepath.Join(c.Out, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if bits(saved) != bits(m) {
		t.Error("model.safetensors is not the model")
	}
	f, err := checkpoint.Read(filepath.Join(c.Out, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if with, ok, err := train.TrainedWith(f); err != nil || !ok || with.Batch != c.Batch {
		t.Errorf("model.safetensors says it was trained with %+v", with)
	}
	s, err := train.ReadSettings(c.Out)
	if err != nil || s.Train.Limit != 330 || s.Model.Latent != 4 {
		t.Errorf("config.json: %+v, %v", s, err)
	}
	lines, err := os.Open(filepath.Join(c.Out, "metrics.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer lines.Close()
	scan := bufio.NewScanner(lines)
	best := math.Inf(-1)
	for i := range epochs {
		if !scan.Scan() {
			t.Fatalf("%d lines for %d epochs", i, len(epochs))
		}
		var e map[string]any
		if err := json.Unmarshal(scan.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"epoch", "step", "seconds", "images_per_second", "train", "test", "validation"} {
			if e[key] == nil {
				t.Errorf("line %d lacks %s", i+1, key)
			}
		}
		test := e["test"].(map[string]any)
		if sum := test["elbo"].(float64) + test["rate"].(float64) + test["distortion"].(float64); math.Abs(sum) > 1e-9 {
			t.Errorf("line %d: ELBO + rate + distortion = %v", i+1, sum)
		}
		if v := epochs[i].Validation.ELBO; epochs[i].Best != (v > best) {
			t.Errorf("epoch %d: best is %v at %v after %v", i+1, epochs[i].Best, v, best)
		}
		best = max(best, epochs[i].Validation.ELBO)
	}
	if _, err := vae.Load(filepath.Join(c.Out, "best.safetensors")); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(c.Out); len(entries) != 5 {
		t.Errorf("%d files in the run directory, want 5: %v", len(entries), entries)
	}
	if _, _, err := fit(t, context.Background(), mc, c, train.Hooks{}); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("a second run into the directory: %v", err)
	}
}

// Training makes the model better, on images that it has not seen.
func TestLearns(t *testing.T) {
	mc, c := tiny()
	c.Epochs = 10
	_, epochs := mustFit(t, mc, c)
	if first, last := epochs[0].Test.ELBO, epochs[9].Test.ELBO; !(last > first+100) {
		t.Errorf("test ELBO %v after one epoch, %v after ten", first, last)
	}
}

// What is not finite ends the run, is named, and reaches no file.
func TestDivergence(t *testing.T) {
	mc, c := tiny()
	c.Out = filepath.Join(t.TempDir(), "run")
	c.Epochs = 2
	ctx := context.Background()
	m, _, err := fit(t, ctx, mc, c, train.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	want := bits(m)
	for name, poison := range map[string]struct {
		param, back int // which number of the parameter, counted from its end
		value       float32
		says        string
	}{
		"NaN in the encoder": {0, 784/2 + 14, float32(math.NaN()), "step 17: the "},
		// The fast kernels never look at the weight of a pixel that is white in the whole
		// batch: the check at the end of the epoch does.
		"NaN for a white pixel":   {0, 1, float32(math.NaN()), "the "},
		"infinite logvar bias":    {3, 1, float32(math.Inf(1)), "step 17: the distortion is NaN"},
		"huge logvar bias":        {3, 1, 1e3, "step 17: the distortion is NaN"},
		"huge mu bias":            {3, 1, 3e38, "step 17: the "},
		"NaN in the output layer": {6, 1, float32(math.NaN()), "step 17: the distortion is NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			c.Epochs, c.Resume = 4, true
			steps := 0
			mc.Seed = c.Seed
			m, err := vae.New(mc)
			if err != nil {
				t.Fatal(err)
			}
			_, err = train.Run(ctx, m, data(t), c, train.Hooks{Step: func(train.Progress) {
				if steps++; steps == 2 {
					w := m.Params()[poison.param].Value.Data().([]float32)
					w[len(w)-poison.back] = poison.value
				}
			}})
			if err == nil || !strings.Contains(err.Error(), poison.says) || !strings.Contains(err.Error(), "model.safetensors of epoch 2 is kept") {
				t.Errorf("error %v", err)
			}
			kept, err := vae.Load(filepath.Join(c.Out, "model.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			if bits(kept) != want {
				t.Error("the checkpoint has changed")
			}
		})
	}
}

// A run that is interrupted just after it diverged keeps its last good
// checkpoint; one that diverges after an interruption says what it keeps.
func TestInterruptedDivergence(t *testing.T) {
	mc, c := tiny()
	c.Out = filepath.Join(t.TempDir(), "run")
	for _, step := range []struct {
		name      string
		interrupt int     // after so many steps of this session
		poison    float32 // added to a logvar bias then, or at the second step
		says      string
	}{
		{"in the first epoch", 3, 0, "interrupted"},
		{"diverges in it", 0, 1e3, "model.safetensors of step 3 is kept"},
		{"interrupted as it diverges", 2, 1e3, "step 5: the ELBO of MNIST train is "},
		{"interrupted as weights end", 2, float32(math.Inf(1)), "are not finite; " + filepath.Join(c.Out, "model.safetensors") + " of step 3 is kept"},
		{"in the second epoch", 6, 0, "interrupted"},
		{"diverges in it", 0, 1e3, "model.safetensors of step 9 is kept"},
	} {
		before, _ := os.ReadFile(filepath.Join(c.Out, "model.safetensors"))
		ctx, cancel := context.WithCancel(context.Background())
		mc.Seed = c.Seed
		m, err := vae.New(mc)
		if err != nil {
			t.Fatal(err)
		}
		steps := 0
		_, err = train.Run(ctx, m, data(t), c, train.Hooks{Step: func(train.Progress) {
			if steps++; steps == max(step.interrupt, 2) {
				w := m.Params()[3].Value.Data().([]float32)
				w[len(w)-1] += step.poison
			}
			if steps == step.interrupt {
				cancel()
			}
		}})
		cancel()
		if err == nil || !strings.Contains(err.Error(), step.says) {
			t.Errorf("%s: error %v, want %q", step.name, err, step.says)
		}
		after, err := os.ReadFile(filepath.Join(c.Out, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(before, after) != (step.poison != 0) {
			t.Errorf("%s: the checkpoint has changed: %v", step.name, step.poison == 0)
		}
		c.Resume = true
	}
}

// A machine that stops between the files of an epoch leaves the state of the epoch
// before: that epoch is done again, and the run ends as one that never stopped.
func TestResumeAfterCrash(t *testing.T) {
	mc, c := tiny()
	whole, want := mustFit(t, mc, c) // 3 epochs
	c.Out = filepath.Join(t.TempDir(), "run")
	state := filepath.Join(c.Out, "state.safetensors")
	c.Epochs = 1
	mustFit(t, mc, c)
	before, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	c.Epochs, c.Resume = 2, true
	mustFit(t, mc, c)
	if err := os.WriteFile(state, before, 0o666); err != nil {
		t.Fatal(err)
	}
	c.Epochs = 3
	m, got := mustFit(t, mc, c)
	if bits(m) != bits(whole) {
		t.Error("other weights than those of a run that never stopped")
	}
	for i := range max(len(got), len(want)) {
		if len(got) != len(want) || got[i].Epoch != i+1 || got[i].Step != want[i].Step || got[i].Train != want[i].Train || *got[i].Test != *want[i].Test {
			t.Fatalf("epochs %+v, want %+v", got, want)
		}
	}
}

// A run that is interrupted in its last step or after it is done.
func TestInterruptedAtTheEnd(t *testing.T) {
	mc, c := tiny()
	c.Epochs = 1
	for name, hooks := range map[string]func(cancel func()) train.Hooks{
		"last step": func(cancel func()) train.Hooks {
			return train.Hooks{Step: func(p train.Progress) {
				if p.Step == p.Steps {
					cancel()
				}
			}}
		},
		"last epoch": func(cancel func()) train.Hooks { return train.Hooks{Epoch: func(train.Epoch) { cancel() }} },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		if _, epochs, err := fit(t, ctx, mc, c, hooks(cancel)); err != nil || len(epochs) != 1 || ctx.Err() == nil {
			t.Errorf("%s: %d epochs, %v", name, len(epochs), err)
		}
		cancel()
	}
}

// The metrics of an epoch are averages over images: of the steps' own losses in
// training, else of the finished model on the set that they are named for.
func TestMetrics(t *testing.T) {
	mc, c := tiny()
	c.Epochs, c.Validation = 1, 70
	var images, distortion, rate float64
	m, epochs, err := fit(t, context.Background(), mc, c, train.Hooks{Step: func(p train.Progress) {
		images += float64(p.Images)
		distortion += float64(p.Images) * p.Loss.Distortion
		rate += float64(p.Images) * p.Loss.Rate
	}})
	if err != nil {
		t.Fatal(err)
	}
	e := epochs[0]
	if images != 330 || math.Abs(e.Train.Rate-rate/330) > 1e-9 || math.Abs(e.Train.Distortion-distortion/330) > 1e-9 ||
		e.Train.ELBO != -(e.Train.Distortion+e.Train.Rate) {
		t.Errorf("train %+v, want distortion %v, rate %v over 330 images, not %v", e.Train, distortion/330, rate/330, images)
	}
	d := data(t)
	for _, set := range []struct {
		name string
		got  *train.Metrics
		of   *mnist.Set
	}{{"validation", e.Validation, d.Train.Slice(330, 400)}, {"test", e.Test, d.Test}} {
		want, err := evaluate.ELBO(context.Background(), m, set.of, c.Binarize, c.Seed)
		if err != nil {
			t.Fatal(err)
		}
		if set.got == nil || *set.got != (train.Metrics{ELBO: want.ELBO.Mean, Distortion: want.Distortion.Mean, Rate: want.Rate.Mean}) {
			t.Errorf("%s %+v, want %+v", set.name, set.got, want)
		}
	}
}

// Clipping scales the whole gradient down to the norm, and no further.
func TestClip(t *testing.T) {
	mc, c := tiny()
	c.Epochs, c.Limit = 1, c.Batch // a single step, after which Adam's m is (1−β1)·gradient
	moment := func(clip float64) []float64 {
		c.Clip, c.Out = clip, filepath.Join(t.TempDir(), "run")
		mustFit(t, mc, c)
		f, err := checkpoint.Read(filepath.Join(c.Out, "state.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		var m []float64
		for _, tensor := range f.Tensors {
			if strings.HasPrefix(tensor.Name, "adam.m.") {
				for _, v := range tensor.Data.([]float32) {
					m = append(m, float64(v))
				}
			}
		}
		return m
	}
	norm := func(m []float64) float64 {
		sum := 0.0
		for _, v := range m {
			sum += v * v
		}
		return math.Sqrt(sum) / 0.1
	}
	plain := moment(0)
	n := norm(plain)
	if loose := moment(2 * n); !slices.Equal(plain, loose) {
		t.Error("a limit that is not reached changes the gradient")
	}
	tight := moment(n / 4)
	if got := norm(tight); math.Abs(got/(n/4)-1) > 1e-5 {
		t.Errorf("a gradient of norm %v is clipped to %v, want %v", n, got, n/4)
	}
	for i, v := range plain {
		if math.Abs(tight[i]-v/4) > 1e-6*math.Abs(v)+1e-30 {
			t.Fatalf("number %d of the gradient, %v, becomes %v under a limit of a quarter of its norm", i, v/0.1, tight[i]/0.1)
		}
	}
}

// The loss has beta, warm-up and free bits; the reported ELBO has not.
func TestWeightingIsNotReported(t *testing.T) {
	mc, c := tiny()
	c.Beta, c.Warmup = 4, 2
	_, epochs, err := fit(t, context.Background(), mc, c, train.Hooks{Step: func(p train.Progress) {
		step := float64((p.Epoch-1)*p.Steps + p.Step - 1)
		want := p.Loss.Distortion + 4*min(1, step/(2*float64(p.Steps)))*p.Loss.Rate
		if math.Abs(p.Loss.Loss-want) > 1e-5*want {
			t.Errorf("epoch %d, step %d: loss %v, want %v", p.Epoch, p.Step, p.Loss.Loss, want)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range epochs {
		for _, m := range []train.Metrics{e.Train, *e.Test} {
			if math.Abs(m.ELBO+m.Distortion+m.Rate) > 1e-9 {
				t.Errorf("epoch %d: %+v", e.Epoch, m)
			}
		}
	}
	if b := []float64{epochs[0].Beta, epochs[1].Beta, epochs[2].Beta}; !slices.Equal(b, []float64{4 * 6.0 / 14, 4 * 13.0 / 14, 4}) {
		t.Errorf("beta at the epochs' last steps: %v", b)
	}
}

// With a warm-up of the layers above the loss has less of the rate at first; a resumed
// run goes on with it.
func TestWarmupAbove(t *testing.T) {
	mc, c := tiny()
	mc.Above = []vae.Stochastic{{Latent: 3}}
	c.Objective = vae.Objective{Name: "elbo-sampled"}
	without := c
	c.WarmupAbove = 2
	c.Out = filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	_, _, err := fit(t, ctx, mc, c, train.Hooks{Step: func(p train.Progress) {
		if math.Abs(p.Loss.Loss-p.Loss.Distortion-p.Loss.Rate) < 1e-4 {
			t.Errorf("epoch %d, step %d: all of the rate is in the loss", p.Epoch, p.Step)
		}
		if steps++; steps == 9 {
			cancel()
		}
	}})
	if !errors.Is(err, train.ErrInterrupted) {
		t.Fatal(err)
	}
	c.Resume = true
	resumed, _, err := fit(t, context.Background(), mc, c, train.Hooks{Step: func(p train.Progress) {
		whole := math.Abs(p.Loss.Loss-p.Loss.Distortion-p.Loss.Rate) < 1e-4
		if whole != (p.Epoch == 3) {
			t.Errorf("epoch %d, step %d: loss %+v", p.Epoch, p.Step, p.Loss)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	c.Resume, c.Out = false, ""
	if whole, _ := mustFit(t, mc, c); bits(whole) != bits(resumed) {
		t.Error("a resumed run has other weights")
	}
	if plain, _ := mustFit(t, mc, without); bits(plain) == bits(resumed) {
		t.Error("the warm-up changes nothing")
	}
}

// With a warm-up of k the first epochs are those of k = 1, bit for bit if the step size
// is constant. The schedule counts draws, or steps if asked; a resumed run goes on with both.
func TestWarmupK(t *testing.T) {
	mc, c := tiny()
	c.Objective, c.WarmupK = vae.Objective{Name: "dreg", K: 5}, 2
	one := c
	one.Objective.K, one.WarmupK, one.Epochs = 1, 0, 2
	first, _ := mustFit(t, mc, one)
	c.Epochs = 2
	if same, _ := mustFit(t, mc, c); bits(same) != bits(first) {
		t.Error("the first epochs are not of k = 1")
	}
	c.Epochs, c.Schedule, c.Out = 4, "linear", filepath.Join(t.TempDir(), "run")
	for _, last := range []int{10, 17} { // stop before and after the change, which is at step 14
		ctx, cancel := context.WithCancel(context.Background())
		if _, _, err := fit(t, ctx, mc, c, train.Hooks{Step: func(p train.Progress) {
			if (p.Epoch-1)*p.Steps+p.Step == last {
				cancel()
			}
		}}); !errors.Is(err, train.ErrInterrupted) {
			t.Fatal(err)
		}
		c.Resume = true
	}
	resumed, epochs, err := fit(t, context.Background(), mc, c, train.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	for i, draws := range []float64{6, 13, 14 + 6*5, 14 + 13*5} { // before an epoch's last step, of 14 + 14·5
		if got, want := epochs[i].LR/c.LR, 1-draws/84; math.Abs(got-want) > 1e-12 {
			t.Errorf("epoch %d: step size %v of the highest, want %v", i+1, got, want)
		}
	}
	c.Resume, c.Out = false, ""
	if whole, _ := mustFit(t, mc, c); bits(whole) != bits(resumed) {
		t.Error("a resumed run has other weights")
	}
	c.ScheduleSteps = true
	throughAll, epochs := mustFit(t, mc, c)
	for i, e := range epochs {
		if got, want := e.LR/c.LR, 1-float64(7*i+6)/28; math.Abs(got-want) > 1e-12 {
			t.Errorf("epoch %d of a schedule that counts steps: step size %v of the highest, want %v", i+1, got, want)
		}
	}
	// So does one whose gradient goes through some of the draws.
	c.Objective.Backward, c.Out = 2, filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	if _, _, err := fit(t, ctx, mc, c, train.Hooks{Step: func(p train.Progress) {
		if (p.Epoch-1)*p.Steps+p.Step == 17 {
			cancel()
		}
	}}); !errors.Is(err, train.ErrInterrupted) {
		t.Fatal(err)
	}
	c.Resume = true
	resampled, _ := mustFit(t, mc, c)
	c.Resume, c.Out = false, ""
	if whole, _ := mustFit(t, mc, c); bits(whole) != bits(resampled) || bits(whole) == bits(throughAll) {
		t.Error("a resumed run through some of the draws has other weights, or those of a run through all")
	}
	c.Objective.Backward = 0
	c.WarmupK, c.ScheduleSteps = 0, false
	if plain, _ := mustFit(t, mc, c); bits(plain) == bits(resumed) {
		t.Error("the warm-up changes nothing")
	}
	// A warm-up beyond the end is a run of k = 1.
	one.Epochs, one.Schedule = c.Epochs, c.Schedule
	c.WarmupK = math.MaxInt/7 + 1 // which, in steps, is beyond an int
	beyond, epochs := mustFit(t, mc, c)
	if plain, _ := mustFit(t, mc, one); bits(plain) != bits(beyond) || !(epochs[3].LR < c.LR/20) {
		t.Errorf("a warm-up beyond the end: step size %v", epochs[3].LR)
	}
}

func TestSchedules(t *testing.T) {
	mc, c := tiny()
	for name, want := range map[string]float64{"constant": 1, "linear": 1.0 / 21, "cosine": (1 + math.Cos(math.Pi*20/21)) / 2, "cooldown": 1.0 / 21 / 0.3} {
		c.Schedule = name
		_, epochs := mustFit(t, mc, c)
		if got := epochs[2].LR / c.LR; math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: the last step is %v of the first, want %v", name, got, want)
		}
	}
}

// Each recipe is a model and a way to train it that go together.
func TestPresets(t *testing.T) {
	for _, name := range train.Presets() {
		mc, c, err := train.Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := vae.New(mc)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, err := range []error{c.Validate(), c.Check(m, 60000)} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if c.WarmupK >= c.Epochs {
			t.Errorf("%s: %d of %d epochs with k=1", name, c.WarmupK, c.Epochs)
		}
	}
	if _, _, err := train.Preset("best"); err == nil || !strings.Contains(err.Error(), "choose one of burda-1-k1") {
		t.Errorf("an unknown recipe: %v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	for name, change := range map[string]func(*train.Config){
		"epochs":     func(c *train.Config) { c.Epochs = 0 },
		"batch":      func(c *train.Config) { c.Batch = -1 },
		"validation": func(c *train.Config) { c.Validation = -1 },
		"none":       func(c *train.Config) { c.Validation = 400 },
		"limit":      func(c *train.Config) { c.Limit = -1 },
		"lr":         func(c *train.Config) { c.LR = math.NaN() },
		"eps":        func(c *train.Config) { c.AdamEps = 0 },
		"adamm":      func(c *train.Config) { c.Optimizer = "adamm" },
		"decay 1,":   func(c *train.Config) { c.WeightDecay = 1 },
		"momentum":   func(c *train.Config) { c.Optimizer, c.Momentum = "sgd", 1 },
		"0.5, which": func(c *train.Config) { c.Momentum = 0.5 },
		"size NaN":   func(c *train.Config) { c.Schedule = "train-test-nan" },
		"size -0.":   func(c *train.Config) { c.Schedule = "train-test-below" },
		"clip":       func(c *train.Config) { c.Clip = math.Inf(1) },
		"cosine":     func(c *train.Config) { c.Schedule = "step" },
		"dynamic":    func(c *train.Config) { c.Binarize = "sometimes" },
		"beta":       func(c *train.Config) { c.Beta = -1 },
		"warm-up":    func(c *train.Config) { c.Warmup = math.NaN() },
		"above":      func(c *train.Config) { c.WarmupAbove = 1 },
		"free bits":  func(c *train.Config) { c.FreeBits = -1 },
		"cycles":     func(c *train.Config) { c.Cycles = -1 },
		"-1, want":   func(c *train.Config) { c.Objective, c.WarmupK = vae.Objective{Name: "iwae", K: 2}, -1 },
		"larger k":   func(c *train.Config) { c.WarmupK = 1 },
		"ramp":       func(c *train.Config) { c.Cycles = 2 },
		"capacity":   func(c *train.Config) { c.Capacity = -1 },
		"gamma":      func(c *train.Config) { c.Capacity = 20 },
		"no run":     func(c *train.Config) { c.Out, c.Resume = filepath.Join(t.TempDir(), "none"), true },
		"directory":  func(c *train.Config) { c.Out = filepath.Join("run_test.go", "run") },
	} {
		mc, c := tiny()
		change(&c)
		if _, _, err := fit(t, context.Background(), mc, c, train.Hooks{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	mc, c := tiny()
	mc.Rows = 27
	if _, _, err := fit(t, context.Background(), mc, c, train.Hooks{}); err == nil || !strings.Contains(err.Error(), "28×28") {
		t.Errorf("a model of 27×28: %v", err)
	}
	mc, c = tiny()
	mc.Likelihood, mc.Sigma = "gaussian", 0.3
	if _, _, err := fit(t, context.Background(), mc, c, train.Hooks{}); err == nil || !strings.Contains(err.Error(), "binarize must be none") {
		t.Errorf("gaussian likelihood of binary pixels: %v", err)
	}
	c.Binarize = mnist.None
	mustFit(t, mc, c)
	if _, _, err := train.Preset("kingma"); err == nil || !strings.Contains(err.Error(), "pytorch") {
		t.Errorf("unknown preset: %v", err)
	}
}
