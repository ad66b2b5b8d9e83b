package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"govae/checkpoint"
	"govae/vae"
)

// The files of a run directory.
const (
	configFile  = "config.json"         // all settings, resolved
	metricsFile = "metrics.jsonl"       // an Epoch a line
	modelFile   = "model.safetensors"   // weights after the last whole epoch, or where the run was interrupted
	bestFile    = "best.safetensors"    // weights of the best epoch on the validation split
	stateFile   = "state.safetensors"   // weights, moments and step: what Resume needs
	samplesFile = "samples.png"         // draws from the prior
	reconsFile  = "reconstructions.png" // test images above their reconstructions
	curvesFile  = "curves.png"          // ELBO, rate and distortion over the epochs
)

// Settings is config.json: everything that a run's result depends on.
type Settings struct {
	Model vae.Config `json:"model"`
	Train Config     `json:"train"`
	Data  string     `json:"data"` // number, size and checksum of the training images
}

// ReadSettings returns the settings of the run in a directory.
func ReadSettings(dir string) (Settings, error) {
	path := filepath.Join(dir, configFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Settings{}, fmt.Errorf("train: no run in %s: it has no %s; without resume one starts there", dir, configFile)
	} else if err != nil {
		return Settings{}, fmt.Errorf("train: %w", err)
	}
	var s Settings
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Settings{}, fmt.Errorf("train: %s: %v", path, err)
	}
	if s.Train.Objective.Name == "" { // of a time when there was one objective
		s.Train.Objective = vae.DefaultObjective()
	}
	return s, nil
}

func (t *trainer) path(name string) string { return filepath.Join(t.cfg.Out, name) }

// settings describes this run.
func (t *trainer) settings() Settings {
	return Settings{Model: t.model.Config(), Train: t.cfg, Data: t.dataID}
}

// open makes the run directory, or goes on with the run that is in it.
func (t *trainer) open() error {
	if t.cfg.Resume {
		return t.resume()
	}
	for _, name := range []string{metricsFile, modelFile, bestFile, stateFile} {
		if _, err := os.Lstat(t.path(name)); err == nil {
			return fmt.Errorf("train: %s holds another run (%s): choose another directory, or resume it", t.cfg.Out, name)
		}
	}
	// A run that ended before its first checkpoint left only its settings, which
	// nobody misses.
	foreign := []string{samplesFile, reconsFile, curvesFile}
	if _, err := ReadSettings(t.cfg.Out); err != nil {
		foreign = append(foreign, configFile)
	}
	for _, name := range foreign {
		if _, err := os.Lstat(t.path(name)); err == nil {
			return fmt.Errorf("train: %s holds a %s that is not of this run: choose another directory", t.cfg.Out, name)
		}
	}
	if err := os.MkdirAll(t.cfg.Out, 0o777); err != nil {
		return fmt.Errorf("train: make the run directory %s: %w", t.cfg.Out, err)
	}
	return t.writeSettings()
}

func (t *trainer) writeSettings() error {
	b, err := json.MarshalIndent(t.settings(), "", "  ")
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return t.write(configFile, append(b, '\n'))
}

func (t *trainer) write(name string, b []byte) error {
	return checkpoint.WriteFile(t.path(name), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// resume restores the run in the directory: its settings must be this run's, but
// for the number of epochs, which may grow unless the schedule depends on it.
func (t *trainer) resume() error {
	old, err := ReadSettings(t.cfg.Out)
	if err != nil {
		return err
	}
	now := t.settings()
	if now.Train.Schedule == "constant" && now.Train.Cycles == 0 {
		old.Train.Epochs = now.Train.Epochs
	}
	old.Train.Out, old.Train.Resume = now.Train.Out, now.Train.Resume
	old.Train.Objective, now.Train.Objective = old.Train.Objective.Whole(), now.Train.Objective.Whole()
	if old.Data != now.Data {
		return fmt.Errorf("train: the run in %s has other settings: its data are %s, these are %s", t.cfg.Out, old.Data, now.Data)
	}
	a, _ := json.Marshal(old)
	b, _ := json.Marshal(now)
	if !bytes.Equal(a, b) {
		return fmt.Errorf("train: the run in %s has other settings: %s", t.cfg.Out, difference(a, b))
	}
	f, err := checkpoint.Read(t.path(stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		// Interrupted before anything was saved: from the start. The first epoch's metrics
		// are written before its state.
		if b, _ := os.ReadFile(t.path(metricsFile)); bytes.Count(b, []byte("\n")) > 1 {
			return fmt.Errorf("train: the run in %s has lost its %s: it cannot go on; choose another directory", t.cfg.Out, stateFile)
		}
		return t.writeSettings()
	} else if err != nil {
		return err
	}
	if err := t.restoreState(f); err != nil {
		return fmt.Errorf("train: %s: %w", t.path(stateFile), err)
	}
	if err := t.readHistory(); err != nil {
		return err
	}
	if t.epoch() >= t.cfg.Epochs {
		return nil // nothing to do
	}
	return t.writeSettings()
}

// difference says which setting, the first by name, differs in two Settings as JSON.
func difference(old, now []byte) string {
	var parts [2]struct{ Model, Train map[string]any }
	for i, b := range [][]byte{old, now} {
		if err := json.Unmarshal(b, &parts[i]); err != nil {
			return err.Error()
		}
	}
	for _, p := range [][2]map[string]any{{parts[0].Model, parts[1].Model}, {parts[0].Train, parts[1].Train}} {
		names := slices.AppendSeq(slices.Collect(maps.Keys(p[0])), maps.Keys(p[1]))
		slices.Sort(names)
		for _, n := range names {
			if !reflect.DeepEqual(p[0][n], p[1][n]) {
				return fmt.Sprintf("its %s is %s, here %s", n, setting(p[0][n]), setting(p[1][n]))
			}
		}
	}
	return "none that has a name" // cannot be
}

// setting is a value as JSON.
func setting(v any) string {
	if v == nil {
		return "not set"
	}
	b, _ := json.Marshal(v)
	return string(b)
}

// readHistory reads the epochs that are done. Lines of a later one, written just
// before a crash, will be written again.
func (t *trainer) readHistory() error {
	b, err := os.ReadFile(t.path(metricsFile))
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && t.epoch() == 0) {
		return fmt.Errorf("train: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, len(b)+1)
	for len(t.history) < t.epoch() && lines.Scan() {
		var e Epoch
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Epoch != len(t.history)+1 {
			return fmt.Errorf("train: %s: line %d is not the record of epoch %[2]d", t.path(metricsFile), len(t.history)+1)
		}
		t.history = append(t.history, e)
	}
	if len(t.history) < t.epoch() {
		return fmt.Errorf("train: %s: %d epochs, but %s is at epoch %d", t.path(metricsFile), len(t.history), stateFile, t.epoch())
	}
	return nil
}

// writeHistory writes metrics.jsonl anew: it is small, and so always whole.
func (t *trainer) writeHistory() error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, e := range t.history {
		if err := enc.Encode(e); err != nil {
			return fmt.Errorf("train: %w", err)
		}
	}
	return t.write(metricsFile, b.Bytes())
}
