package train

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"govae/checkpoint"
	"govae/internal/simd"
	"govae/vae"
)

// The files of a run directory.
const (
	configFile  = "config.json"         // all settings, resolved
	metricsFile = "metrics.jsonl"       // an Epoch a line
	modelFile   = "model.safetensors"   // weights after the last whole epoch, or where the run was interrupted
	bestFile    = "best.safetensors"    // weights of the best epoch on the validation split
	stateFile   = "state.safetensors"   // weights, moments and step: what Resume needs
	formerFile  = "former.safetensors"  // the state before that one, for when it is damaged
	lockFile    = ".lock"               // held by the process that is at work
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

	// The same of the images that are measured on, "" for none and in runs from before they
	// were noted.
	Validation string `json:"validation_data,omitempty"`
	Test       string `json:"test_data,omitempty"`
	// Place is the directory that the data were read from, "" for GoMNIST's copy. The result
	// does not depend on it.
	Place string `json:"place,omitempty"`
}

// ReadSettings returns the settings of the run in a directory.
func ReadSettings(dir string) (Settings, error) {
	if _, err := readSettings(dir); err != nil {
		return Settings{}, err
	}
	return ReadConfig(filepath.Join(dir, configFile))
}

// ReadConfig returns the settings in a file, such as the config.json of a run.
func ReadConfig(path string) (Settings, error) {
	b, err := checkpoint.ReadFile(path, maxConfig)
	if err != nil {
		return Settings{}, fmt.Errorf("train: %w", err)
	}
	s, err := parseSettings(b)
	if err != nil {
		return Settings{}, fmt.Errorf("train: %s: %w", path, err)
	}
	return s, nil
}

// parseSettings reads settings, and nothing but settings.
func parseSettings(b []byte) (s Settings, err error) {
	if err := strictJSON(b); err != nil {
		return s, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Settings{}, err
	}
	if s.Train.Objective.Name == "" { // of a time when there was one objective
		s.Train.Objective = vae.DefaultObjective()
	}
	return s, nil
}

// strictJSON returns an error unless b is one JSON value, without a key twice in one object
// in whatever case, and nothing after it: all of which encoding/json lets pass.
func strictJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := strictValue(d); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("text after the end, at byte %d", d.InputOffset())
	}
	return nil
}

func strictValue(d *json.Decoder) error {
	t, err := d.Token()
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	} else if err != nil {
		return err
	}
	delim, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	keys := map[string]string{}
	for d.More() {
		if delim == '{' {
			t, err := d.Token()
			if err != nil {
				return err
			}
			key := t.(string) // of an object, or Token fails
			if other, twice := keys[strings.ToLower(key)]; twice {
				return fmt.Errorf("the keys %q and %q, one of which is enough", other, key)
			}
			keys[strings.ToLower(key)] = key
		}
		if err := strictValue(d); err != nil {
			return err
		}
	}
	if _, err = d.Token(); err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (l *Loop) path(name string) string { return filepath.Join(l.Dir, name) }

