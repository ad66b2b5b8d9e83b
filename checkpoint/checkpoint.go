// Package checkpoint keeps named tensors on disk in the safetensors format,
// and writes files atomically.
//
// It is a leaf: it knows no model, no training loop and no tensor library. A
// caller gives it names, shapes and slices, and gets the same back, bit for
// bit. It reads and writes the dtypes F32, F64, I64 and U8; a file that holds
// another one is refused rather than converted. So is one of more than 4096
// tensors, of more than 8 dimensions, or of more than 1024 keys of metadata.
//
// # Format
//
// The format is that of https://github.com/huggingface/safetensors, so any
// safetensors library opens a file written here:
//
//	8 bytes   N, the length of the header, an unsigned little-endian integer
//	N bytes   the header, a JSON object padded with spaces to a multiple of 8:
//	          {"__metadata__": {"key": "text", ...},
//	           "name": {"dtype": "F32", "shape": [2,3], "data_offsets": [0,24]}, ...}
//	the rest  the payload: row-major, little-endian values without gap or overlap
//
// The same content always gives the same bytes: tensors are laid out by dtype
// (I64, F64, F32, U8: the order of the reference implementation, which keeps
// every value aligned), then by name, and metadata is sorted by key.
//
// # Checksum
//
// Each file written here carries a SHA-256 of itself in the metadata key
// "sha256", as 64 lower-case hexadecimal digits. It is the sum of the whole
// file (length, header and payload) with those 64 digits replaced by zeros. So
// it covers the other metadata, the names and the shapes as well as the values.
// A second key, "sha256.of", says so in words; it also keeps damage to the
// first key's name from passing for a file without a checksum. [Decode] and
// [Read] verify the sum if either key is there, and accept a file with neither,
// as other programs write them. The two keys never show up in [File.Metadata].
//
// The checksum finds damage. It is no signature: whoever alters a file on
// purpose can also compute its new sum.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// The errors a caller may want to tell apart, for use with [errors.Is]. An
// error of the operating system, such as fs.ErrNotExist, is wrapped too.
var (
	// ErrFormat reports a file that is not safetensors, breaks its
	// specification, or holds a dtype other than F32, F64, I64 and U8.
	ErrFormat = errors.New("not a usable safetensors file")
	// ErrTruncated reports a file that ends before its header says it does.
	ErrTruncated = errors.New("file is cut short")
	// ErrAltered reports a file whose content no longer matches its checksum.
	ErrAltered = errors.New("file was altered after it was written")
	// ErrMissing reports a tensor that the file does not hold.
	ErrMissing = errors.New("no such tensor")
	// ErrDtype reports a tensor whose values are of another type.
	ErrDtype = errors.New("wrong dtype")
	// ErrShape reports a tensor of another shape, or one whose shape does not
	// match its number of values.
	ErrShape = errors.New("wrong shape")
	// ErrExtra reports a tensor of a file that should not be there.
	ErrExtra = errors.New("unexpected tensor")
)

// Tensor is a named array in row-major order.
type Tensor struct {
	Name string
	// Shape holds the size of each dimension; a scalar has none. A size may be
	// zero. The product of the sizes is the number of values in Data.
	Shape []int
	// Data is a []float32 (F32), []float64 (F64), []int64 (I64) or []uint8 (U8).
	Data any
}

// File is the content of a safetensors file. Names are unique. Any number of
// goroutines may read one File at the same time.
type File struct {
	// Metadata is free text by key; may be nil. The keys "sha256" and
	// "sha256.of" are taken by the checksum (see the package comment).
	Metadata map[string]string
	// Tensors may come in any order; [Decode] gives the order of the file.
	Tensors []Tensor
}

