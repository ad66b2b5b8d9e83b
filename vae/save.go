package vae

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"gorgonia.org/tensor"

	"govae/checkpoint"
	"govae/nn"
)

// configKey is where a model file's metadata holds the Config, as JSON.
const configKey = "govae.model"

// stateKey is there in the metadata of a training state, which holds more tensors than the
// model's.
const stateKey = "govae.state"

// ErrNotModel reports a file that is sound but holds no model of this package.
var ErrNotModel = errors.New("no govae model in this file")

// File returns the model as it is saved: each parameter as a tensor [out,in] or
// [out], which PyTorch's nn.Linear takes as it is, and the Config in the
// metadata, beside what the caller adds in meta. The tensors share the model's
// memory.
func (m *Model) File(meta map[string]string) (*checkpoint.File, error) {
	cfg, err := json.Marshal(m.cfg)
	if err != nil {
		return nil, fmt.Errorf("vae: save: %w", err)
	}
	f := &checkpoint.File{Metadata: map[string]string{configKey: string(cfg)}}
	maps.Copy(f.Metadata, meta)
	for _, p := range m.Params() {
		f.Tensors = append(f.Tensors, Tensors(p, p.Value.Data(), "")...)
	}
	return f, nil
}

// Tensors gives values that belong to a parameter (itself, a moment of its
// gradient) as they are saved: one tensor for each of its names, with prefix
// before the name. data is the parameter's size, of []float32 or []float64.
func Tensors(p *nn.Param, data any, prefix string) []checkpoint.Tensor {
	n := len(p.Names)
	shape := append([]int{}, p.Value.Shape()...)
	if n > 1 {
		shape[0] /= n
	}
	ts := make([]checkpoint.Tensor, n)
	for i, name := range p.Names {
		ts[i] = checkpoint.Tensor{Name: prefix + name, Shape: shape}
		switch d := data.(type) {
		case []float32:
			ts[i].Data = d[i*len(d)/n : (i+1)*len(d)/n]
		case []float64:
			ts[i].Data = d[i*len(d)/n : (i+1)*len(d)/n]
		}
	}
	return ts
}

// Restore sets the model's weights from a file that File made of a model of the
// same shape, or from any that has tensors of the parameters' names and shapes. It may hold
// others as well. On an error nothing has changed.
func (m *Model) Restore(f *checkpoint.File) error { return RestoreParams(f, m.Params()) }

// RestoreParams sets parameters from the tensors of a file that have their names. A number
// that is not finite, or above largest, is an error. On an error nothing has changed.
func RestoreParams(f *checkpoint.File, params []*nn.Param) error {
	if f == nil {
		return fmt.Errorf("vae: no file to restore from")
	}
	type part struct{ dst, src any }
	var parts []part
	for _, p := range params {
		for _, t := range Tensors(p, p.Value.Data(), "") {
			var src any
			var err error
			if p.Value.Dtype() == tensor.Float64 {
				var v []float64
				if v, err = f.Float64(t.Name, t.Shape...); err == nil {
					err = checkWeights(t.Name, v)
				}
				src = v
			} else {
				var v []float32
				if v, err = f.Float32(t.Name, t.Shape...); err == nil {
					err = checkWeights(t.Name, v)
				}
				src = v
			}
			if err != nil {
				return fmt.Errorf("vae: %w", err)
			}
			parts = append(parts, part{t.Data, src})
		}
	}
	for _, p := range parts {
		switch dst := p.dst.(type) {
		case []float32:
			copy(dst, p.src.([]float32))
		case []float64:
			copy(dst, p.src.([]float64))
		}
	}
	return nil
}

// largest is the most that a weight may be, in size: the product of two above it, of a weight
// and an activation, say, may be infinite in float32.
const largest = 1 << 63

// checkWeights returns an error that names the first number that cannot be a weight.
func checkWeights[T float32 | float64](name string, v []T) error {
	for i, x := range v {
		if !(x >= -largest && x <= largest) {
			return fmt.Errorf("tensor %q: number %d is %v, want finite ones of at most %.2g in size", name, i, x, float64(largest))
		}
	}
	return nil
}

