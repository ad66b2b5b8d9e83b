package vae

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/checkpoint"
	"govae/dist"
	"govae/encoder"
	"govae/graph"
	"govae/klreg"
	"govae/nn"
)

// badNet is a network, of which a test replaces what it does.
type badNet struct {
	nn.Network
	apply func(net nn.Network, x, y *G.Node) (*G.Node, error)
}

func (b badNet) Apply(x, y *G.Node) (*G.Node, error) { return b.apply(b.Network, x, y) }

// badCode is a posterior of the same kind.
type badCode struct {
	dist.Normal
	on     func(d dist.Dist) dist.Dist
	draw   func(d *dist.Draw) *dist.Draw
	center func(z *G.Node) *G.Node
	noise  int
}

func (b badCode) Noise(dim int) int { return dim + b.noise }

func (b badCode) On(h *G.Node) (dist.Dist, error) {
	d, err := b.Normal.On(h)
	if err != nil || b.on == nil {
		return badBatch{d.(*dist.NormalBatch), b}, err
	}
	return b.on(d), nil
}

type badBatch struct {
	*dist.NormalBatch
	code badCode
}

func (b badBatch) Draw(eps *G.Node) (*dist.Draw, error) {
	d, err := b.NormalBatch.Draw(eps)
	if err == nil && b.code.draw != nil {
		d = b.code.draw(d)
	}
	return d, err
}

func (b badBatch) Center() (*G.Node, error) {
	z, err := b.NormalBatch.Center()
	if err == nil && b.code.center != nil {
		z = b.code.center(z)
	}
	return z, err
}

// badImages is a likelihood of the same kind, and badPrior a prior.
type badImages struct {
	dist.Bernoulli
	means, samples func(x []float64) []float64
	fast           func(x []float32) []float32
	neg            func(d *G.Node) *G.Node
	invalid        error
}

func (b badImages) Validate() error { return b.invalid }

func (b badImages) Means(params []float32, dim int) []float32 {
	if b.fast != nil {
		return b.fast(b.Bernoulli.Means(params, dim))
	}
	return dist.Means(slowImages{b}, params, dim)
}

func (b badImages) On(h *G.Node) (dist.Dist, error) {
	d, err := b.Bernoulli.On(h)
	return badLikelihood{d.(*dist.BernoulliBatch), b}, err
}

func (b badImages) At(h []float64) dist.Value { return badValue{dist.BernoulliValue{Logits: h}, b} }

type slowImages struct{ of badImages }

func (s slowImages) Name() string                    { return s.of.Name() }
func (s slowImages) Domain() dist.Domain             { return s.of.Domain() }
func (s slowImages) Outputs(dim int) int             { return dim }
func (s slowImages) Params() []*nn.Param             { return nil }
func (s slowImages) On(h *G.Node) (dist.Dist, error) { return s.of.On(h) }
func (s slowImages) At(params []float64) dist.Value  { return s.of.At(params) }

type badLikelihood struct {
	*dist.BernoulliBatch
	of badImages
}

func (b badLikelihood) NegLogProb(x *G.Node) (*G.Node, error) {
	d, err := b.BernoulliBatch.NegLogProb(x)
	if err == nil && b.of.neg != nil {
		d = b.of.neg(d)
	}
	return d, err
}

type badValue struct {
	dist.BernoulliValue
	of badImages
}

func (b badValue) Mean() []float64 {
	if b.of.means == nil {
		return b.BernoulliValue.Mean()
	}
	return b.of.means(b.BernoulliValue.Mean())
}

func (b badValue) Sample(src rand.Source) []float64 {
	if b.of.samples == nil {
		return b.BernoulliValue.Sample(src)
	}
	return b.of.samples(b.BernoulliValue.Sample(src))
}

type badPrior struct {
	dist.StandardNormal
	on     func() dist.Dist
	sample func(n int) []float32
}

func (b badPrior) Name() string { return "bad" }

func (b badPrior) On(g *G.ExprGraph, y *G.Node) (dist.Dist, error) {
	if b.on == nil {
		return b.StandardNormal.On(g, y)
	}
	return b.on(), nil
}

