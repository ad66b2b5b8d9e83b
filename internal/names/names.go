// Package names keeps things by name, for parts that a user chooses on the command
// line and may add to: optimisers, schedules and the like. A wrong name gives an
// error that lists the known ones and says which is nearest.
package names

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Registry holds the things of one kind by their names. Only Kind needs a value.
// A Registry is safe for concurrent use and must not be copied.
type Registry[T any] struct {
	Kind string // of the things, in errors: "optim: schedule"

	mu     sync.RWMutex
	things map[string]T
	double map[string]bool
}

// Register adds a thing. It is meant for init functions and so cannot fail: a name
// that was there before is remembered as a double, and Get reports it. An empty name
// counts as a double as well.
func (r *Registry[T]) Register(name string, thing T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.things == nil {
		r.things, r.double = map[string]T{}, map[string]bool{}
	}
	if _, there := r.things[name]; there || name == "" {
		r.double[name] = true
		return
	}
	r.things[name] = thing
}

// Get returns the thing of that name. The error says that there is none, and then
// which names there are and which is nearest, or that the name was registered twice.
func (r *Registry[T]) Get(name string) (T, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var none T
	if r.double[name] {
		if name == "" {
			return none, fmt.Errorf("%s is registered without a name", r.Kind)
		}
		return none, fmt.Errorf("%s %q is registered twice: give each a name of its own", r.Kind, name)
	}
	thing, there := r.things[name]
	if !there {
		kind, known := r.Kind, r.names()
		if pkg, what, ok := strings.Cut(kind, ": "); ok {
			kind = pkg + ": unknown " + what
		} else {
			kind = "unknown " + kind
		}
		near := ""
		if n, ok := Nearest(name, known); ok {
			near = fmt.Sprintf(", did you mean %s?", n)
		}
		return none, fmt.Errorf("%s %q%s: choose %s", kind, name, near, List(known))
	}
	return thing, nil
}

// Names returns all names, sorted.
func (r *Registry[T]) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.names()
}

func (r *Registry[T]) names() []string { return slices.Sorted(maps.Keys(r.things)) }

// List joins names as a sentence does: "a", "a or b", "a, b or c". Of no names it is
// "nothing: there is none".
func List(names []string) string {
	switch n := len(names); n {
	case 0:
		return "nothing: there is none"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

// Nearest returns the name that was most likely meant, the first of equals. It is one
// that name is the beginning of, or the one of the least edit distance, in letters of
// either case. If no name is within one change, and one more for each four letters,
// then it returns false.
func Nearest(name string, names []string) (string, bool) {
	if name == "" {
		return "", false
	}
	a := strings.ToLower(name)
	best, least := "", 2+len([]rune(a))/4
	for _, n := range names {
		b := strings.ToLower(n)
		d := distance([]rune(a), []rune(b))
		if strings.HasPrefix(b, a) {
			d = min(d, 1)
		}
		if d < least && d < max(len(a), len(b)) { // something of it is the same
			best, least = n, d
		}
	}
	return best, best != ""
}

// distance is the least number of letters to insert, delete or replace to make b of a:
// Levenshtein 1966, by the algorithm of Wagner & Fischer 1974.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1) // of the distances between a[:i] and b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j := range b {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
