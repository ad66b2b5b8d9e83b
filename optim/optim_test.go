package optim_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"govae/optim"
)

// reference is an optimiser of one weight in float64, line by line as its source has it.
type reference func(w, g, lr float64) float64

func adamReference(c optim.Config) reference {
	var m, v float64
	t := 0.0
	return func(w, g, lr float64) float64 {
		t++
		m = c.Beta1*m + (1-c.Beta1)*g
		v = c.Beta2*v + (1-c.Beta2)*g*g
		mHat, vHat := m/(1-math.Pow(c.Beta1, t)), v/(1-math.Pow(c.Beta2, t))
		return w - lr*mHat/(math.Sqrt(vHat)+c.Eps)
	}
}

func adamwReference(c optim.Config) reference {
	adam := adamReference(c)
	return func(w, g, lr float64) float64 { return adam(w-lr*c.WeightDecay*w, g, lr) }
}

func sgdReference(c optim.Config) reference {
	b := 0.0
	return func(w, g, lr float64) float64 {
		b = c.Momentum*b + g
		if c.Nesterov {
			return w - lr*(g+c.Momentum*b)
		}
		return w - lr*b
	}
}

// cases are optimisers with settings that matter to them.
var cases = []struct {
	label, name string
	change      func(*optim.Config)
	reference   func(optim.Config) reference
}{
	{"adam", "adam", func(*optim.Config) {}, adamReference},
	{"adam by default", "", func(*optim.Config) {}, adamReference},
	{"adam, other settings", "adam", func(c *optim.Config) { c.Beta1, c.Beta2, c.Eps = 0.8, 0.99, 1e-4 }, adamReference},
	{"adamw", "adamw", func(c *optim.Config) { c.WeightDecay = 0.3 }, adamwReference},
	{"sgd", "sgd", func(*optim.Config) {}, sgdReference},
	{"sgd with momentum", "sgd", func(c *optim.Config) { c.Momentum = 0.9 }, sgdReference},
	{"sgd, nesterov", "sgd", func(c *optim.Config) { c.Momentum, c.Nesterov = 0.7, true }, sgdReference},
	{"nesterov", "nesterov", func(c *optim.Config) { c.Momentum = 0.7 }, func(c optim.Config) reference { c.Nesterov = true; return sgdReference(c) }},
}

func config(change func(*optim.Config)) optim.Config {
	c := optim.DefaultConfig()
	change(&c)
	return c
}

// Two lists of weights, of a length that no vector divides, go 100 steps with a step
// size that changes and a scale, on fixed data, as the float64 reference does. Each step
// of each weight makes a handful of roundings of 2⁻²⁴, of numbers that are at most as
// large as the way gone and the weight: 1e-5 of these allows for a hundred that add up.
func TestAgainstFloat64(t *testing.T) {
	const steps, scale, tolerance = 100, 0.25, 1e-5
	for _, tt := range cases {
		t.Run(tt.label, func(t *testing.T) {
			c := config(tt.change)
			r := rand.New(rand.NewPCG(7, 0))
			weights := [][]float32{make([]float32, 1037), make([]float32, 3)}
			var want [][]float64
			var ref [][]reference
			var way [][]float64
			for _, w := range weights {
				f, rs := make([]float64, len(w)), make([]reference, len(w))
				for j := range w {
					w[j] = float32(r.NormFloat64())
					f[j], rs[j] = float64(w[j]), tt.reference(c)
				}
				want, ref, way = append(want, f), append(ref, rs), append(way, make([]float64, len(w)))
			}
			o, err := optim.New(tt.name, weights, c)
			if err != nil {
				t.Fatal(err)
			}
			for step := range steps {
				lr := 0.02 * (1 - float64(step)/steps)
				var grads [][]float32
				for i, w := range weights {
					g := make([]float32, len(w))
					for j := range g {
						g[j] = float32(r.NormFloat64() + 1)
						next := ref[i][j](want[i][j], float64(g[j])*scale, lr)
						way[i][j] += math.Abs(next - want[i][j])
						want[i][j] = next
					}
					grads = append(grads, g)
				}
				o.Step(grads, lr, scale)
			}
			for i, w := range weights {
				for j := range w {
					if limit := tolerance * (way[i][j] + 1); !(math.Abs(float64(w[j])-want[i][j]) <= limit) {
						t.Fatalf("weight %d of list %d is %v, want %v within %.1e", j, i, w[j], want[i][j], limit)
					}
				}
			}
		})
	}
}