func (b badPrior) Sample(n int, y []float32, t float64, src rand.Source) ([]float32, error) {
	if b.sample == nil || n == 1 {
		return b.StandardNormal.Sample(n, y, t, src)
	}
	return b.sample(n), nil
}

type nilDensity struct{}

func (nilDensity) LogProb(*G.Node) (*G.Node, error) { return nil, nil }

type badDensity struct{}

func (badDensity) LogProb(z *G.Node) (*G.Node, error) { return graph.Combine([]float64{1}, z) }

// soundParts are parts of a model of 6 pixels and 2 dimensions, to be spoilt.
func soundParts(t *testing.T) Parts {
	t.Helper()
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	return Parts{Encoder: m.Encoder(), Decoder: m.Decoder(), Likelihood: dist.Bernoulli{}}
}

// use calls what a model is for, and returns the first error.
func use(m *Model) error {
	const n = 3
	x := make([]float32, n*m.pixels)
	for _, call := range []func() error{
		func() error { _, err := m.EncodeParams(x); return err },
		func() error { _, err := m.Center(x); return err },
		func() error { _, err := m.ELBO(x, make([]float32, n*m.noise)); return err },
		func() error { _, err := m.Sample(n, 1, 1); return err },
		func() error { _, err := m.SamplePixels(n, 1, 1); return err },
		func() error {
			_, err := m.NewObjectiveStep(n, klreg.DefaultWeight(), Objective{Name: "elbo-sampled"})
			return err
		},
		func() error {
			_, err := m.NewObjectiveStep(n, klreg.DefaultWeight(), Objective{Name: "stl"})
			return err
		},
	} {
		if err := call(); err != nil {
			return err
		}
	}
	return nil
}

