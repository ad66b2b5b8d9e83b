package nn

import (
	"strings"
	"testing"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"govae/graph"
)

// What cannot be trained or saved is refused, and the error names it.
func TestCheckParams(t *testing.T) {
	a, b := NewParam(tensor.Float32, "a", 4, 2), NewParam(tensor.Float64, "b", 3)
	heads := func(shape ...int) *Param {
		p := NewParam(tensor.Float32, "mu", shape...)
		p.Names = append(p.Names, "logvar")
		return p
	}
	for _, tt := range []struct {
		want   string
		params []*Param
	}{
		{"", nil},
		{"", []*Param{a, b, heads(4)}},
		{"parameter 2 of 2: want one with a name and a value", []*Param{a, nil}},
		{"parameter 1 of 1: want one with a name and a value", []*Param{{Value: a.Value}}},
		{"parameter 1 of 1: want one with a name and a value", []*Param{{Names: []string{"a"}}}},
		{"parameter a of int, want float32 or float64", []*Param{NewParam(tensor.Int, "a", 2)}},
		{"parameter a of shape (), want at least one dimension", []*Param{NewParam(tensor.Float32, "a")}},
		{"parameter a of shape (2, 0), want at least one dimension", []*Param{NewParam(tensor.Float32, "a", 2, 0)}},
		{`parameter ["mu" "logvar"] of shape (3, 2): its 2 names`, []*Param{heads(3, 2)}},
		{`two parameters named "a"`, []*Param{a, b, a}},
		{`two parameters named "logvar"`, []*Param{heads(2), NewParam(tensor.Float32, "logvar", 1)}},
		{`two parameters named "", or one without`, []*Param{NewParam(tensor.Float32, "", 1)}},
	} {
		if err := CheckParams(tt.params); tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "nn: "+tt.want)) {
			t.Errorf("error %v, want %s", err, tt.want)
		}
	}
}

// A parameter without numbers can be filled and read, until CheckParams refuses it.
func TestParamWithoutNumbers(t *testing.T) {
	p := NewParam(tensor.Float32, "none", 0, 2)
	p.Fill(func() float64 { return 1 })
	if n := p.Numbers(); len(n) != 0 {
		t.Errorf("numbers %v", n)
	}
}

// Gradients say which parameter the loss does not depend on, and that there is none to train.
func TestGradientsRefuse(t *testing.T) {
	used, unused, frozen := NewParam(tensor.Float32, "used", 2), NewParam(tensor.Float32, "unused", 2), NewParam(tensor.Float32, "frozen", 2)
	Freeze(frozen)
	for want, params := range map[string][]*Param{
		"it does not depend on unused: freeze it, or leave it out": {used, unused},
		"nn: nothing to train": {frozen},
		"":                     {used, frozen},
	} {
		_, err := graph.Compile(tensor.Float32, func(b *graph.Builder) error {
			return Gradients(b, G.Must(graph.Mean(used.Node(b.Graph()))), params)
		})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// A name that is registered without a function is an error where it is used.
func TestRegisteredWithoutFunction(t *testing.T) {
	for want, err := range map[string]error{
		`activation "hollow" is registered without a function`:         CheckNames("hollow", "glorot"),
		`initialisation "boundless" is registered without a function`:  CheckNames("relu", "boundless"),
		`activation "hollow" is registered without a function `:        second(hiddenMLP(tensor.Float32, "hollow", "glorot")),
		`initialisation "boundless" is registered without a function `: second(hiddenMLP(tensor.Float32, "relu", "boundless")),
	} {
		if err == nil || err.Error() != strings.TrimSpace(want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func second[T any](_ T, err error) error { return err }
