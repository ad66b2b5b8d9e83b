package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

const (
	// prefixSize is the size of the header's length, which begins a file.
	prefixSize = 8
	// maxHeader is the longest header allowed, in bytes, as in the reference
	// implementation.
	maxHeader = 100_000_000
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

// parseHeader reads the JSON header b. It walks the tokens rather than
// unmarshal into structs, since encoding/json would take repeated keys, other
// capitals and broken UTF-8 without a word. Its errors are all ErrFormat.
func parseHeader(b []byte) (*header, error) {
	switch {
	case len(b) == 0 || b[0] != '{':
		return nil, fmt.Errorf("%w: header does not begin with {", ErrFormat)
	case !utf8.Valid(b):
		return nil, fmt.Errorf("%w: header is not UTF-8", ErrFormat)
	case !json.Valid(b):
		return nil, fmt.Errorf("%w: header is not JSON", ErrFormat)
	}
	p := parser{json.NewDecoder(bytes.NewReader(b))}
	p.dec.UseNumber()
	h := &header{}
	err := p.object(func(key string) error {
		if key == metadataKey {
			return p.metadata(h)
		}
		e, err := p.entry(key)
		if err != nil {
			return fmt.Errorf("tensor %.80q: %w", key, err)
		}
		h.entries = append(h.entries, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrFormat, err)
	}
	return h, nil
}

// parser reads JSON that is known to be well-formed.
type parser struct{ dec *json.Decoder }

// object reads an object, calling value after each key to read its value.
func (p parser) object(value func(key string) error) error {
	if t, err := p.dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("want an object, have %s", kind(t))
	}
	seen := map[string]bool{}
	for p.dec.More() {
		t, err := p.dec.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string) // always: JSON knows no other keys
		if seen[key] {
			return fmt.Errorf("key %.80q appears twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	_, err := p.dec.Token() // the closing brace
	return err
}

// metadata reads the map from text to text.
func (p parser) metadata(h *header) error {
	h.metadata = map[string]string{}
	return p.object(func(key string) error {
		text, err := p.text()
		if err != nil {
			return fmt.Errorf("metadata %.80q: %w", key, err)
		}
		h.metadata[key] = text
		if key == sumKey {
			h.sumEnd = prefixSize + int(p.dec.InputOffset())
		}
		return nil
	})
}

// entry reads the description of the tensor of that name.
func (p parser) entry(name string) (entry, error) {
	e := entry{name: name}
	fields := 0 // all different, so three of them are all three
	err := p.object(func(key string) (err error) {
		fields++
		switch key {
		case "dtype":
			e.dtype, err = p.text()
		case "shape":
			e.shape, err = p.sizes(maxRank)
		case "data_offsets":
			var o []int
			if o, err = p.sizes(2); err == nil && len(o) != 2 {
				err = fmt.Errorf("want 2 numbers, have %d", len(o))
			}
			if err == nil {
				e.begin, e.end = o[0], o[1]
			}
		default:
			return fmt.Errorf("unknown key %.80q", key)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err == nil && fields != 3 {
		err = fmt.Errorf("want dtype, shape and data_offsets, have %d of them", fields)
	}
	return e, err
}

// kind names the kind of value that a token begins. Errors show it in place of
// the value, and shorten names, since both may be as long as the file.
func kind(t json.Token) string {
	switch t {
	case nil:
		return "null"
	case json.Delim('{'):
		return "an object"
	case json.Delim('['):
		return "an array"
	}
	switch t.(type) {
	case string:
		return "text"
	case json.Number:
		return "a number"
	default:
		return "true or false"
	}
}

// text reads a string.
func (p parser) text() (string, error) {
	t, err := p.dec.Token()
	s, ok := t.(string)
	if err != nil || !ok {
		return "", fmt.Errorf("want text, have %s", kind(t))
	}
	return s, nil
}

// sizes reads an array of at most max integers that are not negative.
func (p parser) sizes(max int) ([]int, error) {
	if t, err := p.dec.Token(); err != nil || t != json.Delim('[') {
		return nil, fmt.Errorf("want an array, have %s", kind(t))
	}
	v := []int{}
	for p.dec.More() {
		t, err := p.dec.Token()
		s, ok := t.(json.Number)
		if err != nil || !ok {
			return nil, fmt.Errorf("want a number, have %s", kind(t))
		}
		if len(v) == max {
			return nil, fmt.Errorf("more than %d numbers", max)
		}
		// ParseUint takes digits only: no sign, no fraction, no exponent.
		n, err := strconv.ParseUint(s.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, fmt.Errorf("%.40s is not an integer from 0 to 2^%d-1", s, strconv.IntSize-1)
		}
		v = append(v, int(n))
	}
	_, err := p.dec.Token() // the closing bracket
	return v, err
}
