package vae

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"

	"govae/dist"
	"govae/klreg"
	"govae/nn"
)

// weighted is the ELBO with a factor of its own: option weighted.factor.
type weighted struct {
	elbo
	Options
}

func (o weighted) Check(m *Model, w klreg.Weight) error {
	if _, err := o.Number("weighted.factor", 1, 0, 10); err != nil {
		return fmt.Errorf("test: %w", err)
	}
	return o.elbo.Check(m, w)
}

func (o weighted) Loss(p *Pass) (l LossNodes, err error) {
	factor, err := o.Number("weighted.factor", 1, 0, 10)
	if err != nil {
		return l, err
	}
	if l, err = o.elbo.Loss(p); err == nil {
		l.Terms = []Term{{Name: "again", Value: l.Loss, Weight: factor - 1}}
	}
	return l, err
}

func init() {
	RegisterObjective("weighted", func(o Objective) Bound { return weighted{elbo{o}, o.Options} }, "weighted.factor")
}

// An objective has its options, and a wrong one is an error that says what goes.
func TestObjectiveOptions(t *testing.T) {
	m, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	loss := func(o Objective) float64 {
		t.Helper()
		s, err := m.NewObjectiveStep(2, klreg.DefaultWeight(), o)
		if err != nil {
			t.Fatal(err)
		}
		l, err := s.Run(1)
		if err != nil {
			t.Fatal(err)
		}
		return l.Loss
	}
	plain, thrice := loss(Objective{Name: "weighted"}), loss(Objective{Name: "weighted", Options: Options{"weighted.factor": "3"}})
	if err := differs("loss", []float64{thrice}, []float64{3 * plain}, 1e-6); err != nil {
		t.Error(err)
	}
	for _, tt := range []struct {
		o    Objective
		want string
	}{
		{Objective{Name: "weighted", Options: Options{"weighted.factor": "much"}}, `test: option weighted.factor is "much", want a number from 0 to 10`},
		{Objective{Name: "weighted", Options: Options{"weighted.factor": "NaN"}}, `is "NaN", want a number`},
		{Objective{Name: "weighted", Options: Options{"weighted.factor": "11"}}, `is "11", want a number from 0 to 10`},
		{Objective{Name: "weighted", Options: Options{"weighted.facter": "3"}}, `vae: unknown option "weighted.facter" of objective weighted, did you mean weighted.factor?`},
		{Objective{Name: "weighted", Options: Options{"x": "3"}}, `vae: unknown option "x" of objective weighted: choose weighted.factor`},
		{Objective{Options: Options{"x": "3"}}, `vae: option "x", where none goes with objective elbo`},
	} {
		if err := tt.o.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.want)
		}
	}
}

// An objective without options is saved as it was before there were any.
func TestObjectiveJSON(t *testing.T) {
	for want, o := range map[string]Objective{
		`{"name":"dreg","k":5,"backward":1}`:                    {Name: "dreg", K: 5, Backward: 1},
		`{"name":"weighted","options":{"weighted.factor":"3"}}`: {Name: "weighted", Options: Options{"weighted.factor": "3"}},
		`{"name":"miwae","k":2,"m":3}`:                          {Name: "miwae", K: 2, M: 3, Options: Options{}},
	} {
		if got, err := json.Marshal(o); err != nil || string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	}
}

// Options of a model are those of its parts.
func TestConfigOptions(t *testing.T) {
	c := tiny()
	c.Options = Options{"x": "1"}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), `vae: option "x", where none goes with the model's parts`) {
		t.Errorf("no part has options: %v", err)
	}
	c.Encoder, c.Options = "optioned", Options{"wide": "1"}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Options = Options{"wide": "1", "wid": "2"}
	if err := c.Validate(); err == nil || err.Error() != `vae: unknown option "wid" of the model's parts, did you mean wide?` {
		t.Errorf("another option: %v", err)
	}
	c = tiny()
	c.Decoder = "secretive"
	if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), `vae: decoder secretive: panic: option "secret" is read, and not listed in Part.Options`) {
		t.Errorf("an option that is not listed: %v", err)
	}
	c.Encoder, c.Options = "sharing", Options{"secret": "1"}
	if _, err := New(c); err != nil {
		t.Errorf("an option that another part lists: %v", err)
	}
}

func init() {
	RegisterEncoder("optioned", Part[nn.Network]{Options: []string{"wide"}, New: mlpEncoder})
	RegisterEncoder("sharing", Part[nn.Network]{Options: []string{"secret"}, New: mlpEncoder})
	RegisterDecoder("secretive", Part[nn.Network]{New: func(s Spec) (nn.Network, error) { s.Option("secret", ""); return mlpDecoder(s) }})
	RegisterEncoder("free", Part[nn.Network]{New: mlpEncoder})
	RegisterDecoder("free", Part[nn.Network]{New: mlpDecoder})
}

// Hidden is what the networks take it for: the sizes of an MLP are wrong for it alone.
func TestHiddenIsOfThePart(t *testing.T) {
	c := tiny()
	c.Hidden = []int{0, 1 << 40}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "vae: hidden layer 0 has 0 units, want at least 1") {
		t.Errorf("an MLP: %v", err)
	}
	c.Encoder = "free"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "hidden layer 0 has 0 units") {
		t.Errorf("a decoder that is an MLP: %v", err)
	}
	c.Decoder = "free"
	if err := c.Validate(); err != nil {
		t.Errorf("networks that read Hidden otherwise: %v", err)
	}
}

// flips is a code of bits, and coins a prior of bits that says so.
type flips struct{ dist.Normal }

func (flips) Name() string        { return "flips" }
func (flips) Domain() dist.Domain { return dist.Binary }
func (flips) On(params *G.Node) (dist.Dist, error) {
	d, err := dist.Normal{}.On(params)
	return struct{ dist.Drawable }{d.(dist.Drawable)}, err // a type that no closed form is known of
}

type coins struct{ dist.StandardNormal }

func (coins) Name() string        { return "coins" }
func (coins) Domain() dist.Domain { return dist.Binary }

// Posterior and prior are of the same numbers, or have a closed KL.
func TestDomains(t *testing.T) {
	one, err := New(tiny())
	if err != nil {
		t.Fatal(err)
	}
	two, err := New(models()["two layers"])
	if err != nil {
		t.Fatal(err)
	}
	above := []Layer{{two.q[1].Net, two.gens[0].Net}}
	for _, tt := range []struct {
		posterior dist.Code
		prior     dist.Prior
		above     []Layer
		want      string // nothing for no error
	}{
		{nil, nil, nil, ""},
		{flips{}, coins{dist.StandardNormal{Dim: 2}}, nil, ""},
		{nil, coins{dist.StandardNormal{Dim: 2}}, nil, ""}, // the types have a closed KL
		{flips{}, nil, nil, "vae: the flips posterior is of bits and the standard prior of real numbers, which can't be compared: choose two of the same"},
		{nil, coins{dist.StandardNormal{Dim: 3}}, above, "vae: the normal posterior is of real numbers and the coins prior of bits"},
		{flips{}, nil, above, "vae: below another stochastic layer: the flips posterior is of bits"},
		{nil, nil, above, ""},
	} {
		_, err := Assemble(Parts{Encoder: one.Encoder(), Posterior: tt.posterior, Decoder: one.Decoder(), Likelihood: one.Likelihood(), Above: tt.above, Prior: tt.prior})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("%T and %T: %v, want %q", tt.posterior, tt.prior, err, tt.want)
		}
	}
}
