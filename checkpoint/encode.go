package checkpoint

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// Write writes f to path as a safetensors file, atomically: see [WriteFile].
func Write(path string, f *File) error {
	return WriteFile(path, func(w io.Writer) error { return encode(w, f) })
}

// Encode writes f to w as a safetensors file with a checksum. The same content
// gives the same bytes, whatever the order of f.Tensors. It builds the file in
// memory, and writes nothing if f is at fault: a name used twice or not UTF-8,
// a shape that does not match its values ([ErrShape]), Data of a type that
// [Tensor] does not list ([ErrDtype]), a reserved metadata key.
func Encode(w io.Writer, f *File) error {
	if err := encode(w, f); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// encode is Encode without the package's name in its errors.
func encode(w io.Writer, f *File) error {
	if err := checkFile(f); err != nil {
		return err
	}
	tensors := slices.Clone(f.Tensors)
	slices.SortFunc(tensors, func(a, b Tensor) int {
		da, _ := dtypeOf(a.Data)
		db, _ := dtypeOf(b.Data)
		return cmp.Or(slices.Index(dtypes, da)-slices.Index(dtypes, db), cmp.Compare(a.Name, b.Name))
	})
	head, sumAt, payload := appendHeader(make([]byte, prefixSize), f.Metadata, tensors)
	if n := len(head) - prefixSize; n > maxHeader {
		return fmt.Errorf("header of %d bytes, at most %d are allowed", n, maxHeader)
	}
	binary.LittleEndian.PutUint64(head, uint64(len(head)-prefixSize))

	b := append(make([]byte, 0, len(head)+payload), head...)
	for _, t := range tensors {
		b = appendValues(b, t.Data)
	}
	hex.Encode(b[sumAt:], newSum(b, sumAt).Sum(nil))
	_, err := w.Write(b)
	return err
}

// checkFile returns an error if f cannot be written as it is.
func checkFile(f *File) error {
	if n := len(f.Tensors); n > maxTensors {
		return fmt.Errorf("%d tensors, at most %d are allowed", n, maxTensors)
	}
	if n := len(f.Metadata); n > maxMetadata-2 { // two are of the checksum
		return fmt.Errorf("%d keys of metadata, at most %d are allowed", n, maxMetadata-2)
	}
	for key, text := range f.Metadata {
		if key == sumKey || key == noteKey {
			return fmt.Errorf("metadata %q: this key is taken by the checksum", key)
		}
		if !utf8.ValidString(key) || !utf8.ValidString(text) {
			return fmt.Errorf("metadata %q: not UTF-8", key)
		}
	}
	seen := map[string]bool{}
	for _, t := range f.Tensors {
		d, n := dtypeOf(t.Data)
		want, err := count(t.Shape)
		switch {
		case t.Name == metadataKey:
			return fmt.Errorf("tensor %q: this name is taken by the metadata", t.Name)
		case !utf8.ValidString(t.Name):
			return fmt.Errorf("tensor %q: name is not UTF-8", t.Name)
		case seen[t.Name]:
			return fmt.Errorf("tensor %q: appears twice", t.Name)
		case d.size == 0:
			return fmt.Errorf("tensor %q: %w: cannot store %s", t.Name, ErrDtype, d.name)
		case err != nil:
			return fmt.Errorf("tensor %q: %w: %w", t.Name, ErrShape, err)
		case n != want:
			return fmt.Errorf("tensor %q: %w: %v does not match its %d values", t.Name, ErrShape, t.Shape, n)
		}
		seen[t.Name] = true
	}
	return nil
}

// appendHeader appends the JSON header, padded to 8 bytes, to b. It returns
// also where in b the digits of the checksum stand, still all zeros, and the
// size of the payload.
func appendHeader(b []byte, metadata map[string]string, tensors []Tensor) (head []byte, sumAt, payload int) {
	all := map[string]string{sumKey: blankSum, noteKey: noteText}
	maps.Copy(all, metadata)
	b = append(b, '{')
	b = appendJSON(b, metadataKey)
	sep := ":{"
	for _, key := range slices.Sorted(maps.Keys(all)) {
		b = append(b, sep...)
		b = appendJSON(b, key)
		b = append(b, ':')
		if key == sumKey {
			sumAt = len(b) + 1 // after the opening quote
		}
		b = appendJSON(b, all[key])
		sep = ","
	}
	b = append(b, '}')
	for _, t := range tensors {
		d, n := dtypeOf(t.Data)
		shape := append([]int{}, t.Shape...) // never nil, which would be null
		end := payload + n*d.size
		b = append(b, ',')
		b = appendJSON(b, t.Name)
		b = append(b, `:{"dtype":`...)
		b = appendJSON(b, d.name)
		b = append(b, `,"shape":`...)
		b = appendJSON(b, shape)
		b = append(b, `,"data_offsets":`...)
		b = appendJSON(b, [2]int{payload, end})
		b = append(b, '}')
		payload = end
	}
	b = append(b, '}')
	for len(b)%8 != 0 {
		b = append(b, ' ')
	}
	return b, sumAt, payload
}

// appendJSON appends v, a string or integers, as JSON.
func appendJSON(b []byte, v any) []byte {
	j, err := json.Marshal(v)
	if err != nil {
		panic(err) // cannot happen: strings and integers always marshal
	}
	return append(b, j...)
}
