package traincmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settings is the flag of options of registered parts: NAME=VALUE, with commas between them.
type settings map[string]string

func (s *settings) String() string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(*s)) {
		words = append(words, name+"="+(*s)[name])
	}
	return strings.Join(words, ",")
}

func (s *settings) Set(text string) error {
	*s = nil
	for _, word := range strings.Split(text, ",") {
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return fmt.Errorf("%q: want NAME=VALUE, such as channels=16", word)
		}
		if *s == nil {
			*s = settings{}
		}
		(*s)[name] = value
	}
	return nil
}
