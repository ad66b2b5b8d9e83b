package checkpoint

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// prefixSize is the size of the header's length, which begins a file.
	prefixSize = 8
	// maxHeader is the longest header allowed, in bytes, as in the reference
	// implementation.
	maxHeader = 100_000_000
	// maxTensors and maxMetadata are the most tensors and keys of metadata that a file may
	// hold. They keep what is made of a header within twice its size and 1 MiB, however
	// short the entries are.
	maxTensors, maxMetadata = 4096, 1024
	// minEntry is the length of the shortest entry, `"":{"dtype":"U8","shape":[],"data_offsets":[0,1]}`.
	minEntry = 48
	// metadataKey is the one key of the header that names no tensor.
	metadataKey = "__metadata__"
)

// header is the JSON header of a file, read but not yet checked against it.
type header struct {
	metadata map[string]string
	entries  []entry // in the header's own order
	sumEnd   int     // offset in the file just after the value of sumKey, if there is one
}

// entry describes one tensor.
type entry struct {
	name  string
	dtype string
	shape []int
	begin int // offsets in the payload
	end   int
}

// parseHeader reads the JSON header b. It walks the text itself: encoding/json would take
// repeated keys, other capitals and broken UTF-8 without a word, and many times the
// header's memory. Its errors are all ErrFormat.
func parseHeader(b []byte) (*header, error) {
	switch {
	case len(b) == 0 || b[0] != '{':
		return nil, fmt.Errorf("%w: header does not begin with {", ErrFormat)
	case !utf8.Valid(b):
		return nil, fmt.Errorf("%w: header is not UTF-8", ErrFormat)
	case !json.Valid(b):
		return nil, fmt.Errorf("%w: header is not JSON", ErrFormat)
	}
	h := &header{entries: make([]entry, 0, min(len(b)/minEntry, maxTensors))}
	w := walker{b: b}
	err := w.object(func(key string) error {
		if key == metadataKey {
			return w.metadata(h)
		}
		if len(h.entries) == maxTensors {
			return fmt.Errorf("more than %d tensors", maxTensors)
		}
		e, err := w.entry(key)
		if err != nil {
			return fmt.Errorf("tensor %.80q: %w", key, err)
		}
		h.entries = append(h.entries, e)
		return nil
	})
	if err == nil {
		err = unique(h.entries)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrFormat, err)
	}
	return h, nil
}

// unique returns an error if two entries have one name. It sorts them by name.
func unique(entries []entry) error {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(entries); i++ {
		if entries[i].name == entries[i-1].name {
			return twice(entries[i].name)
		}
	}
	return nil
}

func twice(key string) error { return fmt.Errorf("key %.80q appears twice", key) }

// metadata reads the map from text to text.
func (w *walker) metadata(h *header) error {
	if h.metadata != nil {
		return twice(metadataKey)
	}
	h.metadata = map[string]string{}
	return w.object(func(key string) error {
		if _, ok := h.metadata[key]; ok {
			return twice(key)
		}
		if len(h.metadata) == maxMetadata {
			return fmt.Errorf("more than %d keys of metadata", maxMetadata)
		}
		text, err := w.text()
		if err != nil {
			return fmt.Errorf("metadata %.80q: %w", key, err)
		}
		h.metadata[key] = text
		if key == sumKey {
			h.sumEnd = prefixSize + w.at
		}
		return nil
	})
}

// fields are what describes a tensor.
var fields = []string{"dtype", "shape", "data_offsets"}

// entry reads the description of the tensor of that name.
func (w *walker) entry(name string) (entry, error) {
	e := entry{name: name}
	var have [3]bool
	n := 0
	err := w.object(func(key string) (err error) {
		i := slices.Index(fields, key)
		switch {
		case i < 0:
			return fmt.Errorf("unknown key %.80q", key)
		case have[i]:
			return twice(key)
		}
		have[i] = true
		n++
		switch i {
		case 0:
			e.dtype, err = w.text()
		case 1:
			var sizes [maxRank]int
			var rank int
			rank, err = w.integers(sizes[:])
			e.shape = append(make([]int, 0, rank), sizes[:rank]...)
		case 2:
			var o [2]int
			var n int
			if n, err = w.integers(o[:]); err == nil && n != 2 {
				err = fmt.Errorf("want 2 numbers, have %d", n)
			}
			e.begin, e.end = o[0], o[1]
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err == nil && n != len(fields) {
		err = fmt.Errorf("want dtype, shape and data_offsets, have %d of them", n)
	}
	return e, err
}

// integers reads an array of at most len(into) integers that are not negative, and returns
// their number.
func (w *walker) integers(into []int) (int, error) {
	if c := w.peek(); c != '[' {
		return 0, fmt.Errorf("want an array, have %s", kind(c))
	}
	w.at++
	n := 0
	for w.more(']') {
		token := w.number()
		switch {
		case token == nil:
			return 0, fmt.Errorf("want a number, have %s", kind(w.peek()))
		case n == len(into):
			return 0, fmt.Errorf("more than %d numbers", n)
		}
		for _, c := range token {
			digit := int(c) - '0' // no sign, no fraction, no exponent
			if digit < 0 || digit > 9 || into[n] > (math.MaxInt-digit)/10 {
				return 0, fmt.Errorf("%.40s is not an integer from 0 to %d", token, math.MaxInt)
			}
			into[n] = 10*into[n] + digit
		}
		n++
	}
	return n, nil
}
