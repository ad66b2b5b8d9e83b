package cmd_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"govae/checkpoint"
)

// badCase is a command line that has to fail.
type badCase struct {
	args  string // after the command, with blanks between them
	code  int
	words []string // that the message has
}

// fixture makes a directory with a finished 2-D run in "run", and beside it
// whatever else a command may stumble over.
func fixture(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, dir, tinyModel("-limit", "64")...)
	write(t, filepath.Join(dir, "file"), []byte("someone's file"))
	write(t, filepath.Join(dir, "empty", "x"), nil)
	write(t, filepath.Join(dir, "config", "config.json"), []byte(`{"name":"someone's project"}`))
	write(t, filepath.Join(dir, "figure", "samples.png"), []byte("someone's figure"))
	smallImages(t, filepath.Join(dir, "8x8"))
	return dir
}

// check runs the cases in dir, where nothing may change.
func check(t *testing.T, dir, command string, cases []badCase) {
	before := snapshot(t, dir)
	for _, c := range cases {
		t.Run(c.args, func(t *testing.T) {
			r := run(t, dir, append([]string{command}, strings.Fields(c.args)...)...)
			wantFailure(t, r, c.code, c.words...)
			modest(t, r)
			if after := snapshot(t, dir); !maps.Equal(before, after) {
				t.Errorf("the directory has changed: before %v, after %v", before, after)
				before = after
			}
		})
	}
}

// flagCases are wrong in any command, from the third on in any that has -seed.
var flagCases = []badCase{
	{"-nosuch", 2, []string{"-nosuch", "-h"}},
	{"stray", 2, []string{`"stray"`}},
	{"-seed 3 stray -seed 4", 2, []string{`"stray"`}},
	{"-seed", 2, []string{"needs an argument", "-seed"}},
	{"-seed -1", 2, []string{"-seed", `"-1"`, "whole number of at least 0"}},
	{"-seed 1.5", 2, []string{"-seed", `"1.5"`, "whole number of at least 0"}},
	{"-seed 18446744073709551616", 2, []string{"-seed", "out of range"}},
}