// The conventions of PyTorch, from numbers worked out by hand.
func TestConventions(t *testing.T) {
	for _, tt := range []struct {
		label, name string
		change      func(*optim.Config)
		start, lr   float64
		grads, want []float64
	}{
		// b = 1, 1.9, 2.71: no dampening, not even of the first step.
		{"momentum", "sgd", func(c *optim.Config) { c.Momentum = 0.9 }, 0, 0.1, []float64{1, 1, 1}, []float64{-0.1, -0.29, -0.561}},
		// g + 0.9·b = 1.9, 2.71, 3.439.
		{"nesterov", "nesterov", func(c *optim.Config) { c.Momentum = 0.9 }, 0, 0.1, []float64{1, 1, 1}, []float64{-0.19, -0.461, -0.8049}},
		{"plain", "sgd", func(*optim.Config) {}, 1, 0.1, []float64{2, -1}, []float64{0.8, 0.9}},
		// 1 − 0.1·0.5·1 = 0.95, then a full step of Adam. Then 0.85·0.95 = 0.8075, and Adam
		// goes 0.1·(0.09/0.19)/√(0.000999/0.001999) = 0.1·0.473684/0.706930. A decay within
		// the gradient would leave the first step at 0.9.
		{"adamw", "adamw", func(c *optim.Config) { c.WeightDecay = 0.5 }, 1, 0.1, []float64{1, 0}, []float64{0.85, 0.8075 - 0.0670058}},
		{"adam", "adam", func(*optim.Config) {}, 0, 0.1, []float64{0.5, 0}, []float64{-0.1, -0.1 - 0.0670058}},
	} {
		w := [][]float32{{float32(tt.start)}}
		o, err := optim.New(tt.name, w, config(tt.change))
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range tt.grads {
			o.Step([][]float32{{float32(g)}}, tt.lr, 1)
			if math.Abs(float64(w[0][0])-tt.want[i]) > 1e-6 { // of the 6 digits above
				t.Errorf("%s: w = %v after step %d, want %v", tt.label, w[0][0], i+1, tt.want[i])
			}
		}
	}
	// PyTorch keeps lr outside the velocity: when it falls to a tenth, the whole step does.
	w := [][]float32{{0}}
	o, _ := optim.New("sgd", w, config(func(c *optim.Config) { c.Momentum = 0.5 }))
	o.Step([][]float32{{1}}, 1, 1)
	if o.Step([][]float32{{0}}, 0.1, 1); math.Abs(float64(w[0][0])+1.05) > 1e-6 {
		t.Errorf("after a step of 1 and one of 0.1: %v, want -1.05", w[0][0])
	}
}

// What State and SetSteps hand to a fresh optimiser is all it needs: it goes on with the
// same bits.
func TestStateIsWhole(t *testing.T) {
	wantNames := map[string][]string{"adam": {"adam.m", "adam.v"}, "adamw": {"adam.m", "adam.v"}, "": {"adam.m", "adam.v"}, "nesterov": {"sgd.momentum"}}
	for _, tt := range cases {
		c := config(tt.change)
		r := rand.New(rand.NewPCG(8, 0))
		draw := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(r.NormFloat64())
			}
			return x
		}
		weights := [][]float32{draw(40), draw(5)}
		o, err := optim.New(tt.name, weights, c)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			o.Step([][]float32{draw(40), draw(5)}, 0.1, 1)
		}
		copied := [][]float32{slices.Clone(weights[0]), slices.Clone(weights[1])}
		fresh, err := optim.New(tt.name, copied, c)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for k, m := range o.State() {
			got = append(got, m.Name)
			for i, v := range m.Values {
				copy(fresh.State()[k].Values[i], v)
			}
		}
		if want := wantNames[tt.name]; want != nil && !slices.Equal(got, want) {
			t.Errorf("%s: the state is %v, want %v", tt.label, got, want)
		}
		fresh.SetSteps(3)
		for range 3 {
			grads := [][]float32{draw(40), draw(5)}
			o.Step(grads, 0.1, 0.5)
			fresh.Step(grads, 0.1, 0.5)
		}
		for i := range weights {
			if !slices.Equal(weights[i], copied[i]) {
				t.Errorf("%s: other weights after its state was restored", tt.label)
			}
		}
	}
}

// A step writes into the weights it was made for, and leaves the gradients alone.
func TestGradientsStay(t *testing.T) {
	for _, tt := range cases {
		w, g := [][]float32{{1, 2}}, [][]float32{{3, -4}}
		o, err := optim.New(tt.name, w, config(tt.change))
		if err != nil {
			t.Fatal(err)
		}
		o.Step(g, 0.1, 0.5)
		if !slices.Equal(g[0], []float32{3, -4}) || w[0][0] >= 1 || w[0][1] <= 1.9 {
			t.Errorf("%s: gradients %v, weights %v", tt.label, g[0], w[0])
		}
	}
}

