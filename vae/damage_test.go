package vae

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"govae/checkpoint"
	"govae/internal/torture"
)

// loadBounded is Load, and fails if that allocates more than twice the file and 1 MiB.
func loadBounded(t *testing.T, path string, size int64) error {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Load(path)
	runtime.ReadMemStats(&after)
	if n, most := after.TotalAlloc-before.TotalAlloc, uint64(2*size+1<<20); n > most {
		t.Errorf("%d bytes allocated for a file of %d, want at most %d", n, size, most)
	}
	return err
}

// Sound files that hold no such model as they say, or weights that are none, are refused in
// one line that names the file and what is wrong, before they take memory.
func TestLoadCrafted(t *testing.T) {
	config := func(change func(c *Config)) func(*checkpoint.File) {
		return func(f *checkpoint.File) {
			var c Config
			if err := json.Unmarshal([]byte(f.Metadata[configKey]), &c); err != nil {
				t.Fatal(err)
			}
			change(&c)
			b, _ := json.Marshal(c)
			f.Metadata[configKey] = string(b)
		}
	}
	text := func(s string) func(*checkpoint.File) {
		return func(f *checkpoint.File) { f.Metadata[configKey] = s }
	}
	weight := func(tensor, i int, v float64) func(*checkpoint.File) {
		return func(f *checkpoint.File) { f.Tensors[tensor].Data.([]float32)[i] = float32(v) }
	}
	add := func(name string, data any, shape ...int) func(*checkpoint.File) {
		return func(f *checkpoint.File) {
			f.Tensors = append(f.Tensors, checkpoint.Tensor{Name: name, Shape: shape, Data: data})
		}
	}
	tried := 0
	for _, tt := range []struct {
		name   string
		change func(f *checkpoint.File)
		want   error // nil: none to tell apart
		words  string
	}{
		{"no configuration", func(f *checkpoint.File) { delete(f.Metadata, configKey) }, ErrNotModel, "lacks"},
		{"an empty one", text(""), ErrNotModel, "EOF"},
		{"null", text("null"), nil, "unknown likelihood"},
		{"an array", text("[]"), ErrNotModel, "cannot unmarshal array"},
		{"text for a number", text(`{"latent":"2"}`), ErrNotModel, "cannot unmarshal string"},
		{"a fraction", text(`{"latent":2.5}`), ErrNotModel, "cannot unmarshal number 2.5"},
		{"beyond int", text(`{"latent":99999999999999999999}`), ErrNotModel, "cannot unmarshal number"},
		{"an unknown field", text(`{"latent":2,"warp":1}`), ErrNotModel, `unknown field "warp"`},
		{"two of them", text("{}{}"), ErrNotModel, "text after its end"},
		{"not closed", text(`{"latent":2`), ErrNotModel, "EOF"},
		{"100,000 layers", config(func(c *Config) { c.Hidden = slices.Repeat([]int{1}, 100_000) }), ErrNotModel, "want at most 65536"},
		{"10,000 layers", config(func(c *Config) { c.Hidden = slices.Repeat([]int{1}, 10_000) }), checkpoint.ErrShape, "weights"},
		{"a wide layer", config(func(c *Config) { c.Hidden = []int{1 << 20} }), checkpoint.ErrShape, "the file holds"},
		{"many dimensions", config(func(c *Config) { c.Latent = 1 << 20 }), checkpoint.ErrShape, "the file holds"},
		{"large images", config(func(c *Config) { c.Rows, c.Cols = 4096, 4096 }), checkpoint.ErrShape, "the file holds"},
		{"many labels", config(func(c *Config) { c.Labels = 1 << 20 }), checkpoint.ErrShape, "the file holds"},
		{"a deep stack", config(func(c *Config) { c.Above = slices.Repeat([]Stochastic{{Latent: 1000}}, 100) }), checkpoint.ErrShape, "the file holds"},
		{"many components", config(func(c *Config) { c.Prior, c.Components = "mixture", 1<<20 }), checkpoint.ErrShape, "the file holds"},
		{"a long flow", config(func(c *Config) { c.Flow, c.Latent = 64, 1000 }), checkpoint.ErrShape, "the file holds"},
		{"a product beyond int", config(func(c *Config) { c.Hidden = []int{1 << 60, 1 << 60} }), nil, "at most"},
		{"another likelihood", config(func(c *Config) { c.Likelihood = "logistic256" }), checkpoint.ErrShape, "it is [20 16], want [40 16]"},
		{"fewer pixels", config(func(c *Config) { c.Rows = 1 }), checkpoint.ErrShape, "wrong shape: it is [16 20], want [16 5]"},
		{"a dimension less", config(func(c *Config) { c.Latent = 2 }), checkpoint.ErrShape, "wrong shape"},
		{"an extra tensor", add("stray", []float32{1}, 1), checkpoint.ErrExtra, `"stray"`},
		{"a moment of nothing", add("adam.m.encoder", []float32{1}, 1), checkpoint.ErrExtra, `"adam.m.encoder"`},
		{"an extra empty one", add("stray", []uint8{}, 0), checkpoint.ErrExtra, `"stray"`},
		{"a missing one", func(f *checkpoint.File) { f.Tensors = f.Tensors[1:] }, checkpoint.ErrShape, "the file holds 522"},
		{"another name", func(f *checkpoint.File) { f.Tensors[0].Name += ".old" }, checkpoint.ErrMissing, `"encoder.hidden.0.weight": no such tensor`},
		{"none", func(f *checkpoint.File) { f.Tensors = nil }, checkpoint.ErrShape, "the file holds 0"},
		{"a bias as bytes", func(f *checkpoint.File) { f.Tensors[1].Data = make([]uint8, 16) }, checkpoint.ErrShape, "the file holds"},
		{"a bias in float64", func(f *checkpoint.File) { f.Tensors[1].Data = make([]float64, 16) }, checkpoint.ErrDtype, "holds F64, want F32"},
		{"a matrix as a row", func(f *checkpoint.File) { f.Tensors[0].Shape = []int{16 * 20} }, checkpoint.ErrShape, "it is [320], want [16 20]"},
		{"transposed", func(f *checkpoint.File) { f.Tensors[0].Shape = []int{20, 16} }, checkpoint.ErrShape, "it is [20 16], want [16 20]"},
		{"NaN", weight(0, 7, math.NaN()), nil, `tensor "encoder.hidden.0.weight": number 7 is NaN`},
		{"infinity", weight(1, 0, math.Inf(1)), nil, `tensor "encoder.hidden.0.bias": number 0 is +Inf`},
		{"less infinity", weight(0, 319, math.Inf(-1)), nil, `tensor "encoder.hidden.0.weight": number 319 is -Inf`},
		{"1e38", weight(0, 1, 1e38), nil, "number 1 is 1e+38, want finite ones of at most 9.2e+18"},
		{"-1e38", weight(0, 1, -1e38), nil, "number 1 is -1e+38"},
		{"NaN in the last", func(f *checkpoint.File) {
			last := f.Tensors[len(f.Tensors)-1].Data.([]float32)
			last[len(last)-1] = float32(math.NaN())
		}, nil, "is NaN"},
	} {
		tried++
		t.Run(tt.name, func(t *testing.T) {
			f, err := small(t).File(nil)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(f)
			path := filepath.Join(t.TempDir(), "m.safetensors")
			if err := checkpoint.Write(path, f); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			err = loadBounded(t, path, info.Size())
			if err == nil || !strings.HasPrefix(err.Error(), "vae: "+path+": ") || !strings.Contains(err.Error(), tt.words) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%v, want %q", err, tt.words)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v is not %q", err, tt.want)
			}
		})
	}
	torture.Count(t, "crafted models in sound files: refused before they take memory", tried)
}