func TestTrainBadFlags(t *testing.T) {
	t.Parallel()
	dir := fixture(t)
	cases := append(slices.Clone(flagCases), []badCase{
		{"-checkpoint-every x -out new", 2, []string{`flag -checkpoint-every: save every "x", want`}},
		{"-any-machine -out new", 2, []string{"train: -any-machine without -resume"}},
		{"-epochs many", 2, []string{"-epochs", `"many"`, "whole number"}},
		{"-epochs 99999999999999999999", 2, []string{"-epochs", "out of range"}},
		{"-lr fast", 2, []string{"-lr", `"fast"`, "a number"}},
		{"-quiet=maybe", 2, []string{"-quiet", `"maybe"`, "true or false"}},
		{"-hidden abc", 2, []string{"-hidden", `"abc"`, "400,200"}},
		{"-hidden 400,,200", 2, []string{"-hidden", `"400,,200"`, "400,200"}},
		{"-hidden 400,", 2, []string{"-hidden", "400,200"}},
		{"-hidden 4e2", 2, []string{"-hidden", "400,200"}},
		{"-hidden 99999999999999999999", 2, []string{"-hidden", "400,200"}},
		{"-hidden 0", 2, []string{"hidden", "0", "at least 1"}},
		{"-hidden 16,-3", 2, []string{"hidden", "-3", "at least 1"}},
		{"-hidden 2000000000", 2, []string{"2000000000", "at most"}},
		{"-hidden 9223372036854775807", 2, []string{"9223372036854775807", "at most"}},
		{"-k 0 -objective iwae", 2, []string{"k is 0", "at least 1"}},
		{"-k -5 -objective iwae", 2, []string{"k is -5", "at least 1"}},
		{"-k 5", 2, []string{"elbo takes one draw", "choose iwae"}},
		{"-m 0 -objective miwae", 2, []string{"m is 0", "at least 1"}},
		{"-objective elbow", 2, []string{`"elbow"`, "choose dreg"}},
		{"-prior vamp -components 5 -out new", 2, []string{"analytic KL", "vamp prior", "choose elbo-sampled"}},
		{"-prior mixture -components 5 -out new", 2, []string{"analytic KL", "mixture prior", "choose elbo-sampled"}},
		{"-above 4:2 -out new", 2, []string{"analytic KL", "2 stochastic layers", "choose elbo-sampled"}},
		{"-flow 2 -out new", 2, []string{"analytic KL", "the normal+flow posterior", "choose elbo-sampled"}},
		{"-objective iwae -k 5 -free-bits 0.1 -out new", 2, []string{"free bits", "elbo, not iwae"}},
		{"-flow -1", 2, []string{"a flow of -1 layers"}},
		{"-flow 2 -latent 1", 2, []string{"at least 2"}},
		{"-flow 2 -prior vamp -components 5", 2, []string{"flow", "vamp"}},
		{"-prior vampire", 2, []string{`"vampire"`, "mixture, standard or vamp"}},
		{"-prior vamp", 2, []string{"0 components"}},
		{"-above 4", 2, []string{"-above", "100,100:50"}},
		{"-preset vae-1 -data nowhere", 1, []string{"nowhere", "not a directory"}},
		{"-latent 0", 2, []string{"latent", "0", "at least 1"}},
		{"-latent -1", 2, []string{"latent", "-1", "at least 1"}},
		{"-latent 2000000000", 2, []string{"at most"}},
		{"-latent 9223372036854775807", 2, []string{"latent", "at most"}},
		{"-batch 0", 2, []string{"batch is 0", "at least 1"}},
		{"-batch -8", 2, []string{"batch is -8", "at least 1"}},
		{"-epochs 0", 2, []string{"epochs is 0", "at least 1"}},
		{"-epochs -1", 2, []string{"epochs is -1", "at least 1"}},
		{"-lr 0", 2, []string{"lr is 0"}},
		{"-lr -0.1", 2, []string{"lr is -0.1"}},
		{"-lr NaN", 2, []string{"lr is NaN", "finite"}},
		{"-lr Inf", 2, []string{"lr is +Inf", "finite"}},
		{"-beta -1", 2, []string{"beta", "-1", "at least 0"}},
		{"-beta NaN", 2, []string{"beta", "NaN"}},
		{"-warmup-above -1", 2, []string{"warm-up above", "-1"}},
		{"-warmup-above 2 -out new", 2, []string{"layers above", "one stochastic layer"}},
		{"-objective iwae -k 5 -backward 6", 2, []string{"through 6 of k=5", "0 for all"}},
		{"-objective iwae -k 5 -backward -1", 2, []string{"through -1 of k=5", "0 for all"}},
		{"-backward 1", 2, []string{"objective elbo", "choose iwae"}},
		{"-warmup-k -1", 2, []string{"warm-up of k", "-1"}},
		{"-warmup -1", 2, []string{"warm-up", "-1"}},
		{"-free-bits -1", 2, []string{"-free-bits", "-1"}},
		{"-cycles -1", 2, []string{"cycles is -1", "at least 0"}},
		{"-cycles 2 -ramp 0", 2, []string{"ramp 0", "above 0"}},
		{"-cycles 2 -ramp 1.5", 2, []string{"ramp 1.5", "at most 1"}},
		{"-ramp 0.2", 2, []string{"-ramp", "-cycles"}},
		{"-cycles 2 -warmup 3", 2, []string{"warm-up 3", "cycles"}},
		{"-capacity -1", 2, []string{"capacity -1", "at least 0"}},
		{"-capacity NaN", 2, []string{"capacity NaN", "finite"}},
		{"-capacity 25 -capacity-epochs -1", 2, []string{"-capacity-epochs -1"}},
		{"-capacity 25 -gamma 0", 2, []string{"gamma 0", "above 0"}},
		{"-gamma 10", 2, []string{"-gamma", "-capacity"}},
		{"-capacity-epochs 10", 2, []string{"-capacity-epochs 10 without -capacity"}},
		{"-capacity 25 -free-bits 0.1", 2, []string{"-free-bits 0.1", "capacity"}},
		{"-capacity 25 -beta 4", 2, []string{"beta 4", "gamma"}},
		{"-clip -1", 2, []string{"clip is -1"}},
		{"-limit -5", 2, []string{"limit is -5", "at least 0"}},
		{"-validation -1", 2, []string{"validation is -1"}},
		{"-validation 512 -out new", 1, []string{"validation", "512 of 512"}},
		{"-validation 9223372036854775807 -out new", 1, []string{"validation"}},
		{"-threads -1", 2, []string{"threads is -1"}},
		{"-activation sine", 2, []string{`"sine"`, "gated, relu, softplus or tanh"}},
		{"-likelihood poisson", 2, []string{`"poisson"`, "choose bernoulli"}},
		{"-likelihood gaussian", 2, []string{"-binarize none", "dynamic"}},
		{"-sigma 0.1", 2, []string{"-sigma 0.1 without -likelihood gaussian"}},
		{"-schedule-steps", 2, []string{"-schedule-steps", "without -warmup-k"}},
		{"-likelihood gaussian -binarize none -sigma 0", 2, []string{"sigma 0"}},
		{"-binarize sometimes", 2, []string{`"sometimes"`, "none, dynamic, threshold or fixed"}},
		{"-schedule daily", 2, []string{`"daily"`, "constant, cooldown, cosine, linear or stages"}},
		{"-schedule cosin", 2, []string{`"cosin"`, "did you mean cosine?"}},
		{"-optimizer adamax", 2, []string{`"adamax"`, "did you mean adam?", "choose adam, adamw, nesterov or sgd"}},
		{"-weight-decay 0.01", 2, []string{"-weight-decay 0.01", "adam does not take", "adamw does"}},
		{"-momentum 0.9", 2, []string{"momentum 0.9", "adam does not take", "sgd"}},
		{"-optimizer sgd -weight-decay 0.01", 2, []string{"-weight-decay 0.01", "sgd does not take"}},
		{"-optimizer sgd -momentum 1", 2, []string{"momentum is 1", "below 1"}},
		{"-optimizer nesterov", 2, []string{"momentum is 0", "nesterov wants"}},
		{"-optimizer adamw", 2, []string{"-weight-decay is 0", "adamw wants"}},
		{"-optimizer adamw -weight-decay -1", 2, []string{"-weight-decay is -1", "at least 0"}},
		{"-init zero", 2, []string{`"zero"`, "glorot or pytorch"}},
		{"-preset best", 2, []string{`"best"`, "choose one of burda"}},
		{"-objective best", 2, []string{`"best"`, "choose dreg, elbo, elbo-sampled, iwae, miwae or stl"}},
		{"-objective iwae -k -1", 2, []string{"k is -1", "at least 1"}},
		{"-objective iwae -k 2000000000", 2, []string{"k=2000000000", "at most"}},
		{"-objective iwae -k 1000000 -out new", 2, []string{"128 images with 1000000 draws each", "at most"}},
		{"-objective miwae -k 1048576 -m 1048576 -out new", 2, []string{"with 1099511627776 draws each"}},
		{"-objective iwae -k 2 -m 3", 2, []string{"m=3", "only miwae"}},
		{"-k 5", 2, []string{"one draw", "not 5", "iwae"}},
		{"-prior best", 2, []string{`"best"`, "mixture, standard or vamp"}},
		{"-prior mixture", 2, []string{"0 components", "want 1 to"}},
		{"-prior vamp -components 1000000000", 2, []string{"1000000000 components", "want 1 to"}},
		{"-components 5", 2, []string{"-components 5", "-prior mixture or vamp"}},
		{"-above 3", 2, []string{"-above", `"3"`, "100,100:50"}},
		{"-above x:5", 2, []string{"-above", `"x:5"`, "400,200"}},
		{"-above 5:0", 2, []string{"layer 2", "0 units", "at least 1"}},
		{"-out=", 2, []string{"-out is empty"}},

		// A run directory that is taken, or that cannot be.
		{"-out run", 1, []string{"run", "another run", "resume"}},
		{"-out config", 1, []string{"config holds a config.json that is not of this run", "another directory"}},
		{"-out figure", 1, []string{"figure holds a samples.png that is not of this run", "another directory"}},
		{"-out file", 1, []string{"file", "not a directory"}},
		{"-out file/run", 1, []string{"file", "not a directory"}},
		{"-out /proc/nowhere/run", 1, []string{"/proc/nowhere"}},
		{"-out /dev/null/run", 1, []string{"/dev/null", "not a directory"}},

		// Resume.
		{"-resume -out nowhere", 1, []string{"no run in nowhere", "config.json"}},
		{"-resume -out empty", 1, []string{"no run in empty", "config.json"}},
		{"-resume -out file", 1, []string{"file", "not a directory"}},
		{"-resume -out run -latent 3", 2, []string{"-latent 2", "3"}},
		{"-resume -out run -hidden 8", 2, []string{"-hidden 16", "8"}},
		{"-resume -out run -lr 0.5", 2, []string{"-lr 0.001", "0.5"}},
		{"-resume -out run -seed 2", 2, []string{"-seed 1", "2"}},
		{"-resume -out run -batch 64", 2, []string{"-batch 32", "64"}},
		{"-resume -out run -limit 128", 2, []string{"-limit 64", "128"}},
		{"-resume -out run -beta 2", 2, []string{"-beta 1", "2"}},
		{"-resume -out run -binarize fixed", 2, []string{"-binarize dynamic", "fixed"}},
		{"-resume -out run -activation tanh", 2, []string{"-activation relu", "tanh"}},
		{"-resume -out run -schedule cosine", 2, []string{"-schedule constant", "cosine"}},
		{"-resume -out run -optimizer sgd", 2, []string{"-optimizer adam", "sgd"}},
		{"-resume -out run -optimizer adamw -weight-decay 0.1", 2, []string{"-optimizer adam", "adamw"}},
		{"-resume -out run -preset pytorch", 2, []string{"the run in run has -"}},
		{"-resume -out run -preset best", 2, []string{`"best"`, "choose one of burda"}},
		{"-resume -out run -epochs 0", 2, []string{"epochs is 0"}},
		{"-resume -out run -epochs 2 -data 8x8", 1, []string{"28×28", "8×8"}},
	}...)
	check(t, dir, "train", cases)
}