// Lookup returns the tensor of that name, whatever its dtype and shape, and
// whether there is one. The tensor shares its memory with f.
func (f *File) Lookup(name string) (Tensor, bool) {
	i := slices.IndexFunc(f.Tensors, func(t Tensor) bool { return t.Name == name })
	if i < 0 {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// maxJSON bounds a text of metadata that is parsed, in bytes, since what is made of it may
// take many times its size. Configurations take less than 2,000.
const maxJSON = 1 << 16

// JSON sets into from the JSON text of a key of the metadata, and reports whether there is
// one. An unknown field of an object is an error, as it may change what the others mean, and
// so is any text after the value.
func (f *File) JSON(key string, into any) (ok bool, err error) {
	text, ok := f.Metadata[key]
	if !ok {
		return false, nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if len(text) > maxJSON {
		err = fmt.Errorf("%d bytes, want at most %d", len(text), maxJSON)
	} else if err = d.Decode(into); err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("there is text after its end")
		}
	}
	if err != nil {
		return true, fmt.Errorf("metadata %q: %w", key, err)
	}
	return true, nil
}

// Fits returns an error unless f holds exactly these tensors, by name, dtype and shape, in any
// order: [ErrMissing], [ErrDtype], [ErrShape] or [ErrExtra]. It reads no values, so it serves
// as the check of [ReadIf].
func (f *File) Fits(want []Tensor) error {
	have := make(map[string]Tensor, len(f.Tensors))
	for _, t := range f.Tensors {
		have[t.Name] = t
	}
	for _, w := range want {
		t, ok := have[w.Name]
		if !ok {
			return fmt.Errorf("checkpoint: tensor %q: %w", w.Name, ErrMissing)
		}
		delete(have, w.Name)
		is, _ := dtypeOf(t.Data)
		if d, _ := dtypeOf(w.Data); is != d {
			return fmt.Errorf("checkpoint: tensor %q: %w: it holds %s, want %s", w.Name, ErrDtype, is.name, d.name)
		}
		if !slices.Equal(t.Shape, w.Shape) {
			return fmt.Errorf("checkpoint: tensor %q: %w: it is %v, want %v", w.Name, ErrShape, t.Shape, w.Shape)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		return fmt.Errorf("checkpoint: tensor %.80q: %w", name, ErrExtra)
	}
	return nil
}

// Float32 returns the values of the F32 tensor of that name and shape, sharing
// memory with f. No shape at all means a scalar. The error is [ErrMissing],
// [ErrDtype] or [ErrShape].
func (f *File) Float32(name string, shape ...int) ([]float32, error) {
	return values[float32](f, name, "F32", shape)
}

// Float64 returns the values of the F64 tensor of that name and shape, sharing
// memory with f. No shape at all means a scalar. The error is [ErrMissing],
// [ErrDtype] or [ErrShape].
func (f *File) Float64(name string, shape ...int) ([]float64, error) {
	return values[float64](f, name, "F64", shape)
}

// Int64 returns the values of the I64 tensor of that name and shape, sharing
// memory with f. No shape at all means a scalar. The error is [ErrMissing],
// [ErrDtype] or [ErrShape].
func (f *File) Int64(name string, shape ...int) ([]int64, error) {
	return values[int64](f, name, "I64", shape)
}

// Uint8 returns the values of the U8 tensor of that name and shape, sharing
// memory with f. No shape at all means a scalar. The error is [ErrMissing],
// [ErrDtype] or [ErrShape].
func (f *File) Uint8(name string, shape ...int) ([]uint8, error) {
	return values[uint8](f, name, "U8", shape)
}

// values is Float32 and its like for the element type T, whose dtype is want.
func values[T float32 | float64 | int64 | uint8](f *File, name, want string, shape []int) ([]T, error) {
	t, ok := f.Lookup(name)
	if !ok {
		return nil, fmt.Errorf("checkpoint: tensor %q: %w", name, ErrMissing)
	}
	data, ok := t.Data.([]T)
	if !ok {
		d, _ := dtypeOf(t.Data)
		return nil, fmt.Errorf("checkpoint: tensor %q: %w: it holds %s, want %s", name, ErrDtype, d.name, want)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("checkpoint: tensor %q: %w: it is %v, want %v", name, ErrShape, t.Shape, shape)
	}
	if n, err := count(shape); err != nil || n != len(data) {
		return nil, fmt.Errorf("checkpoint: tensor %q: %w: %v does not match its %d values", name, ErrShape, shape, len(data))
	}
	return data, nil
}
