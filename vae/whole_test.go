package vae

import (
	"slices"
	"testing"
)

func TestWhole(t *testing.T) {
	c := Config{Prior: "vamp"}.Whole()
	if c.Encoder != "mlp" || c.Decoder != "mlp" || c.Posterior != "normal" || c.Prior != "vamp" {
		t.Errorf("%+v", c)
	}
}

func TestOptionNames(t *testing.T) {
	c := tiny()
	if got := c.OptionNames(); len(got) != 0 {
		t.Errorf("of an MLP: %v", got)
	}
	c.Encoder = "optioned"
	if got := c.OptionNames(); !slices.Equal(got, []string{"wide"}) {
		t.Errorf("of an encoder that has one: %v", got)
	}
	if c.Prior = "nosuch"; c.OptionNames() != nil {
		t.Errorf("of an unknown part: %v", c.OptionNames())
	}
	if got := (Objective{Name: "weighted"}).OptionNames(); !slices.Equal(got, []string{"weighted.factor"}) {
		t.Errorf("of an objective: %v", got)
	}
	if a, b := (Objective{}).OptionNames(), (Objective{Name: "nosuch"}).OptionNames(); len(a) != 0 || b != nil {
		t.Errorf("of elbo %v, of an unknown objective %v", a, b)
	}
}