// A model of 40 GB that is mostly a hole is refused by its head.
func TestLoadSparse(t *testing.T) {
	const size = 40 << 30
	c := DefaultConfig()
	for _, text := range []string{"", "{}"} {
		if text == "" {
			b, _ := json.Marshal(c)
			text = string(b)
		}
		q, _ := json.Marshal(text)
		header := fmt.Sprintf(`{"__metadata__":{"govae.model":%s},"a":{"dtype":"F32","shape":[%%d],"data_offsets":[0,%%d]}}`, q)
		n := (size - 1000) / 4
		header = fmt.Sprintf(header, n, 4*n)
		prefix := []byte{byte(len(header)), byte(len(header) >> 8), 0, 0, 0, 0, 0, 0}
		path := filepath.Join(t.TempDir(), "m.safetensors")
		if err := os.WriteFile(path, append(prefix, header...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, int64(8+len(header)+4*n)); err != nil {
			t.Skip(err)
		}
		// The default model's weights are made, to be compared by name.
		if err := loadBounded(t, path, 1<<21); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("a model of 40 GB: %v", err)
		}
	}
}

// A sound model keeps to the bound too.
func TestLoadIsBounded(t *testing.T) {
	m, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := loadBounded(t, path, info.Size()); err != nil {
		t.Error(err)
	}
}
