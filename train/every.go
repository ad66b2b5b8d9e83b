package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// Every says how often a run is saved within its epochs: after so many steps, or after so
// much time, or both. The zero Every saves at the end of each epoch alone. Results do not
// depend on it.
type Every struct {
	Steps int           // 0 for none
	Time  time.Duration // 0 for none
}

// ParseEvery reads a number of steps, such as 500, or a time, such as 10m. "" is the zero
// Every.
func ParseEvery(text string) (e Every, err error) {
	if text == "" {
		return e, nil
	}
	if e.Steps, err = strconv.Atoi(text); err == nil && e.Steps > 0 {
		return e, nil
	}
	e.Steps = 0
	if e.Time, err = time.ParseDuration(text); err != nil || e.Time <= 0 {
		return Every{}, fmt.Errorf("train: save every %q, want a number of steps, such as 500, or a time, such as 10m", text)
	}
	return e, nil
}

// String is what ParseEvery reads.
func (e Every) String() string {
	switch {
	case e.Steps > 0:
		return strconv.Itoa(e.Steps)
	case e.Time > 0:
		return e.Time.String()
	}
	return ""
}

// due reports whether a run is to be saved after so many steps, if it was saved last at a
// time.
func (e Every) due(steps int, last, now time.Time) bool {
	return e.Steps > 0 && steps%e.Steps == 0 || e.Time > 0 && now.Sub(last) >= e.Time
}

// saveWithin saves the run if that is due, unless the epoch is over, whose end saves it.
func (l *Loop) saveWithin(epoch int) error {
	if l.Dir == "" || l.Every == (Every{}) {
		return nil
	}
	now := time.Now()
	if l.timed.IsZero() || l.epoch() != epoch { // the first step of a session, or the last of an epoch
		l.timed = now
	}
	if l.epoch() != epoch || !l.Every.due(l.state.Step, l.timed, now) {
		return nil
	}
	return l.saveNow()
}

// saveNow saves the run within an epoch. No loss has been computed with these weights yet,
// so they are tried first: what has diverged is not saved.
func (l *Loop) saveNow() error {
	if l.Dir == "" {
		return nil
	}
	if err := l.checkWeights(); err != nil {
		return err
	}
	if l.Check != nil {
		if err := l.Check(); err != nil {
			return err
		}
	}
	if err := l.saveModel(modelFile); err != nil {
		return err
	}
	if err := l.saveState(); err != nil {
		return err
	}
	l.timed = time.Now()
	return nil
}

// epochFile is the model file of one epoch, and epochOf its inverse.
func epochFile(epoch int) string { return fmt.Sprintf("%s%d%s", epochPrefix, epoch, epochSuffix) }

const epochPrefix, epochSuffix = "epoch-", ".safetensors"

func epochOf(name string) (epoch int, ok bool) {
	text, ok := strings.CutSuffix(strings.TrimPrefix(name, epochPrefix), epochSuffix)
	epoch, err := strconv.Atoi(text)
	return epoch, ok && err == nil && name == epochFile(epoch)
}

// keepEpoch saves the model of an epoch under a name of its own, and removes those of epochs
// that are no longer among the last ones.
func (l *Loop) keepEpoch(epoch int) error {
	if l.Keep == 0 {
		return nil
	}
	if err := l.saveModel(epochFile(epoch)); err != nil {
		return err
	}
	files, err := os.ReadDir(l.Dir)
	if err != nil {
		return fmt.Errorf("train: %w", err)
	}
	for _, f := range files {
		if e, ok := epochOf(f.Name()); ok && e <= epoch-l.Keep {
			if err := os.Remove(l.path(f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("train: remove the model of epoch %d: %w", e, err)
			}
		}
	}
	return nil
}
