package outside

import (
	"context"
	"path/filepath"
	"reflect"
	"testing"

	"govae/nn"
	"govae/train"
)

func TestFineTune(t *testing.T) {
	m, path := newModel(t, small(nil)), filepath.Join(t.TempDir(), "model.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	tuned, err := FineTune(context.Background(), path, load(t), short(t, func(c *train.Config) { c.Epochs = 1 }))
	if err != nil {
		t.Fatal(err)
	}
	numbers := func(params []*nn.Param) (w [][]float64) {
		for _, p := range params {
			w = append(w, p.Numbers())
		}
		return w
	}
	if !reflect.DeepEqual(numbers(m.Encoder().Params()), numbers(tuned.Encoder().Params())) {
		t.Error("the encoder has changed")
	}
	before, after := numbers(m.Decoder().Params()), numbers(tuned.Decoder().Params())
	for i, p := range tuned.Decoder().Params() {
		if reflect.DeepEqual(before[i], after[i]) {
			t.Errorf("%s has not changed", p.Names[0])
		}
	}
}
