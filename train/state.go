package train

import (
	"encoding/json"
	"fmt"
	"time"

	"govae/checkpoint"
	"govae/vae"
)

// metaKey is where a file's metadata holds the run's settings, stateKey its state.
const (
	metaKey  = "govae.train"
	stateKey = "govae.state"
)

// TrainedWith returns the settings of the run that a model file comes from, if
// it comes from one.
func TrainedWith(f *checkpoint.File) (Config, bool) {
	var s Settings
	text, ok := f.Metadata[metaKey]
	if !ok || json.Unmarshal([]byte(text), &s) != nil {
		return Config{}, false
	}
	return s.Train, true
}

// modelData is the model file of this run as it stands.
func (t *trainer) modelData() (*checkpoint.File, error) {
	s, err := json.Marshal(t.settings())
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return t.model.File(map[string]string{metaKey: string(s)})
}

func (t *trainer) saveModel(name string) error {
	f, err := t.modelData()
	if err != nil {
		return err
	}
	if err := checkpoint.Write(t.path(name), f); err != nil {
		return err
	}
	t.saved = t.state.Step
	return nil
}

// saveEpoch writes all files of the run directory. The state comes last: if the
// machine stops in between, the epoch is simply done again.
func (t *trainer) saveEpoch(e Epoch) error {
	if err := t.saveModel(modelFile); err != nil {
		return err
	}
	if e.Best {
		if err := t.saveModel(bestFile); err != nil {
			return err
		}
	}
	if err := t.writeHistory(); err != nil {
		return err
	}
	if t.epoch() == t.cfg.Epochs || time.Since(t.drawn) > figuresEvery {
		if err := t.draw(); err != nil {
			return err
		}
		t.drawn = time.Now()
	}
	return t.saveState()
}

// saveState writes what Resume needs, at any step.
func (t *trainer) saveState() error {
	f, err := t.modelData()
	if err != nil {
		return err
	}
	s, err := json.Marshal(t.state)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	f.Metadata[stateKey] = string(s)
	for i, p := range t.model.Params() {
		for _, m := range t.optim.State() {
			f.Tensors = append(f.Tensors, vae.Tensors(p, m.Values[i], m.Name+".")...)
		}
	}
	return checkpoint.Write(t.path(stateFile), f)
}

// restoreState is the inverse of saveState.
func (t *trainer) restoreState(f *checkpoint.File) error {
	var s state
	if err := json.Unmarshal([]byte(f.Metadata[stateKey]), &s); err != nil || s.Step < 0 {
		return fmt.Errorf("no training state: its metadata lacks a sound %q", stateKey)
	}
	for i, p := range t.model.Params() {
		for _, m := range t.optim.State() {
			for _, want := range vae.Tensors(p, m.Values[i], m.Name+".") {
				got, err := f.Float32(want.Name, want.Shape...)
				if err != nil {
					return err
				}
				copy(want.Data.([]float32), got)
			}
		}
	}
	if err := t.model.Restore(f); err != nil {
		return err
	}
	t.optim.SetSteps(s.Step)
	t.state, t.saved = s, s.Step
	return nil
}
