package checkpoint

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// walker reads JSON that is known to be well-formed, from its beginning. It allocates
// nothing but the texts that it returns.
type walker struct {
	b  []byte
	at int
}

// peek returns the byte that the next token begins with.
func (w *walker) peek() byte {
	for strings.IndexByte(" \t\r\n", w.b[w.at]) >= 0 {
		w.at++
	}
	return w.b[w.at]
}

// more reports whether another element follows in an array or object, and passes over the
// comma before it, or over the bracket that closes it.
func (w *walker) more(closing byte) bool {
	c := w.peek()
	if c == ',' || c == closing {
		w.at++
	}
	return c != closing
}

// object reads an object, calling value after each key to read its value.
func (w *walker) object(value func(key string) error) error {
	if c := w.peek(); c != '{' {
		return fmt.Errorf("want an object, have %s", kind(c))
	}
	w.at++
	for w.more('}') {
		key, err := w.text()
		if err != nil {
			return err
		}
		w.peek()
		w.at++ // the colon
		if err := value(key); err != nil {
			return err
		}
	}
	return nil
}

// text reads a string.
func (w *walker) text() (string, error) {
	if c := w.peek(); c != '"' {
		return "", fmt.Errorf("want text, have %s", kind(c))
	}
	begin, escaped := w.at+1, false
	for w.at = begin; w.b[w.at] != '"'; w.at++ {
		if w.b[w.at] == '\\' {
			escaped = true
			w.at++
		}
	}
	s := w.b[begin:w.at]
	w.at++
	if escaped {
		return unescape(s), nil
	}
	return string(s), nil
}

// number reads a number as it is written, or returns nil if none follows.
func (w *walker) number() []byte {
	if c := w.peek(); c != '-' && (c < '0' || c > '9') {
		return nil
	}
	begin := w.at
	for strings.IndexByte(",]} \t\r\n", w.b[w.at]) < 0 {
		w.at++
	}
	return w.b[begin:w.at]
}

// unescape returns what the inside of a JSON string stands for. Half a surrogate pair
// stands for U+FFFD, as in encoding/json.
func unescape(s []byte) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if s[i] != 'u' {
			b.WriteByte(escapes[s[i]])
			continue
		}
		r := codeUnit(s[i-1:])
		i += 4
		if utf16.IsSurrogate(r) {
			if r = utf16.DecodeRune(r, codeUnit(s[i+1:])); r != utf8.RuneError {
				i += 6
			}
		}
		b.WriteRune(r)
	}
	return b.String()
}

// escapes are the bytes that the letter after a backslash stands for.
var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// codeUnit returns the number in the \uXXXX that s begins with, or 0 if there is none.
func codeUnit(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0
	}
	n, _ := strconv.ParseUint(string(s[2:6]), 16, 16)
	return rune(n)
}

// kind names the kind of value that begins with a byte. Errors show it in place of the
// value, and shorten names, since both may be as long as the file.
func kind(c byte) string {
	switch c {
	case 'n':
		return "null"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "text"
	case 't', 'f':
		return "true or false"
	}
	return "a number"
}
