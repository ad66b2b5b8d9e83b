package outside

import (
	"reflect"
	"testing"

	"govae/train"
)

// Both updates are done: all numbers change, and the images are learned.
func TestAdversarial(t *testing.T) {
	var all []*Adversarial
	fresh := func() train.Task {
		a, err := NewAdversarial(784, 32, 4, 1, load(t).Train, 64, seeded())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
		return a
	}
	epochs := looped(t, "model.loss", fresh)
	if epochs[1]["model.distortion"] >= epochs[0]["model.distortion"] || !(epochs[1]["model.deceit"] > 0) || !(epochs[1]["critic.loss"] > 0) {
		t.Errorf("metrics %v", epochs)
	}
	fresh()
	for i, p := range all[0].Params() {
		if reflect.DeepEqual(p.Numbers(), all[len(all)-1].Params()[i].Numbers()) {
			t.Errorf("%s has not changed", p.Names[0])
		}
	}
}
