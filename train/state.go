package train

import (
	"encoding/json"
	"fmt"

	"govae/checkpoint"
	"govae/vae"
)

// metaKey is where a file's metadata holds the run's settings, stateKey its state.
const (
	metaKey  = "govae.train"
	stateKey = "govae.state"
)

// TrainedWith returns the settings of the run that a model file comes from, and whether it
// comes from one. Settings that cannot be read, or that this version does not know, are an
// error.
func TrainedWith(f *checkpoint.File) (Config, bool, error) {
	var s Settings
	ok, err := f.JSON(metaKey, &s)
	if err != nil {
		return Config{}, false, fmt.Errorf("no record of a training run: %w", err)
	}
	return s.Train, ok, nil
}

// modelData is the model file of this run as it stands.
func (l *Loop) modelData() (*checkpoint.File, error) {
	if l.Model != nil {
		return l.Model()
	}
	f := &checkpoint.File{Metadata: map[string]string{}}
	for _, p := range l.Task.Params() {
		f.Tensors = append(f.Tensors, vae.Tensors(p, p.Value.Data(), "")...)
	}
	return f, nil
}

func (l *Loop) saveModel(name string) error {
	f, err := l.modelData()
	if err != nil {
		return err
	}
	if err := checkpoint.Write(l.path(name), f); err != nil {
		return err
	}
	l.saved = l.state.Step
	return nil
}

// saveEpoch writes all files of the run directory. The state comes last: if the
// machine stops in between, the epoch is simply done again.
func (l *Loop) saveEpoch(s Summary, best bool) error {
	if err := l.saveModel(modelFile); err != nil {
		return err
	}
	if best {
		if err := l.saveModel(bestFile); err != nil {
			return err
		}
	}
	if err := l.writeHistory(); err != nil {
		return err
	}
	if l.Save != nil {
		if err := l.Save(s); err != nil {
			return err
		}
	}
	return l.saveState()
}

// moment is the name of a moment of an update's optimiser, before that of the parameter.
func (u Update) moment(name string) string {
	if u.Name == "" {
		return name + "."
	}
	return u.Name + "." + name + "."
}

// saveState writes what Resume needs, at any step.
func (l *Loop) saveState() error {
	f, err := l.stateData()
	if err != nil {
		return err
	}
	return checkpoint.Write(l.path(stateFile), f)
}

// readState reads a state file, if its tensors are those of this run.
func (l *Loop) readState() (*checkpoint.File, error) {
	want, err := l.stateData()
	if err != nil {
		return nil, err
	}
	return checkpoint.ReadIf(l.path(stateFile), func(head *checkpoint.File) error {
		if err := head.Fits(want.Tensors); err != nil {
			return fmt.Errorf("train: %s: %w", l.path(stateFile), err)
		}
		return nil
	})
}

// stateData is the state file of this run as it stands.
func (l *Loop) stateData() (*checkpoint.File, error) {
	f, err := l.modelData()
	if err != nil {
		return nil, err
	}
	s, err := json.Marshal(l.state)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	f.Metadata[stateKey] = string(s)
	for i, u := range l.Task.Updates() {
		for _, m := range l.optims[i].State() {
			for k, p := range u.Params {
				f.Tensors = append(f.Tensors, vae.Tensors(p, m.Values[k], u.moment(m.Name))...)
			}
		}
	}
	return f, nil
}

// restoreState is the inverse of saveState.
func (l *Loop) restoreState(f *checkpoint.File) error {
	var s loopState
	if err := json.Unmarshal([]byte(f.Metadata[stateKey]), &s); err != nil || s.Step < 0 {
		return fmt.Errorf("no training state: its metadata lacks a sound %q", stateKey)
	}
	if s.Sums == nil {
		s.Sums = map[string]float64{}
		if s.Seen > 0 {
			s.Sums["distortion"], s.Sums["rate"] = s.Distortion, s.Rate
		}
	}
	s.Distortion, s.Rate = 0, 0
	for i, u := range l.Task.Updates() {
		for _, m := range l.optims[i].State() {
			for k, p := range u.Params {
				if err := copyTensors(f, vae.Tensors(p, m.Values[k], u.moment(m.Name))); err != nil {
					return err
				}
			}
		}
		l.optims[i].SetSteps(s.Step)
	}
	if err := vae.RestoreParams(f, l.Task.Params()); err != nil {
		return err
	}
	l.state, l.saved = s, s.Step
	return nil
}

// copyTensors sets tensors of float32 from a file.
func copyTensors(f *checkpoint.File, tensors []checkpoint.Tensor) error {
	for _, t := range tensors {
		got, err := f.Float32(t.Name, t.Shape...)
		if err != nil {
			return err
		}
		copy(t.Data.([]float32), got)
	}
	return nil
}