func TestSampleBadFlags(t *testing.T) {
	t.Parallel()
	dir := fixture(t)
	const model = "-model run/model.safetensors "
	check(t, dir, "sample", append(slices.Clone(flagCases), []badCase{
		{"-kind best", 2, []string{`"best"`, "prior, reconstruct, interpolate, traverse, manifold or scatter"}},
		{"-n ten", 2, []string{"-n", `"ten"`, "whole number"}},
		{"-n -1", 2, []string{"n is -1", "1 to"}},
		{"-n 1 -kind interpolate", 2, []string{"n is 1", "2 to"}},
		{"-n 1 -kind traverse", 2, []string{"n is 1", "2 to"}},
		{"-n 9223372036854775807", 2, []string{"n is 9223372036854775807"}},
		{"-n 99999999999999999999", 2, []string{"-n", "out of range"}},
		{"-n 100000", 2, []string{"n is 100000", "at most"}},
		{model + "-n 100000 -kind manifold", 2, []string{"n is 100000", "10000000000 images", "at most"}},
		{"-n 100000 -kind traverse", 2, []string{"2000000 images", "at most"}},
		{"-n 100000 -kind interpolate", 2, []string{"800000 images", "at most"}},
		{"-temperature -1", 2, []string{"temperature is -1"}},
		{"-temperature NaN", 2, []string{"temperature is NaN", "finite"}},
		{"-temperature Inf", 2, []string{"temperature is +Inf", "finite"}},
		{"-kind traverse -temperature 0.5", 2, []string{"-temperature", "prior, not traverse"}},
		{"-kind manifold -pixels", 2, []string{"-pixels", "prior, not manifold"}},
		{"-kind scatter -each new", 2, []string{"scatter", "-each"}},
		{"-kind scatter -npy new", 2, []string{"scatter", "-npy"}},
		{"-kind manifold", 1, []string{"2 latent dimensions", "has 20", "cmd/train -latent 2"}},
		{"-out=", 2, []string{"-out is empty"}},
		{"-out nowhere/x.png", 1, []string{"nowhere/x.png", "there is no directory nowhere"}},
		{"-out file/x.png", 1, []string{"file/x.png", "not a directory"}},
		{"-out empty", 1, []string{"write empty", "not a regular file"}},
		{"-out /proc/x.png", 1, []string{"/proc/x.png"}},
		{model + "-out run/model.safetensors", 2, []string{"-out and -model", "same file"}},
		{model + "-npy ./run/model.safetensors", 2, []string{"-npy and -model", "same file"}},
		{"-npy x -out ./x", 2, []string{"-npy and -out", "same file"}},
		{"-kind reconstruct -data 8x8", 1, []string{"8×8", "28×28"}},
		{"-kind scatter -data nowhere", 1, []string{"nowhere", "not a directory"}},
		{"-model nowhere", 1, []string{"nowhere", "no such file"}},
		{"-model run", 1, []string{"run", "is a directory"}},
	}...))
	// The figure is written before these fail.
	for _, c := range []badCase{
		{"-each file", 1, []string{"file", "not a directory"}},
		{"-each file/x", 1, []string{"file/x", "not a directory"}},
		{"-npy nowhere/x.npy", 1, []string{"nowhere/x.npy", "there is no directory nowhere"}},
		{"-npy empty", 1, []string{"write empty", "not a regular file"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			before := snapshot(t, dir)
			r := run(t, dir, append([]string{"sample"}, strings.Fields(c.args)...)...)
			wantFailure(t, r, c.code, c.words...)
			os.Remove(filepath.Join(dir, "samples.png"))
			if after := snapshot(t, dir); !maps.Equal(before, after) {
				t.Errorf("more than samples.png has changed: before %v, after %v", before, after)
			}
		})
	}
}

