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

// The largest files that are read whole, in bytes: a thousand times what runs write.
const maxConfig, maxMetrics = 1 << 20, 1 << 28

// Settings is config.json: everything that a run's result depends on.
type Settings struct {
	Model vae.Config `json:"model"`
	Train Config     `json:"train"`
	Data  string     `json:"data"` // number, size and checksum of the training images
}

// ReadSettings returns the settings of the run in a directory.
func ReadSettings(dir string) (Settings, error) {
	path := filepath.Join(dir, configFile)
	b, err := checkpoint.ReadFile(path, maxConfig)
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

func (l *Loop) path(name string) string { return filepath.Join(l.Dir, name) }

// open makes the run directory, or goes on with the run that is in it.
func (l *Loop) open() error {
	checkpoint.Clean(l.Dir)
	if l.Resume {
		return l.resume()
	}
	for _, name := range []string{metricsFile, modelFile, bestFile, stateFile} {
		if _, err := os.Lstat(l.path(name)); err == nil {
			return fmt.Errorf("train: %s holds another run (%s): choose another directory, or resume it", l.Dir, name)
		}
	}
	// A run that ended before its first checkpoint left only its settings, which
	// nobody misses.
	foreign := []string{samplesFile, reconsFile, curvesFile}
	if old, err := readSettings(l.Dir); err != nil || l.foreign(old) {
		foreign = append(foreign, configFile)
	}
	for _, name := range foreign {
		if _, err := os.Lstat(l.path(name)); err == nil {
			return fmt.Errorf("train: %s holds a %s that is not of this run: choose another directory", l.Dir, name)
		}
	}
	if err := os.MkdirAll(l.Dir, 0o777); err != nil {
		return fmt.Errorf("train: make the run directory %s: %w", l.Dir, err)
	}
	return l.writeSettings()
}

// foreign reports whether a config.json has other fields than this run's settings.
func (l *Loop) foreign(old json.RawMessage) bool {
	now, err := json.Marshal(l.Settings)
	if err != nil {
		return true
	}
	var a, b map[string]json.RawMessage
	if json.Unmarshal(old, &a) != nil || json.Unmarshal(now, &b) != nil {
		return true
	}
	return !slices.Equal(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
}

// readSettings reads config.json of a run directory.
func readSettings(dir string) (json.RawMessage, error) {
	b, err := checkpoint.ReadFile(filepath.Join(dir, configFile), maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("train: no run in %s: it has no %s; without resume one starts there", dir, configFile)
	} else if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return b, nil
}

func (l *Loop) writeSettings() error {
	b, err := json.MarshalIndent(l.Settings, "", "  ")
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	return l.write(configFile, append(b, '\n'))
}

func (l *Loop) write(name string, b []byte) error {
	return checkpoint.WriteFile(l.path(name), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
}

// resume restores the run in the directory, whose settings must go with this run's.
func (l *Loop) resume() error {
	old, err := readSettings(l.Dir)
	if err != nil {
		return err
	}
	if err := l.agree(old); err != nil {
		return err
	}
	f, err := l.readState()
	if errors.Is(err, fs.ErrNotExist) {
		// Interrupted before anything was saved: from the start. The first epoch's metrics
		// are written before its state.
		if b, _ := checkpoint.ReadFile(l.path(metricsFile), maxMetrics); bytes.Count(b, []byte("\n")) > 1 {
			return fmt.Errorf("train: the run in %s has lost its %s: it cannot go on; choose another directory", l.Dir, stateFile)
		}
		return l.writeSettings()
	} else if err != nil {
		return err
	}
	if err := l.restoreState(f); err != nil {
		return fmt.Errorf("train: %s: %w", l.path(stateFile), err)
	}
	if err := l.readHistory(); err != nil {
		return err
	}
	if l.Restored != nil {
		if err := l.Restored(l.lines); err != nil {
			return err
		}
	}
	if l.epoch() >= l.Epochs {
		return nil // nothing to do
	}
	return l.writeSettings()
}

// agree compares the settings of the run in the directory with this run's.
func (l *Loop) agree(old json.RawMessage) error {
	if l.Agree != nil {
		return l.Agree(old)
	}
	b, err := json.Marshal(l.Settings)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	var was, now any
	if err := errors.Join(json.Unmarshal(old, &was), json.Unmarshal(b, &now)); err != nil {
		return fmt.Errorf("train: %s: %w", l.path(configFile), err)
	}
	if !reflect.DeepEqual(was, now) {
		return fmt.Errorf("train: the run in %s has other settings: %s, here %s", l.Dir, compact(old), b)
	}
	return nil
}

// compact is JSON without its white space.
func compact(b []byte) string {
	var c bytes.Buffer
	if json.Compact(&c, b) != nil {
		return string(b)
	}
	return c.String()
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
func (l *Loop) readHistory() error {
	b, err := checkpoint.ReadFile(l.path(metricsFile), maxMetrics)
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && l.epoch() == 0) {
		return fmt.Errorf("train: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, len(b)+1)
	for len(l.lines) < l.epoch() && lines.Scan() {
		var e struct{ Epoch int }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Epoch != len(l.lines)+1 {
			return fmt.Errorf("train: %s: line %d is not the record of epoch %[2]d", l.path(metricsFile), len(l.lines)+1)
		}
		l.lines = append(l.lines, bytes.Clone(lines.Bytes()))
	}
	if len(l.lines) < l.epoch() {
		return fmt.Errorf("train: %s: %d epochs, but %s is at epoch %d", l.path(metricsFile), len(l.lines), stateFile, l.epoch())
	}
	return nil
}

// writeHistory writes metrics.jsonl anew: it is small, and so always whole.
func (l *Loop) writeHistory() error {
	var b bytes.Buffer
	for _, line := range l.lines {
		b.Write(line)
		b.WriteByte('\n')
	}
	return l.write(metricsFile, b.Bytes())
}
