package vae

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"gorgonia.org/tensor"

	"govae/checkpoint"
	"govae/nn"
)

// configKey is where a model file's metadata holds the Config, as JSON.
const configKey = "govae.model"

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
	shape := append([]int{p.Value.Shape()[0] / n}, p.Value.Shape()[1:]...)
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
// same shape. On an error nothing has changed.
func (m *Model) Restore(f *checkpoint.File) error { return RestoreParams(f, m.Params()) }

// RestoreParams sets parameters from the tensors of a file that have their names. On an
// error nothing has changed.
func RestoreParams(f *checkpoint.File, params []*nn.Param) error {
	type part struct{ dst, src any }
	var parts []part
	for _, p := range params {
		for _, t := range Tensors(p, p.Value.Data(), "") {
			var src any
			var err error
			if p.Value.Dtype() == tensor.Float64 {
				src, err = f.Float64(t.Name, t.Shape...)
			} else {
				src, err = f.Float32(t.Name, t.Shape...)
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
	f, err := checkpoint.Read(path)
	if err != nil {
		return nil, err
	}
	m, err := FromFile(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// FromFile makes the model that a file holds.
func FromFile(f *checkpoint.File) (*Model, error) {
	text, ok := f.Metadata[configKey]
	if !ok {
		return nil, fmt.Errorf("%w: its metadata lacks %q", ErrNotModel, configKey)
	}
	var cfg Config
	if err := json.Unmarshal([]byte(text), &cfg); err != nil {
		return nil, fmt.Errorf("%w: %q: %v", ErrNotModel, configKey, err)
	}
	if _, err := cfg.known(); err != nil {
		return nil, fmt.Errorf("%w; import the package that registers it, or Assemble the parts and Restore the file", err)
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
		held += size
	}
	if want := cfg.weights(); want > held {
		return nil, fmt.Errorf("vae: %w: the metadata describes a model of %d weights, the file holds %d", checkpoint.ErrShape, want, held)
	}
	m, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return m, m.Restore(f)
}

// weights is the least number of weights and biases that the model has, of parts that are
// known.
func (c Config) weights() int {
	known, err := c.known()
	if err != nil {
		return 0
	}
	n, below := known.weights(c), c.Latent
	for _, a := range c.Above {
		in := below
		for _, h := range a.Hidden {
			n += h*(in+1) + in*h + in // to h in the encoder, and back in the decoder
			in = h
		}
		n += 2*a.Latent*(in+1) + in*(a.Latent+1)
		below = a.Latent
	}
	return n + c.Flow*flowHidden*2*c.Latent // of each layer's first matrix, which sees mu and logvar
}