func TestEvaluateBadFlags(t *testing.T) {
	t.Parallel()
	check(t, fixture(t), "evaluate", append(slices.Clone(flagCases), []badCase{
		{"-verify=", 2, []string{"evaluate: -verify is empty, want a file"}},
		{"-verify run/config.json", 1, []string{"run/config.json: not a usable safetensors file: it does not begin like one"}},
		{"-k 0", 2, []string{"k is 0", "want"}},
		{"-gap -3", 2, []string{"images is -3", "at least 1"}},
		{"-gap some", 2, []string{"-gap", `"some"`, "whole number"}},
		{"-compare nowhere", 1, []string{"nowhere", "no such file"}},
		{"-compare run/config.json", 1, []string{"run/config.json is no report"}},
		{"-compare run", 1, []string{"run is a directory"}},
		{"-compare /dev/zero", 1, []string{"/dev/zero is not a regular file"}},
		{"-model /dev/zero", 1, []string{"/dev/zero is not a regular file"}},
		{"-k -1", 2, []string{"k is -1", "want"}},
		{"-k 9223372036854775807", 2, []string{"k is 9223372036854775807"}},
		{"-k 500000000000000000", 2, []string{"k is 500000000000000000"}},
		{"-k 99999999999999999999", 2, []string{"-k", "out of range"}},
		{"-n 0", 2, []string{"n is 0", "at least 1"}},
		{"-n -4", 2, []string{"n is -4", "at least 1"}},
		{"-n some", 2, []string{"-n", `"some"`, "whole number"}},
		{"-json=maybe", 2, []string{"-json", `"maybe"`, "true or false"}},
		{"-binarize sometimes", 2, []string{`"sometimes"`, "none, dynamic, threshold or fixed"}},
		{"-data nowhere", 1, []string{"nowhere", "not a directory"}},
		{"-data 8x8", 1, []string{"8×8", "28×28"}},
		{"-model nowhere", 1, []string{"nowhere", "no such file"}},
		{"-model run", 1, []string{"run", "is a directory"}},
		{"-model run/samples.png", 1, []string{"run/samples.png", "not a usable safetensors file"}},
	}...))
}