// What decays towards zero becomes zero, and is never denormal.
func TestNoDenormals(t *testing.T) {
	for _, tt := range cases {
		w := [][]float32{{1, 1}}
		o, err := optim.New(tt.name, w, config(tt.change))
		if err != nil {
			t.Fatal(err)
		}
		grads := [][]float32{{1e-3, -1e-3}}
		for step := range 120000 { // 0.999^80000 = 1.7e-35, of a square of 1e-6
			o.Step(grads, 1e-5, 1)
			for _, m := range o.State() {
				for _, v := range m.Values[0] {
					if a := math.Abs(float64(v)); a != 0 && a < 0x1p-126 {
						t.Fatalf("%s: step %d: %s = %v", tt.label, step, m.Name, v)
					}
				}
			}
			clear(grads[0])
		}
		for _, m := range o.State() {
			if m.Values[0][0] != 0 || m.Values[0][1] != 0 {
				t.Errorf("%s: %s = %v, want 0", tt.label, m.Name, m.Values[0])
			}
		}
	}
}

func TestConfigErrors(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, c := range map[string]struct {
		name   string
		change func(*optim.Config)
	}{
		"beta1 is 1, want":              {"adam", func(c *optim.Config) { c.Beta1 = 1 }},
		"beta1 is -0.1":                 {"sgd", func(c *optim.Config) { c.Beta1 = -0.1 }},
		"beta2 is NaN":                  {"adamw", func(c *optim.Config) { c.Beta2 = nan }},
		"eps is 0, want":                {"adam", func(c *optim.Config) { *c = optim.Config{Beta1: 0.5} }},
		"eps is 0, want a finite":       {"adam", func(c *optim.Config) { *c = optim.Config{Beta2: 0.5} }},
		"eps is +Inf":                   {"adam", func(c *optim.Config) { c.Eps = inf }},
		"weight decay is -1":            {"adamw", func(c *optim.Config) { c.WeightDecay = -1 }},
		"weight decay is +Inf":          {"adamw", func(c *optim.Config) { c.WeightDecay = inf }},
		"momentum is 1, want":           {"sgd", func(c *optim.Config) { c.Momentum = 1 }},
		"weight decay is 0, and adamw":  {"adamw", func(c *optim.Config) {}},
		"momentum is 0, and nesterov":   {"nesterov", func(c *optim.Config) {}},
		"weight decay 0.1, which adam ": {"adam", func(c *optim.Config) { c.WeightDecay = 0.1 }},
		"weight decay 0.1, which sgd ":  {"sgd", func(c *optim.Config) { c.WeightDecay = 0.1 }},
		"momentum 0.9, which adam ":     {"", func(c *optim.Config) { c.Momentum = 0.9 }},
		"momentum 0.9, which adamw":     {"adamw", func(c *optim.Config) { c.Momentum, c.WeightDecay = 0.9, 0.1 }},
		"nesterov is true, which adam ": {"adam", func(c *optim.Config) { c.Nesterov = true }},
	} {
		if o, err := optim.New(c.name, nil, config(c.change)); err == nil || o != nil || !strings.HasPrefix(err.Error(), "optim: "+want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, c := range []optim.Config{optim.DefaultConfig(), {}} {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// Settings that say nothing of Adam's take the defaults for them. A Beta1 of 0 stays what it
// is where Beta2 and Eps are given.
func TestZeroConfig(t *testing.T) {
	d := optim.DefaultConfig()
	for _, tt := range []struct {
		name      string
		zero, all optim.Config
		same      bool
	}{
		{"adam", optim.Config{}, d, true},
		{"adamw", optim.Config{WeightDecay: 0.1}, optim.Config{Beta1: d.Beta1, Beta2: d.Beta2, Eps: d.Eps, WeightDecay: 0.1}, true},
		{"sgd", optim.Config{Momentum: 0.9}, optim.Config{Beta1: d.Beta1, Beta2: d.Beta2, Eps: d.Eps, Momentum: 0.9}, true},
		{"adam", optim.Config{Beta2: d.Beta2, Eps: d.Eps}, d, false},
	} {
		var w [2][]float32
		for i, c := range []optim.Config{tt.zero, tt.all} {
			w[i] = []float32{1, -2}
			o, err := optim.New(tt.name, w[i:i+1], c)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range []float32{3, -1, 0.5} {
				o.Step([][]float32{{g, 2 * g}}, 0.01, 1)
			}
		}
		if slices.Equal(w[0], w[1]) != tt.same {
			t.Errorf("%s with %+v gives %v, with %+v %v", tt.name, tt.zero, w[0], tt.all, w[1])
		}
	}
	if _, err := optim.NewAdam(nil, optim.Config{}); err != nil {
		t.Error(err)
	}
}
