package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Read reads the safetensors file at path and validates all of it: form,
// layout and, if it has one, checksum. The error names the path, and wraps
// [ErrFormat], [ErrTruncated], [ErrAltered] or what the operating system said. A
// file that does not begin like one is not read any further, be it ever so large.
// Reading takes at most twice the file's size and 1 MiB of memory.
func Read(path string) (*File, error) { return ReadIf(path, nil) }

// ReadIf is Read with a check of the caller's before the values are read: head is the file
// with its metadata and tensors, whose Data is an empty slice of their type. The error of
// check is returned as it is.
func ReadIf(path string, check func(head *File) error) (*File, error) {
	r, size, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	defer r.Close()
	f, rest, err := decodeHead(r, size)
	if err == nil && check != nil {
		if err := check(f); err != nil {
			return nil, err
		}
	}
	if err == nil {
		err = rest()
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	return f, nil
}

// Decode is [Read] for the bytes of a file, such as an embedded one. The
// result shares no memory with b.
func Decode(b []byte) (*File, error) {
	f, rest, err := decodeHead(bytes.NewReader(b), int64(len(b)))
	if err == nil {
		err = rest()
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return f, nil
}

// decodeHead reads a file of size bytes up to its values, which rest reads. The file has
// been checked by then, also the checksum of its values: what is damaged costs no memory.
func decodeHead(r io.ReadSeeker, size int64) (f *File, rest func() error, err error) {
	if size < prefixSize {
		return nil, nil, fmt.Errorf("%w: %d bytes, and the header's length alone takes %d", ErrTruncated, size, prefixSize)
	}
	head, err := readHead(r, size)
	if err != nil {
		return nil, nil, shrunk(err)
	}
	h, err := parseHeader(head[prefixSize:])
	if err != nil {
		return nil, nil, err
	}
	// Most telling first: a file cut short and an altered file break the
	// layout too, but that is not what is wrong with them.
	payload := size - int64(len(head))
	for _, e := range h.entries {
		if int64(e.end) > payload {
			return nil, nil, fmt.Errorf("%w: tensor %.80q ends at byte %d of a payload of %d", ErrTruncated, e.name, e.end, payload)
		}
	}
	err = checkLayout(h.entries, int(payload))
	switch {
	case err != nil && h.summed():
		return nil, nil, fmt.Errorf("%w: %w", ErrAltered, err)
	case err != nil:
		return nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
	case h.summed():
		if err := h.verify(head, r); err != nil {
			return nil, nil, err
		}
	}

	delete(h.metadata, sumKey)
	delete(h.metadata, noteKey)
	f = &File{Metadata: h.metadata, Tensors: make([]Tensor, len(h.entries))}
	for i, e := range h.entries {
		f.Tensors[i] = Tensor{Name: e.name, Shape: e.shape, Data: empty[e.dtype]}
	}
	return f, func() error {
		if _, err := r.Seek(int64(len(head)), io.SeekStart); err != nil {
			return err
		}
		buf := make([]byte, min(payload+7, 1<<16)&^7)
		for i, e := range h.entries {
			d, _ := dtypeNamed(e.dtype)
			data, err := readValues(r, d, (e.end-e.begin)/d.size, buf)
			if err != nil {
				return shrunk(err)
			}
			f.Tensors[i].Data = data
		}
		return nil
	}, nil
}

// readHead reads a file of size bytes up to its payload.
func readHead(r io.Reader, size int64) ([]byte, error) {
	var prefix [prefixSize]byte
	if _, err := io.ReadFull(r, prefix[:]); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	switch {
	case n > maxHeader:
		return nil, fmt.Errorf("%w: it does not begin like one: header of %d bytes, at most %d are allowed", ErrFormat, n, maxHeader)
	case n > uint64(size-prefixSize):
		return nil, fmt.Errorf("%w: header of %d bytes in a file of %d", ErrTruncated, n, size)
	}
	head := append(make([]byte, 0, prefixSize+n), prefix[:]...)[:prefixSize+n]
	_, err := io.ReadFull(r, head[prefixSize:])
	return head, err
}

// shrunk names the error of a file that became shorter while it was read.
func shrunk(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w while it was read", ErrTruncated)
	}
	return err
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
	r, size, err := openRegular(path)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	defer r.Close()
	var h *header
	if size < prefixSize {
		err = ErrTruncated
	} else if head, readErr := readHead(r, size); readErr != nil {
		err = shrunk(readErr)
	} else {
		h, err = parseHeader(head[prefixSize:])
	}
	if err != nil {
		return "", fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	return h.metadata[sumKey], nil
}