// open makes the run directory, or goes on with the run that is in it. The directory is
// this process's own until unlock is called.
func (l *Loop) open() (unlock func(), err error) {
	ready, begin := l.free, l.writeSettings
	if l.Resume {
		ready, begin = func() error { _, err := readSettings(l.Dir); return err }, l.resume
	}
	if err := ready(); err != nil { // before anything is written
		return nil, err
	}
	if err := os.MkdirAll(l.Dir, 0o777); err != nil {
		return nil, fmt.Errorf("train: make the run directory %s: %w", l.Dir, err)
	}
	if unlock, err = lock(l.Dir); err != nil {
		return nil, err
	}
	checkpoint.Clean(l.Dir)
	if err = ready(); err == nil { // another process may have been there since
		err = begin()
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// lock takes a directory for this process alone, by a lock of the operating system, which
// ends with the process however it ends.
func lock(dir string) (unlock func(), err error) {
	l := flock.New(filepath.Join(dir, lockFile))
	switch held, err := l.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("train: lock %s: %w", dir, err)
	case !held:
		return nil, fmt.Errorf("train: another process is at work in %s: wait until it ends, or choose another directory", dir)
	}
	return func() { l.Close() }, nil
}

// free returns an error unless a new run can have the directory.
func (l *Loop) free() error {
	if name := left(l.Dir); name != "" {
		if _, err := os.Lstat(l.path(configFile)); errors.Is(err, fs.ErrNotExist) {
			return lost(l.Dir, name)
		}
		return fmt.Errorf("train: %s holds another run (%s): choose another directory, or resume it", l.Dir, name)
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
	return nil
}

// left is the first file of weights, moments or metrics that a run has left in a directory, ""
// for none.
func left(dir string) string {
	for _, name := range []string{metricsFile, modelFile, bestFile, stateFile, formerFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return name
		}
	}
	files, _ := os.ReadDir(dir) // where that fails, so will what comes next
	for _, f := range files {
		if _, ok := epochOf(f.Name()); ok {
			return f.Name()
		}
	}
	return ""
}

// lost is the error of a directory with a file of a run, whose config.json is not there.
func lost(dir, name string) error {
	return fmt.Errorf("train: %s holds a run (%s) that has lost its %s: put that back and resume, or choose another directory", dir, name, configFile)
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
	path := filepath.Join(dir, configFile)
	b, err := checkpoint.ReadFile(path, maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		if name := left(dir); name != "" {
			return nil, lost(dir, name)
		}
		return nil, fmt.Errorf("train: no run in %s: it has no %s; without resume one starts there", dir, configFile)
	} else if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if err := strictJSON(b); err != nil {
		return nil, fmt.Errorf("train: %s: %w", path, err)
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

// resume restores the run in the directory, whose files must all be of one run, and whose
// settings must go with this run's.
func (l *Loop) resume() error {
	old, err := readSettings(l.Dir)
	if err != nil {
		return err
	}
	if err := l.agree(old); err != nil {
		return fmt.Errorf("train: the run in %s has other settings: %w", l.Dir, err)
	}
	f, name, err := l.readState()
	if err != nil {
		return err
	}
	if f == nil {
		// Interrupted before anything was saved: from the start. The first epoch's metrics
		// are written before its state.
		if b, _ := checkpoint.ReadFile(l.path(metricsFile), maxMetrics); bytes.Count(b, []byte("\n")) > 1 {
			return fmt.Errorf("train: the run in %s has lost its %s: it cannot go on; choose another directory", l.Dir, stateFile)
		}
		return l.writeSettings()
	}
	if err := l.restoreState(f); err != nil {
		return fmt.Errorf("train: %s: %w", l.path(name), err)
	}
	if err := l.readHistory(); err != nil {
		return err
	}
	if err := l.checkFiles(); err != nil {
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

// readState reads the state of the run, or the one before it if that is damaged or was being
// replaced. It returns nil if there is none.
func (l *Loop) readState() (f *checkpoint.File, name string, err error) {
	f, err = l.readOwn(stateFile)
	if err == nil {
		return f, stateFile, nil
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, checkpoint.ErrFormat) && !errors.Is(err, checkpoint.ErrTruncated) && !errors.Is(err, checkpoint.ErrAltered) {
		return nil, "", err // it is whole, and not of this run
	}
	former, formerErr := l.readOwn(formerFile)
	switch {
	case formerErr == nil:
		l.notice("%v; going on from %s", err, l.path(formerFile))
		return former, formerFile, nil
	case errors.Is(err, fs.ErrNotExist) && errors.Is(formerErr, fs.ErrNotExist):
		return nil, "", nil
	case errors.Is(formerErr, fs.ErrNotExist):
		return nil, "", fmt.Errorf("%w; there is no %s to go on from: put one of them back, or choose another directory", err, formerFile)
	}
	return nil, "", fmt.Errorf("%w; the state before it does not serve: %w; put one of them back, or choose another directory", err, formerErr)
}

// notice tells what a user should know of a run that goes on.
func (l *Loop) notice(format string, args ...any) {
	if l.Notice != nil {
		l.Notice(fmt.Sprintf(format, args...))
	}
}

// checkFiles returns an error unless the weights files are of this run. The model file is
// written anew if it is gone, for the state has its weights.
func (l *Loop) checkFiles() error {
	f, err := checkpoint.Read(l.path(modelFile))
	if errors.Is(err, fs.ErrNotExist) {
		l.notice("%s is gone: it is written anew from %s", l.path(modelFile), stateFile)
		return l.saveModel(modelFile)
	}
	if err == nil {
		err = l.own(f, l.state.Step)
	}
	if err != nil {
		return fmt.Errorf("train: %s: %w; remove it, and resume writes it anew", l.path(modelFile), err)
	}
	if l.state.BestEpoch == 0 {
		return nil
	}
	if f, err = checkpoint.Read(l.path(bestFile)); err == nil {
		err = l.own(f, l.state.BestEpoch*l.steps)
	}
	if err != nil {
		return fmt.Errorf("train: %s, the weights of epoch %d: %w; put it back, or choose another directory", l.path(bestFile), l.state.BestEpoch, err)
	}
	return nil
}

// own returns an error unless a weights file is of this run, and of that step or, if the
// machine stopped between two files, of a later one. Files from before steps were noted pass.
func (l *Loop) own(f *checkpoint.File, step int) error {
	if err := l.sameRun(f); err != nil {
		return err
	}
	text, noted := f.Metadata[stepKey]
	if !noted {
		return nil
	}
	switch got, err := strconv.Atoi(text); {
	case err != nil:
		return fmt.Errorf("its metadata %q is %q, want a number of steps", stepKey, text)
	case got < step:
		return fmt.Errorf("it is of step %d, and the run's state of step %d", got, step)
	case got > step || step != l.state.Step:
		return nil
	}
	for _, p := range l.params {
		for _, t := range vae.Tensors(p, p.Value.Data(), "") {
			want, ok := t.Data.([]float32)
			if !ok {
				continue
			}
			got, err := f.Float32(t.Name, t.Shape...)
			if l.Model != nil && errors.Is(err, checkpoint.ErrMissing) {
				continue // Model may leave it out
			}
			if err != nil {
				return err
			} else if !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
				return fmt.Errorf("its %s is not that of the run's state, though both are of step %d", t.Name, step)
			}
		}
	}
	return nil
}

// sameRun returns an error if a file notes settings that are not this run's.
func (l *Loop) sameRun(f *checkpoint.File) error {
	text, noted := f.Metadata[settingsKey]
	if !noted {
		text, noted = f.Metadata[metaKey]
	}
	if noted {
		if err := l.agree([]byte(text)); err != nil {
			return fmt.Errorf("it is of a run with other settings: %w", err)
		}
	}
	return nil
}

// sameMachine returns an error if a state notes another kind of machine than this one. A run
// that has moved has files of the one before beside it, which say nothing of how it goes on.
func (l *Loop) sameMachine(state *checkpoint.File) error {
	if was, now := state.Metadata[machineKey], machine(); was != "" && was != now && !l.AnyMachine {
		return fmt.Errorf("it was written on %s, and this is %s, whose last digits differ: go on there, or allow any machine", was, now)
	}
	return nil
}

// machine is what the bits of a step depend on besides the code.
func machine() string { return fmt.Sprintf("%s with %s kernels", runtime.GOARCH, simd.Current()) }

// agree returns what differs between settings of the run in the directory and this run's.
func (l *Loop) agree(old json.RawMessage) error {
	if l.Agree != nil {
		return l.Agree(old)
	}
	b, err := json.Marshal(l.Settings)
	if err != nil {
		return err
	}
	var was, now any
	if err := errors.Join(strictJSON(old), json.Unmarshal(old, &was), json.Unmarshal(b, &now)); err != nil {
		return err
	}
	if !reflect.DeepEqual(was, now) {
		return fmt.Errorf("%s, here %s", compact(old), b)
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

// putBack is what to do where metrics.jsonl is not as the run left it.
const putBack = "put the file back as it was, or choose another directory"

// readHistory reads the epochs that are done. Lines of a later one, written just
// before a crash, will be written again.
func (l *Loop) readHistory() error {
	b, err := checkpoint.ReadFile(l.path(metricsFile), maxMetrics)
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && l.epoch() == 0) {
		return fmt.Errorf("train: %w; %s", err, putBack)
	}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, len(b)+1)
	for len(l.lines) < l.epoch() && lines.Scan() {
		var e struct{ Epoch int }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Epoch != len(l.lines)+1 {
			return fmt.Errorf("train: %s: line %d is not the record of epoch %[2]d; %s", l.path(metricsFile), len(l.lines)+1, putBack)
		}
		l.lines = append(l.lines, bytes.Clone(lines.Bytes()))
	}
	if sum := l.metricsSum(); len(l.lines) == l.epoch() && l.state.Metrics != "" && l.state.Metrics != sum {
		return fmt.Errorf("train: %s: its first %d lines are not those of the run when its state was saved; %s", l.path(metricsFile), len(l.lines), putBack)
	}
	if len(l.lines) < l.epoch() {
		return fmt.Errorf("train: %s: %d epochs, but %s is at epoch %d; %s", l.path(metricsFile), len(l.lines), stateFile, l.epoch(), putBack)
	}
	return nil
}

// metricsSum is a checksum of the lines of metrics.jsonl, but for the time that they took.
func (l *Loop) metricsSum() string {
	h := sha256.New()
	for _, line := range l.lines {
		var fields map[string]json.RawMessage
		if json.Unmarshal(line, &fields) != nil {
			fields = map[string]json.RawMessage{"": line}
		}
		for _, name := range []string{"seconds", "images_per_second", "rows_per_second"} {
			delete(fields, name)
		}
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			fmt.Fprintf(h, "%q:%s\n", name, fields[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
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