// What a part does wrong is an error that names the part: where the model is put together, or
// where the part is first asked.
func TestBadParts(t *testing.T) {
	if m, err := Assemble(soundParts(t)); err != nil || use(m) != nil {
		t.Fatal(err, "of sound parts")
	}
	scaled := func(n *G.Node) *G.Node { return G.Must(graph.Columns(n, 0, 1)) }
	param := func(dt tensor.Dtype, shape ...int) *nn.Param {
		return &nn.Param{Names: []string{"extra"}, Value: tensor.New(tensor.Of(dt), tensor.WithShape(shape...))}
	}
	for _, tt := range []struct {
		name, want string
		spoil      func(p *Parts)
	}{
		{"encoder panics", "vae: network vae.badNet: panic: boom", func(p *Parts) {
			p.Encoder = badNet{p.Encoder, func(nn.Network, *G.Node, *G.Node) (*G.Node, error) { panic("boom") }}
		}},
		{"encoder without a node", "vae: network vae.badNet gives nil", func(p *Parts) {
			p.Encoder = badNet{p.Encoder, func(nn.Network, *G.Node, *G.Node) (*G.Node, error) { return nil, nil }}
		}},
		{"encoder of fewer outputs", "vae: network vae.badNet gives a node of shape (8, 1), want [8 4]", func(p *Parts) {
			p.Encoder = badNet{p.Encoder, func(n nn.Network, x, y *G.Node) (*G.Node, error) {
				h, err := n.Apply(x, y)
				return scaled(h), err
			}}
		}},
		{"decoder of twice the rows", "vae: network vae.badNet gives a node of shape (16, 6), want [8 6]", func(p *Parts) {
			p.Decoder = badNet{p.Decoder, func(n nn.Network, z, y *G.Node) (*G.Node, error) {
				twice, err := graph.Repeat(z, 2)
				if err != nil {
					return nil, err
				}
				return n.Apply(twice, y)
			}}
		}},
		{"posterior without a batch", "vae: distribution normal gives nil", func(p *Parts) { p.Posterior = badCode{on: func(dist.Dist) dist.Dist { return nil }} }},
		{"posterior with a nil batch", "vae: distribution normal gives nil", func(p *Parts) {
			p.Posterior = badCode{on: func(dist.Dist) dist.Dist { return (*dist.NormalBatch)(nil) }}
		}},
		{"posterior panics", "vae: distribution normal: panic: no", func(p *Parts) { p.Posterior = badCode{on: func(dist.Dist) dist.Dist { panic("no") }} }},
		{"posterior that is not drawn", "vae: q(z|x) is vae.nilDensity, which can't be drawn", func(p *Parts) { p.Posterior = badCode{on: func(dist.Dist) dist.Dist { return nilDensity{} }} }},
		{"no draw", "vae: Draw of vae.badBatch gives nil", func(p *Parts) { p.Posterior = badCode{draw: func(*dist.Draw) *dist.Draw { return nil }} }},
		{"draw of no codes", "vae: Draw of vae.badBatch gives nil", func(p *Parts) { p.Posterior = badCode{draw: func(*dist.Draw) *dist.Draw { return &dist.Draw{} }} }},
		{"draw of other codes", "vae: Draw of vae.badBatch gives a node of shape (8, 1), want [8 2]", func(p *Parts) {
			p.Posterior = badCode{draw: func(d *dist.Draw) *dist.Draw { d.Z = scaled(d.Z); return d }}
		}},
		{"draw without a density", "vae: a draw of the normal posterior without a density", func(p *Parts) {
			p.Posterior = badCode{draw: func(d *dist.Draw) *dist.Draw { d.LogProb = nil; return d }}
		}},
		{"draw without a density of the path", "vae: a draw of the normal posterior without a density", func(p *Parts) {
			p.Posterior = badCode{draw: func(d *dist.Draw) *dist.Draw { d.PathLogProb = nil; return d }}
		}},
		{"another centre", "vae: Center of vae.badBatch gives a node of shape (8, 1), want [8 2]", func(p *Parts) { p.Posterior = badCode{center: scaled} }},
		{"no centre", "vae: Center of vae.badBatch gives nil", func(p *Parts) { p.Posterior = badCode{center: func(*G.Node) *G.Node { return nil }} }},
		{"negative noise", "the normal posterior of -1 numbers of noise", func(p *Parts) { p.Posterior = badCode{noise: -3} }},
		{"no density of the prior", "vae: LogProb of vae.nilDensity gives nil", func(p *Parts) {
			p.Prior = badPrior{dist.StandardNormal{Dim: 2}, func() dist.Dist { return nilDensity{} }, nil}
		}},
		{"a density for each number", "vae: LogProb of vae.badDensity gives a node of shape (8, 2), want [8]", func(p *Parts) {
			p.Prior = badPrior{dist.StandardNormal{Dim: 2}, func() dist.Dist { return badDensity{} }, nil}
		}},
		{"no prior", "vae: prior bad gives nil", func(p *Parts) { p.Prior = badPrior{dist.StandardNormal{Dim: 2}, func() dist.Dist { return nil }, nil} }},
		{"prior panics", "vae: prior bad: panic: on", func(p *Parts) { p.Prior = badPrior{dist.StandardNormal{Dim: 2}, func() dist.Dist { panic("on") }, nil} }},
		{"too many codes", "vae: prior bad draws 12 numbers as 3 codes of 2 dimensions", func(p *Parts) {
			p.Prior = badPrior{dist.StandardNormal{Dim: 2}, nil, func(n int) []float32 { return make([]float32, 4*n) }}
		}},
		{"sampling panics", "vae: prior bad: panic: sample", func(p *Parts) {
			p.Prior = badPrior{dist.StandardNormal{Dim: 2}, nil, func(int) []float32 { panic("sample") }}
		}},
		{"prior of other codes", "vae: the standard prior is of 6 dimensions, want the 2 of the topmost code", func(p *Parts) { p.Prior = dist.StandardNormal{Dim: 6} }},
		{"typed nil prior", "vae: a part that is a nil *vae.Vamp", func(p *Parts) { p.Prior = (*Vamp)(nil) }},
		{"typed nil decoder", "vae: no decoder", func(p *Parts) { p.Decoder = (*encoder.MLP)(nil) }},
		{"distortion for each pixel", "vae: LogProb of vae.badLikelihood gives a node of shape (), want [8]", func(p *Parts) {
			p.Likelihood = badImages{neg: func(d *G.Node) *G.Node { return G.Must(graph.Mean(d)) }}
		}},
		{"means of fewer pixels", "vae: likelihood bernoulli: panic: dist: bernoulli: a mean or a draw of 5 numbers, want 6", func(p *Parts) { p.Likelihood = badImages{means: func(x []float64) []float64 { return x[:5] }} }},
		{"means of more pixels", "vae: likelihood bernoulli: panic: dist: bernoulli: a mean or a draw of 7 numbers, want 6", func(p *Parts) { p.Likelihood = badImages{means: func(x []float64) []float64 { return append(x, 0) }} }},
		{"fast means of fewer images", "vae: likelihood bernoulli gives 12 means for 18 pixels", func(p *Parts) { p.Likelihood = badImages{fast: func(x []float32) []float32 { return x[:12] }} }},
		{"draws of fewer pixels", "vae: likelihood bernoulli: panic: dist: bernoulli: a mean or a draw of 5 numbers, want 6", func(p *Parts) { p.Likelihood = badImages{samples: func(x []float64) []float64 { return x[:5] }} }},
		{"family that says it is wrong", "dist: gaussian likelihood with sigma 0", func(p *Parts) { p.Likelihood = dist.Gaussian{} }},
		{"classes that do not divide", "dist: categorical: logits of shape (1, 6), want [R,N·5]", func(p *Parts) { p.Likelihood = dist.Categorical{Classes: 5} }},
		{"no classes", "dist: categorical: 0 classes", func(p *Parts) { p.Likelihood = dist.Categorical{} }},
		{"learned prior of no family", "dist: a learned prior of 2 numbers with family <nil>", func(p *Parts) {
			p.Prior = dist.Learned{Dim: 2, Row: nn.NewParam(tensor.Float32, "prior.params", 1, 4)}
		}},
		{"learned prior of other parameters", "dist: a learned prior of 2 numbers of family normal with parameters of shape (1, 7), want (1, 4)", func(p *Parts) {
			p.Prior = dist.Learned{Family: dist.Normal{}, Dim: 2, Row: nn.NewParam(tensor.Float32, "prior.params", 1, 7)}
		}},
		{"learned prior of bits", "vae: the normal posterior is of real numbers and the bernoulli prior of bits, which can't be compared", func(p *Parts) {
			p.Prior = dist.Learned{Family: dist.Bernoulli{}, Dim: 2, Row: nn.NewParam(tensor.Float32, "prior.params", 1, 2)}
		}},
		{"flow of nothing", "dist: a flow <nil> on a base <nil>", func(p *Parts) { p.Posterior = dist.Transformed{} }},
		{"prior flow of nothing", "dist: a flow prior of 0 dimensions", func(p *Parts) { p.Prior = dist.FlowPrior{} }},
		{"negative rows", "vae: images of -2×-3 pixels", func(p *Parts) { p.Rows, p.Cols = -2, -3 }},
		{"a parameter of no numbers", "vae: parameter extra of shape (0)", func(p *Parts) { p.Encoder = withParam{p.Encoder, param(tensor.Float32, 0)} }},
		{"a scalar parameter", "vae: parameter extra of shape ()", func(p *Parts) {
			p.Encoder = withParam{p.Encoder, &nn.Param{Names: []string{"extra"}, Value: tensor.New(tensor.FromScalar(float32(1)))}}
		}},
		{"names that do not part", "under 2 names", func(p *Parts) {
			odd := param(tensor.Float32, 3)
			odd.Names = []string{"extra", "other"}
			p.Encoder = withParam{p.Encoder, odd}
		}},
		{"another precision", "vae: parameter encoder.hidden.0.weight is of float32 and extra of float64, want all of one precision", func(p *Parts) { p.Encoder = withParam{p.Encoder, param(tensor.Float64, 3)} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parts := soundParts(t)
			tt.spoil(&parts)
			m, err := Assemble(parts)
			if err == nil {
				err = use(m)
			}
			if err == nil || !strings.HasPrefix(err.Error(), "vae: ") || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "vae: vae: ") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

type withParam struct {
	nn.Network
	more *nn.Param
}

func (w withParam) Params() []*nn.Param { return append(w.Network.Params(), w.more) }

// Registered parts that panic or give nothing are errors which name them, whatever asks.
func TestBadRegistrations(t *testing.T) {
	place := regexp.MustCompile(`, at vae/guard_test\.go:\d+$`)
	RegisterEncoder("test-no-new", Part[nn.Network]{})
	RegisterEncoder("test-nil", Part[nn.Network]{New: func(Spec) (nn.Network, error) { return nil, nil }})
	RegisterDecoder("test-typed-nil", Part[nn.Network]{New: func(Spec) (nn.Network, error) { return (*encoder.MLP)(nil), nil }})
	RegisterPosterior("test-nil", Part[dist.Code]{New: func(Spec) (dist.Code, error) { return nil, nil }})
	RegisterPosterior("test-panic", Part[dist.Code]{New: func(Spec) (dist.Code, error) { panic("new") }})
	RegisterPrior("test-nil", Part[dist.Prior]{New: func(Spec) (dist.Prior, error) { return nil, nil }})
	RegisterPrior("test-check", Part[dist.Prior]{Check: func(Config) error { panic("check") }})
	RegisterPrior("test-weights", Part[dist.Prior]{New: func(s Spec) (dist.Prior, error) { return dist.StandardNormal{Dim: s.Code}, nil }, Weights: func(Config) int { panic("weights") }})
	RegisterLikelihood("test-nil", Part[dist.Family]{New: func(Spec) (dist.Family, error) { return nil, nil }})
	RegisterLikelihood("test-no-base", Part[dist.Family]{New: func(Spec) (dist.Family, error) { return dist.MixtureOf{Components: 3}, nil }})
	RegisterLikelihood("test-no-new", Part[dist.Family]{})
	for _, tt := range []struct {
		want string
		set  func(c *Config)
	}{
		{"vae: encoder test-no-new is registered without New", func(c *Config) { c.Encoder = "test-no-new" }},
		{"vae: encoder test-nil gives nil", func(c *Config) { c.Encoder = "test-nil" }},
		{"vae: decoder test-typed-nil gives nil", func(c *Config) { c.Decoder = "test-typed-nil" }},
		{"vae: posterior test-nil gives nil", func(c *Config) { c.Posterior = "test-nil" }},
		{"vae: posterior test-panic: panic: new", func(c *Config) { c.Posterior = "test-panic" }},
		{"vae: prior test-nil gives nil", func(c *Config) { c.Prior = "test-nil" }},
		{"vae: prior test-check: panic: check", func(c *Config) { c.Prior = "test-check" }},
		{"vae: likelihood test-nil gives nil", func(c *Config) { c.Likelihood = "test-nil" }},
		{"vae: dist: a mixture of 3 components without a Base, want a family", func(c *Config) { c.Likelihood = "test-no-base" }},
		{"vae: likelihood test-no-new is registered without New", func(c *Config) { c.Likelihood = "test-no-new" }},
	} {
		c := tiny()
		tt.set(&c)
		if _, err := New(c); err == nil || place.ReplaceAllString(err.Error(), "") != tt.want {
			t.Errorf("error %v, want %q", err, tt.want)
		}
		if c.Likelihood != tiny().Likelihood {
			if _, err := c.Domain(); err == nil || err.Error() != tt.want {
				t.Errorf("Domain: error %v, want %q", err, tt.want)
			}
		}
	}
	c := tiny()
	nn.RegisterInit("test-no-function", nil)
	for want, init := range map[string]string{
		`vae: initialisation "test-no-function" is registered without a function`: "test-no-function",
		`vae: unknown initialisation "test-nobody"`:                               "test-nobody",
	} {
		c.Init = init
		_, err := New(c)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "import the package") != strings.Contains(want, "unknown") {
			t.Errorf("error %v, want %s, and to import a package if it is unknown", err, want)
		}
	}
	c = tiny()
	c.Prior = "test-weights"
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.File(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := FromFile(f); err == nil || place.ReplaceAllString(err.Error(), "") != "vae: prior test-weights: panic: weights" {
		t.Errorf("FromFile: %v", err)
	}
}

// anyBound is an objective that does what a test says.
type anyBound struct {
	check func() error
	loss  func(l LossNodes) LossNodes
	n     int // draws
}

func (b anyBound) Check(*Model, klreg.Weight) error {
	if b.check == nil {
		return nil
	}
	return b.check()
}

func (b anyBound) Loss(p *Pass) (LossNodes, error) {
	t, err := p.Trace(p.Eps, max(b.n, 1), Walk{Densities: true})
	if err != nil {
		return LossNodes{}, err
	}
	logw, err := t.LogWeights(p.Beta, nil)
	if err != nil {
		return LossNodes{}, err
	}
	loss, err := NegativeMean(logw)
	if err != nil {
		return LossNodes{}, err
	}
	l, err := t.LossNodes(loss)
	if b.loss != nil {
		l = b.loss(l)
	}
	return l, err
}

// What an objective does wrong is an error that names it, before a step is made.
func TestBadObjectives(t *testing.T) {
	distortions := func(l LossNodes) *G.Node { return G.Must(l.Trace.Distortion()) } // [B]
	bounds := map[string]anyBound{
		"sound":       {},
		"no loss":     {loss: func(LossNodes) LossNodes { return LossNodes{} }},
		"no rate":     {loss: func(l LossNodes) LossNodes { l.Rate = nil; return l }},
		"many losses": {loss: func(l LossNodes) LossNodes { l.Loss = distortions(l); return l }},
		"many costs":  {loss: func(l LossNodes) LossNodes { l.Cost = distortions(l); return l }},
		"many rates":  {loss: func(l LossNodes) LossNodes { l.Rate = l.Trace.Z[0]; return l }},
		"distortions": {loss: func(l LossNodes) LossNodes { l.Distortion = distortions(l); return l }},
		"nameless":    {loss: func(l LossNodes) LossNodes { l.Terms = []Term{{Value: l.Rate}}; return l }},
		"empty term":  {loss: func(l LossNodes) LossNodes { l.Terms = []Term{{Name: "mine", Weight: 2}}; return l }},
		"many terms":  {loss: func(l LossNodes) LossNodes { l.Terms = []Term{{Name: "mine", Value: distortions(l)}}; return l }},
		"panic":       {loss: func(LossNodes) LossNodes { panic("loss") }},
		"check":       {check: func() error { panic("check") }},
		"refuses":     {check: func() error { return errUnlike }},
		"draws":       {n: 2},
	}
	for name, b := range bounds {
		RegisterObjective("test-"+name, func(Objective) Bound { return b })
	}
	RegisterObjective("test-nil", func(Objective) Bound { return nil })
	RegisterObjective("test-no make", nil)
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"sound": "", "no loss": `objective test-no loss gives no node "Loss"`, "no rate": `objective test-no rate gives no node "Rate"`,
		"many losses": `objective test-many losses gives "Loss" of shape (3), want a scalar`, "many costs": `"Cost" of shape (3)`,
		"many rates": `"Rate" of shape (3, 2), want a scalar`, "distortions": `"Distortion" of shape (3)`,
		"nameless": "vae: objective test-nameless gives a term without a name", "empty term": `gives no node "mine"`, "many terms": `"mine" of shape (3), want a scalar`,
		"panic": "vae: objective test-panic: panic: loss", "check": "vae: objective test-check: panic: check", "refuses": "vae: unlike",
		"draws": "a trace of 2 draws of 3 images, want noise of 6 rows: p.Eps is that of Objective.Samples() draws each",
		"nil":   "vae: objective test-nil gives nil", "no make": "vae: objective test-no make is registered without a function",
	} {
		_, err := m.NewObjectiveStep(3, klreg.DefaultWeight(), Objective{Name: "test-" + name})
		if (err == nil) != (want == "") || err != nil && (!strings.HasPrefix(err.Error(), "vae: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "vae: vae: ")) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

type unlike struct{}

func (unlike) Error() string { return "unlike" }

var errUnlike = unlike{}

// An objective that adds to another one is the one that errors name, and Takes refuses what an
// objective has no use for.
func TestTakes(t *testing.T) {
	RegisterObjective("test-more", func(o Objective) Bound { return o.As("elbo") })
	RegisterObjective("test-takes", func(o Objective) Bound { return takesDraws{anyBound{n: o.Samples()}, o} })
	m, err := New(Config{Rows: 2, Cols: 3, Hidden: []int{4}, Latent: 2, Activation: "tanh", Likelihood: "bernoulli", Init: "glorot", Prior: "mixture", Components: 2})
	if err != nil {
		t.Fatal(err)
	}
	free, capacity := klreg.DefaultWeight(), klreg.DefaultWeight()
	free.FreeBits = 1
	capacity.Capacity, capacity.Gamma = 3, 1
	for _, tt := range []struct {
		o    Objective
		w    klreg.Weight
		want string
	}{
		{Objective{Name: "test-more", K: 5}, klreg.DefaultWeight(), "vae: objective test-more takes one draw an image, not 5"},
		{Objective{Name: "test-more", Backward: 1}, klreg.DefaultWeight(), "which objective test-more does not have"},
		{Objective{Name: "test-more"}, klreg.DefaultWeight(), "vae: objective test-more has the analytic KL, of one stochastic layer and a posterior and a prior for which klreg.Register has a closed form; for a model with the mixture prior (no form for *dist.NormalBatch and dist.MixtureBatch) choose elbo-sampled"},
		{Objective{Name: "test-takes", K: 5}, klreg.DefaultWeight(), ""},
		{Objective{Name: "test-takes", K: 5, M: 2}, klreg.DefaultWeight(), "vae: objective test-takes with m=2"},
		{Objective{Name: "test-takes", K: 5, Backward: 2}, klreg.DefaultWeight(), "which objective test-takes does not have"},
		{Objective{Name: "test-takes", K: 5, Backward: -1}, klreg.DefaultWeight(), "which objective test-takes does not have"},
		{Objective{Name: "test-takes"}, free, "vae: free bits and capacity are of the analytic KL: they go with objective elbo, not test-takes"},
		{Objective{Name: "test-takes"}, capacity, "they go with objective elbo, not test-takes"},
		{Objective{Name: "iwae", K: 3, Backward: 4}, klreg.DefaultWeight(), "vae: a gradient through 4 of k=3 draws, want 1 to 3, or 0 for all"},
		{Objective{Name: "miwae", K: 3, M: 2, Backward: 1}, klreg.DefaultWeight(), ""},
	} {
		_, err := m.NewObjectiveStep(2, tt.w, tt.o)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want %q", tt.o, err, tt.want)
		}
	}
}

type takesDraws struct {
	anyBound
	o Objective
}

func (b takesDraws) Check(_ *Model, w klreg.Weight) error { return Takes{Draws: true}.Check(b.o, w) }

// A model file is one of its metadata: a tensor that the model lacks is an error that names it,
// but for a training state's. Restore leaves any aside.
func TestSurplusTensors(t *testing.T) {
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	file := func(names ...string) *checkpoint.File {
		f, err := m.File(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: n, Shape: []int{1}, Data: []float32{1}})
		}
		return f
	}
	state := file("adam.m.encoder.mu.bias", "critic.adam.v.decoder.output.weight")
	state.Metadata["govae.state"] = "{}"
	if _, err := FromFile(state); err != nil {
		t.Errorf("a training state: %v", err)
	}
	for _, name := range []string{"prior.mu", "encoder.hidden.7.weight", "adam.m.encoder.hidden.7.weight", "encoder.mu.bias2"} {
		_, err := FromFile(file(name))
		if err == nil || !strings.HasPrefix(err.Error(), "vae: ") || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if err := m.Restore(file(name)); err != nil {
			t.Errorf("Restore beside %s: %v", name, err)
		}
	}
	if err := m.Restore(nil); err == nil || err.Error() != "vae: no file to restore from" {
		t.Error(err)
	}
	if _, err := FromFile(nil); err == nil || !strings.Contains(err.Error(), ErrNotModel.Error()) {
		t.Error(err)
	}
	f := file()
	f.Metadata[configKey] = strings.NewReplacer(`"init":"`, `"encoder":"nobody","prior":"none","init":"x`).Replace(f.Metadata[configKey])
	_, err = FromFile(f)
	for _, want := range []string{`unknown encoder "nobody"`, `unknown prior "none"`, `unknown initialisation "x`, "import the package that registers it, or Assemble the parts and Restore the file"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("unknown parts: %v, want %q", err, want)
		}
	}
}

// A flow's weights are counted by what its first layers see, so that what was saved is loaded.
func TestFlowOfFewOutputs(t *testing.T) {
	RegisterPosterior("test-shift", Part[dist.Code]{New: func(Spec) (dist.Code, error) { return shift{}, nil }})
	c := Config{Rows: 1, Cols: 2, Latent: 8, Activation: "tanh", Likelihood: "bernoulli", Init: "glorot", Posterior: "test-shift", Flow: 4}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.File(nil)
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, p := range m.Params() {
		held += p.Value.Shape().TotalSize()
	}
	if want, err := c.weights(); err != nil || want > held {
		t.Errorf("%d weights, %v, of a model that has %d", want, err, held)
	}
	if _, err := FromFile(f); err != nil {
		t.Error(err)
	}
}

// shift is N(mu, I) of 8 dimensions, with one mu for all: one parameter.
type shift struct{ dist.Normal }

func (shift) Outputs(int) int { return 1 }

func (shift) On(mu *G.Node) (dist.Dist, error) {
	var s graph.Steps
	for range 3 {
		mu = s.Do(graph.Join(mu, mu))
	}
	h := s.Do(graph.Join(mu, s.Do(graph.Combine([]float64{0}, mu))))
	if s.Err() != nil {
		return nil, s.Err()
	}
	return dist.Normal{}.On(h)
}

// New keeps its own copy of a configuration, and Config gives one.
func TestConfigOwned(t *testing.T) {
	RegisterPrior("test-options", Part[dist.Prior]{Options: []string{"a"}, New: func(s Spec) (dist.Prior, error) { return dist.StandardNormal{Dim: s.Code}, nil }})
	c := tiny()
	c.Prior, c.Options = "test-options", Options{"a": "1"}
	c.Above = []Stochastic{{Hidden: []int{3}, Latent: 2}}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	saved := func() string {
		f, err := m.File(nil)
		if err != nil {
			t.Fatal(err)
		}
		return f.Metadata[configKey]
	}
	want := saved()
	for _, c := range []Config{c, m.Config()} {
		c.Options["a"], c.Hidden[0], c.Above[0].Hidden[0], c.Above[0].Latent = "2", 99, 99, 99
		if got := saved(); got != want {
			t.Errorf("saved %s, was %s", got, want)
		}
	}
}

// Numbers that are no labels, or not of their width, are errors.
func TestBadLabels(t *testing.T) {
	c := tiny()
	c.Labels = 2
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		if _, err := m.Given([]float32{0, 1, 0, bad}); err == nil || !strings.Contains(err.Error(), "vae: number 1 of the labels of row 1 is") {
			t.Errorf("%v: %v", bad, err)
		}
	}
	for _, width := range []int{0, -1} {
		if _, err := OneHot([]uint8{0}, width); err == nil || !strings.Contains(err.Error(), "vae: labels of width ") {
			t.Errorf("width %d: %v", width, err)
		}
	}
	plain, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Transform(make([]float32, 3), nil, nil); err == nil {
		t.Error("codes of no whole dimension")
	}
	if _, err := plain.Transform(make([]float32, 4), make([]float32, 4), make([]float32, 2)); err == nil {
		t.Error("fewer log-variances than codes")
	}
}

// The networks that come with the model have the values that they add to a graph.
func TestNetworkValues(t *testing.T) {
	c := tiny()
	c.Labels = 2
	m, err := newModel(c, tensor.Float64)
	if err != nil {
		t.Fatal(err)
	}
	x, y := []float32{0, 1, 0.5, 0.25, 1, 0}, []float32{0, 1}
	given, err := m.Given(y)
	if err != nil {
		t.Fatal(err)
	}
	row := func(parts ...[]float32) (r []float64) {
		for _, p := range parts {
			for _, v := range p {
				r = append(r, float64(v))
			}
		}
		return r
	}
	params, err := given.EncodeParams(x)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := given.DecodeParams([]float32{0.5, -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		got  []float64
		want []float32
	}{
		{m.Encoder().(interface{ Value([]float64) []float64 }).Value(row(x, y)), params},
		{m.Decoder().(interface{ Value([]float64) []float64 }).Value(row([]float32{0.5, -1}, y)), logits},
	} {
		for i := range tt.want {
			if len(tt.got) != len(tt.want) || math.Abs(tt.got[i]-float64(tt.want[i])) > 1e-6 {
				t.Errorf("%v, want %v", tt.got, tt.want)
				break
			}
		}
	}
}
