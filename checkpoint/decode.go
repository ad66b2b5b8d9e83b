package checkpoint

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
)

// Read reads the safetensors file at path and validates all of it: form,
// layout and, if it has one, checksum. The error names the path, and wraps
// [ErrFormat], [ErrTruncated], [ErrAltered] or what the operating system said. A
// file that does not begin like one is not read any further, be it ever so large.
func Read(path string) (*File, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	f, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	return f, nil
}

// readFile returns the bytes of a file that may well be one of ours.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() { // a pipe or a device may have no end
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	prefix := make([]byte, prefixSize)
	if _, err := io.ReadFull(f, prefix); err == nil {
		if _, err := headerSize(prefix); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return os.ReadFile(path)
}

// headerSize returns the length of the header that a file claims to have.
func headerSize(b []byte) (uint64, error) {
	n := binary.LittleEndian.Uint64(b)
	if n > maxHeader {
		return 0, fmt.Errorf("%w: header of %d bytes, at most %d are allowed", ErrFormat, n, maxHeader)
	}
	return n, nil
}

// Decode is [Read] for the bytes of a file, such as an embedded one. The
// result shares no memory with b.
func Decode(b []byte) (*File, error) {
	f, err := decode(b)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return f, nil
}

// decode is Decode without the package's name in its errors. All checks come
// before the first value is copied, so a damaged file costs little memory.
func decode(b []byte) (*File, error) {
	if len(b) < prefixSize {
		return nil, fmt.Errorf("%w: %d bytes, and the header's length alone takes %d", ErrTruncated, len(b), prefixSize)
	}
	n, err := headerSize(b)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(b)-prefixSize) {
		return nil, fmt.Errorf("%w: header of %d bytes in a file of %d", ErrTruncated, n, len(b))
	}
	start := prefixSize + int(n)
	h, err := parseHeader(b[prefixSize:start])
	if err != nil {
		return nil, err
	}
	payload := b[start:]

	// Most telling first: a file cut short and an altered file break the
	// layout too, but that is not what is wrong with them.
	for _, e := range h.entries {
		if e.end > len(payload) {
			return nil, fmt.Errorf("%w: tensor %.80q ends at byte %d of a payload of %d", ErrTruncated, e.name, e.end, len(payload))
		}
	}
	if err := verify(b, h); err != nil {
		return nil, err
	}
	if err := checkLayout(h.entries, len(payload)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}

	delete(h.metadata, sumKey)
	delete(h.metadata, noteKey)
	f := &File{Metadata: h.metadata, Tensors: make([]Tensor, len(h.entries))}
	for i, e := range h.entries {
		d, _ := dtypeNamed(e.dtype)
		f.Tensors[i] = Tensor{Name: e.name, Shape: e.shape, Data: parseValues(d, payload[e.begin:e.end])}
	}
	return f, nil
}

// checkLayout sorts entries by position, and checks that each takes the bytes
// its shape needs and that together they fill a payload of n bytes, with no
// hole and no overlap.
func checkLayout(entries []entry, n int) error {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := 0
	for _, e := range entries {
		size, err := byteSize(e)
		switch {
		case err != nil:
			return fmt.Errorf("tensor %.80q: %w", e.name, err)
		case e.end < e.begin:
			return fmt.Errorf("tensor %.80q: offsets [%d,%d] are reversed", e.name, e.begin, e.end)
		case e.end-e.begin != size:
			return fmt.Errorf("tensor %.80q: offsets [%d,%d] hold %d bytes, and %s %v takes %d",
				e.name, e.begin, e.end, e.end-e.begin, e.dtype, e.shape, size)
		case e.begin > at:
			return fmt.Errorf("tensor %.80q: hole of %d bytes before offset %d", e.name, e.begin-at, e.begin)
		case e.begin < at:
			return fmt.Errorf("tensor %.80q: overlaps another at offset %d", e.name, e.begin)
		}
		at = e.end
	}
	if at != n {
		return fmt.Errorf("%d bytes after the last tensor", n-at)
	}
	return nil
}

// byteSize returns the bytes that the shape and dtype of e take.
func byteSize(e entry) (int, error) {
	d, ok := dtypeNamed(e.dtype)
	if !ok {
		return 0, fmt.Errorf("dtype %.80q is not one of F32, F64, I64, U8", e.dtype)
	}
	n, err := count(e.shape)
	if err != nil {
		return 0, err
	}
	if n > math.MaxInt/d.size {
		return 0, fmt.Errorf("shape %v is too large", e.shape)
	}
	return n * d.size, nil
}

// dtypeNamed returns the dtype that the header calls name.
func dtypeNamed(name string) (dtype, bool) {
	i := slices.IndexFunc(dtypes, func(d dtype) bool { return d.name == name })
	if i < 0 {
		return dtype{}, false
	}
	return dtypes[i], true
}

// Sum returns the SHA-256 that the file at path carries of itself, or "" if it carries none.
// It does not verify the sum: [Read] does.
func Sum(path string) (string, error) {
	b, err := readFile(path)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	if len(b) < prefixSize {
		return "", fmt.Errorf("checkpoint: %s: %w", path, ErrTruncated)
	}
	n, err := headerSize(b)
	if err == nil && n > uint64(len(b)-prefixSize) {
		err = ErrTruncated
	}
	if err != nil {
		return "", fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	h, err := parseHeader(b[prefixSize : prefixSize+int(n)])
	if err != nil {
		return "", fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	return h.metadata[sumKey], nil
}