// Save writes the model to a safetensors file, all of it or nothing.
func (m *Model) Save(path string) error {
	f, err := m.File(nil)
	if err != nil {
		return err
	}
	return checkpoint.Write(path, f)
}

// Load reads a model that Save or a training run wrote.
func Load(path string) (*Model, error) {
	m, _, err := LoadFile(path)
	return m, err
}

// LoadFile is Load, and returns also the file, for what its metadata tells beside the model.
// The file's values are read when the model is known to have their names and shapes.
func LoadFile(path string) (m *Model, f *checkpoint.File, err error) {
	var unfit error
	f, err = checkpoint.ReadIf(path, func(head *checkpoint.File) error {
		m, unfit = fitting(head)
		return unfit
	})
	if err == nil {
		unfit = m.Restore(f)
	}
	if unfit != nil {
		return nil, nil, &fileError{path, unfit}
	} else if err != nil {
		return nil, nil, err
	}
	return m, f, nil
}

// fileError puts the name of a file after the package's.
type fileError struct {
	path string
	err  error
}

func (e *fileError) Error() string {
	return fmt.Sprintf("vae: %s: %s", e.path, strings.TrimPrefix(e.err.Error(), "vae: "))
}

func (e *fileError) Unwrap() error { return e.err }

// FromFile makes the model that a file holds: all of its tensors and no others, but for those
// of a training state. The metadata may have further keys.
func FromFile(f *checkpoint.File) (*Model, error) {
	m, err := fitting(f)
	if err != nil {
		return nil, err
	}
	if err := m.Restore(f); err != nil {
		return nil, err
	}
	return m, nil
}

// fitting makes the model that the metadata of a file describe, with fresh weights, if the
// file's tensors go with it.
func fitting(f *checkpoint.File) (*Model, error) {
	if f == nil {
		return nil, fmt.Errorf("%w: there is no file", ErrNotModel)
	}
	var cfg Config
	if ok, err := f.JSON(configKey, &cfg); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotModel, err)
	} else if !ok {
		return nil, fmt.Errorf("%w: its metadata lacks %q", ErrNotModel, configKey)
	}
	if _, err := cfg.known(); err != nil {
		return nil, fmt.Errorf("%w, or Assemble the parts and Restore the file", err)
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	// Before the weights are made: an altered number is no reason to allocate them.
	held := 0
	for _, t := range f.Tensors {
		size := 1
		for _, d := range t.Shape {
			size *= d
		}
		if _, bytes := t.Data.([]uint8); !bytes {
			held += size
		}
	}
	want, err := cfg.weights()
	if err != nil {
		return nil, err
	}
	if want > held {
		return nil, fmt.Errorf("vae: %w: the metadata describes a model of %d weights, the file holds %d", checkpoint.ErrShape, want, held)
	}
	m, err := New(cfg)
	if err != nil {
		return nil, err
	}
	fresh, err := m.File(nil)
	if err != nil {
		return nil, err
	}
	_, state := f.Metadata[stateKey]
	if err := f.Fits(fresh.Tensors); err != nil && !(state && errors.Is(err, checkpoint.ErrExtra)) {
		return nil, fmt.Errorf("vae: %w", err)
	}
	return m, nil
}

// weights is the least number of weights and biases that the model has, of parts that are
// known.
func (c Config) weights() (int, error) {
	known, err := c.known()
	if err != nil {
		return 0, err
	}
	n, err := known.weights(c)
	if err != nil {
		return 0, err
	}
	below := c.Latent
	for _, a := range c.Above {
		in := below
		for _, h := range a.Hidden {
			n += h*(in+1) + in*h + in // to h in the encoder, and back in the decoder
			in = h
		}
		n += 2*a.Latent*(in+1) + in*(a.Latent+1)
		below = a.Latent
	}
	outputs, err := c.codeParams()
	return n + c.Flow*flowHidden*outputs, err // of each layer's first matrix, which sees the posterior's parameters
}
