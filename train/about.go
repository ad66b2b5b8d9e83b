package train

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"govae/checkpoint"
	"govae/vae"
)

// About is what the metadata of a run's file say of it.
type About struct {
	State    bool            // the file is a training state: it has moments besides the weights
	Settings json.RawMessage // of the run, as in config.json; nil if the file comes from none
	Step     int             // the steps that the weights have had; −1 if it is not noted
	Machine  string          // the kind of machine of the last of them; "" if it is not noted
	Unknown  []string        // keys that this package does not know, in alphabetical order
}

// ReadAbout reads the metadata of a file. An entry that is known and can't be read is an
// error.
func ReadAbout(f *checkpoint.File) (About, error) {
	a := About{Step: -1, Machine: f.Metadata[machineKey]}
	for _, key := range slices.Sorted(maps.Keys(f.Metadata)) {
		text := f.Metadata[key]
		switch key {
		case vae.ConfigKey, machineKey:
		case metaKey, settingsKey:
			if err := strictJSON([]byte(text)); err != nil {
				return a, fmt.Errorf("train: its metadata %q: %w", key, err)
			}
			a.Settings = json.RawMessage(text)
		case stepKey:
			step, err := strconv.Atoi(text)
			if err != nil || step < 0 {
				return a, fmt.Errorf("train: its metadata %q is %q, want a number of steps", key, text)
			}
			a.Step = step
		case stateKey:
			var s loopState
			if err := json.Unmarshal([]byte(text), &s); err != nil || s.Step < 0 {
				return a, fmt.Errorf("train: no training state: its metadata lacks a sound %q", key)
			}
			a.State = true
		default:
			a.Unknown = append(a.Unknown, key)
		}
	}
	_, _, err := TrainedWith(f)
	return a, err
}