// TestBadData gives each command each kind of damaged data set.
func TestBadData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var cases []badCase
	for name, words := range damagedSets(t, dir) {
		cases = append(cases, badCase{"-data " + name, 1, words})
	}
	slices.SortFunc(cases, func(a, b badCase) int { return strings.Compare(a.args, b.args) })
	commands := []string{"train", "evaluate", "sample -kind scatter"}
	if testing.Short() {
		commands = commands[:1]
	}
	for _, command := range commands {
		t.Run(command, func(t *testing.T) {
			name, rest, _ := strings.Cut(command, " ")
			all := slices.Clone(cases)
			for i := range all {
				all[i].args = strings.TrimSpace(rest + " " + all[i].args)
			}
			check(t, dir, name, all)
		})
	}
	t.Run("MNIST_DIR", func(t *testing.T) {
		c := prepare(t.Context(), dir, "train")
		c.Env = append(c.Env, "MNIST_DIR="+filepath.Join(dir, "missing"))
		wantFailure(t, finish(t, c), 1, "MNIST_DIR", testLabels)
	})
}

// TestBadModel gives each kind of damaged model to the commands that read one.
func TestBadModel(t *testing.T) {
	t.Parallel()
	dir := fixture(t)
	var cases []badCase
	for name, words := range damagedModels(t, filepath.Join(dir, "models"), filepath.Join(dir, "run", "model.safetensors")) {
		cases = append(cases, badCase{"-model models/" + name, 1, words})
	}
	slices.SortFunc(cases, func(a, b badCase) int { return strings.Compare(a.args, b.args) })
	check(t, dir, "sample", cases)
	if !testing.Short() {
		check(t, dir, "evaluate", cases)
	}
}

