package train

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"strconv"

	"govae/checkpoint"
	"govae/nn"
	"govae/vae"
)

// Where the metadata of a run's files hold what they are of.
const (
	metaKey     = "govae.train"    // the settings of a variational autoencoder's run
	settingsKey = "govae.settings" // those of any loop's
	stepKey     = "govae.step"     // the steps that the weights have had
	machineKey  = "govae.machine"  // the kind of machine of the last of them
	stateKey    = "govae.state"    // what resume needs
)

// TrainedWith returns the settings of the run that a model file comes from, or false if it
// comes from none. A record that can't be read is an error.
func TrainedWith(f *checkpoint.File) (Settings, bool, error) {
	text, ok := f.Metadata[metaKey]
	if !ok {
		return Settings{}, false, nil
	}
	s, err := parseSettings([]byte(text))
	if err != nil {
		return s, false, fmt.Errorf("no record of a training run: metadata %q: %w", metaKey, err)
	}
	return s, true, nil
}

// LoadParams sets parameters from a file of a Loop's run directory, such as
// model.safetensors, by their names. On an error nothing has changed.
func LoadParams(path string, params []*nn.Param) error {
	f, err := checkpoint.Read(path)
	if err != nil {
		return err
	}
	if err := vae.RestoreParams(f, params); err != nil {
		return fmt.Errorf("train: %s: %w", path, err)
	}
	return nil
}

// modelData is the model file of this run as it stands.
func (l *Loop) modelData() (*checkpoint.File, error) {
	f := &checkpoint.File{Metadata: map[string]string{}}
	if l.Model != nil {
		m, err := l.Model()
		if err != nil {
			return nil, err
		}
		if m == nil {
			return nil, errors.New("train: Model gives no file")
		}
		f.Tensors = m.Tensors
		maps.Copy(f.Metadata, m.Metadata) // m may be kept for the next time
	} else {
		f.Tensors = l.tensors()
		settings, err := json.Marshal(l.Settings)
		if err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
		f.Metadata[settingsKey] = string(settings)
	}
	f.Metadata[stepKey], f.Metadata[machineKey] = strconv.Itoa(l.state.Step), machine()
	return f, nil
}

// tensors are the task's parameters.
func (l *Loop) tensors() (ts []checkpoint.Tensor) {
	for _, p := range l.params {
		ts = append(ts, vae.Tensors(p, p.Value.Data(), "")...)
	}
	return ts
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
	if err := l.keepEpoch(s.Epoch); err != nil {
		return err
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

// saveState writes what Resume needs, at any step: the settings as well, if they are gone.
func (l *Loop) saveState() error {
	f, err := l.stateData()
	if err != nil {
		return err
	}
	if _, err := os.Lstat(l.path(configFile)); errors.Is(err, fs.ErrNotExist) {
		if err := l.writeSettings(); err != nil {
			return err
		}
	}
	if err := l.keepState(); err != nil {
		return fmt.Errorf("train: keep the former state: %w", err)
	}
	return checkpoint.Write(l.path(stateFile), f)
}

// readOwn reads a state file, if its tensors are those of this run.
func (l *Loop) readOwn(name string) (*checkpoint.File, error) {
	want, err := l.stateData()
	if err != nil {
		return nil, err
	}
	return checkpoint.ReadIf(l.path(name), func(head *checkpoint.File) error {
		_, err := l.ownState(head)
		if err == nil {
			err = head.Fits(want.Tensors)
		}
		if err != nil {
			return fmt.Errorf("train: %s: %w", l.path(name), err)
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
	f.Tensors = l.tensors()
	l.state.Metrics, l.state.Of = l.metricsSum(), l.agreement()
	s, err := json.Marshal(l.state)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	f.Metadata[stateKey] = string(s)
	for i, u := range l.updates {
		for _, m := range l.optims[i].State() {
			for k, p := range u.Params {
				f.Tensors = append(f.Tensors, vae.Tensors(p, m.Values[k], u.moment(m.Name))...)
			}
		}
	}
	return f, nil
}

// keepState gives the state that there is the name of the former one as well. Where a file
// can't have two names it is renamed, and resume then finds it under that one.
func (l *Loop) keepState() error {
	state, former := l.path(stateFile), l.path(formerFile)
	if _, err := os.Lstat(state); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.Remove(former); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Link(state, former); err == nil {
		return nil
	}
	return os.Rename(state, former)
}

// restoreState is the inverse of saveState.
func (l *Loop) restoreState(f *checkpoint.File) error {
	s, err := l.ownState(f)
	if err != nil {
		return err
	}
	if s.Sums == nil {
		s.Sums = map[string]float64{}
		if s.Seen > 0 {
			s.Sums["distortion"], s.Sums["rate"] = s.Distortion, s.Rate
		}
	}
	s.Distortion, s.Rate = 0, 0
	for i, u := range l.updates {
		for _, m := range l.optims[i].State() {
			for k, p := range u.Params {
				if err := copyTensors(f, vae.Tensors(p, m.Values[k], u.moment(m.Name))); err != nil {
					return fmt.Errorf("the optimiser's state of %s, which may have been frozen: %w", p.Names[0], err)
				}
			}
		}
		l.optims[i].SetSteps(s.Step)
	}
	if err := vae.RestoreParams(f, l.params); err != nil {
		return err
	}
	l.state, l.saved = s, s.Step
	return nil
}

// ownState is the state in a file's metadata, if it is of this run.
func (l *Loop) ownState(f *checkpoint.File) (s loopState, err error) {
	if err := cmp.Or(l.sameRun(f), l.sameMachine(f)); err != nil {
		return s, err
	}
	if err := json.Unmarshal([]byte(f.Metadata[stateKey]), &s); err != nil || s.Step < 0 || s.Seen < 0 {
		return s, fmt.Errorf("no training state: its metadata lacks a sound %q", stateKey)
	}
	if s.Of != nil {
		if err := s.Of.differs(l.agreement()); err != nil {
			return s, fmt.Errorf("it is of another run: %w", err)
		}
	}
	return s, nil
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