// TestBadRun resumes runs whose files are damaged.
func TestBadRun(t *testing.T) {
	t.Parallel()
	dir := fixture(t)
	from := filepath.Join(dir, "run")
	var cases []badCase
	damage := func(name, file string, change func([]byte) []byte, words ...string) {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name, file)
		if b := change(read(t, path)); b == nil {
			os.Remove(path)
		} else {
			write(t, path, b)
		}
		cases = append(cases, badCase{"-resume -epochs 2 -out " + name, 1, append(words, name)})
	}
	cut := func(b []byte) []byte { return b[:len(b)/2] }
	text := func(s string) func([]byte) []byte { return func([]byte) []byte { return []byte(s) } }
	damage("cut-state", "state.safetensors", cut, "cut short", "state.safetensors")
	damage("altered-state", "state.safetensors", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "altered")
	damage("cut-config", "config.json", cut, "config.json", "unexpected EOF")
	damage("odd-config", "config.json", text(`{"mode":"fast"}`), "config.json", "mode")
	damage("cut-metrics", "metrics.jsonl", cut, "metrics.jsonl", "line 1")
	damage("no-metrics", "metrics.jsonl", text(""), "metrics.jsonl", "0 epochs")
	damage("lost-state", "state.safetensors", func([]byte) []byte {
		two := read(t, filepath.Join(from, "metrics.jsonl"))
		write(t, filepath.Join(dir, "lost-state", "metrics.jsonl"), append(slices.Clone(two), two...))
		return nil
	}, "has lost its state.safetensors", "another directory")
	damage("lost-metrics", "metrics.jsonl", func([]byte) []byte { return nil }, "metrics.jsonl", "no such file")

	model := read(t, filepath.Join(from, "model.safetensors"))
	damage("model-for-state", "state.safetensors", func([]byte) []byte { return model }, "state")
	damage("state-of-another", "state.safetensors", func(b []byte) []byte {
		f, err := checkpoint.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range f.Tensors {
			f.Tensors[i].Name += ".old"
		}
		path := filepath.Join(t.TempDir(), "f")
		if err := checkpoint.Write(path, f); err != nil {
			t.Fatal(err)
		}
		return read(t, path)
	}, "no such tensor")
	check(t, dir, "train", cases)

	// Other data than the run's own.
	before := snapshot(t, dir)
	c := prepare(t.Context(), dir, "train", "-resume", "-epochs", "2", "-out", "run", "-data", otherData(t))
	wantFailure(t, finish(t, c), 1, "the run in run has other settings", "crc32")
	if after := snapshot(t, dir); !maps.Equal(before, after) {
		t.Error("the run has changed")
	}
}

// otherData is a data set like the tiny one, of other images.
func otherData(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "other")
	if err := os.CopyFS(dir, os.DirFS(tiny)); err != nil {
		t.Fatal(err)
	}
	b := read(t, filepath.Join(dir, trainImages))
	b[16+10*28+14] ^= 0x80
	write(t, filepath.Join(dir, trainImages), b)
	return dir
}
