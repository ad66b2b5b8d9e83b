package names

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestRegistry(t *testing.T) {
	r := Registry[int]{Kind: "fruit: pear"}
	if _, err := r.Get("conference"); err == nil || err.Error() != `fruit: unknown pear "conference": choose nothing: there is none` {
		t.Errorf("of an empty registry: %v", err)
	}
	r.Register("williams", 1)
	r.Register("conference", 2)
	r.Register("abate", 3)
	if got, err := r.Get("conference"); got != 2 || err != nil {
		t.Errorf("conference: %v, %v", got, err)
	}
	if got, want := r.Names(), []string{"abate", "conference", "williams"}; !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	for name, want := range map[string]string{
		"wiliams": `fruit: unknown pear "wiliams", did you mean williams?: choose abate, conference or williams`,
		"nashi":   `fruit: unknown pear "nashi": choose abate, conference or williams`,
		"":        `fruit: unknown pear "": choose abate, conference or williams`,
	} {
		if got, err := r.Get(name); got != 0 || err == nil || err.Error() != want {
			t.Errorf("%q: %v, %v, want %s", name, got, err, want)
		}
	}
	bare := Registry[int]{Kind: "pear"}
	if _, err := bare.Get("x"); err == nil || !strings.HasPrefix(err.Error(), `unknown pear "x"`) {
		t.Errorf("a kind without a package: %v", err)
	}
}

// A double neither panics nor wins: its name is an error from then on, and no other is.
func TestRegisterTwice(t *testing.T) {
	r := Registry[int]{Kind: "fruit: pear"}
	r.Register("abate", 1)
	r.Register("williams", 2)
	r.Register("abate", 3)
	if got, err := r.Get("abate"); got != 0 || err == nil || !strings.Contains(err.Error(), `pear "abate" is registered twice`) {
		t.Errorf("a double: %v, %v", got, err)
	}
	if got, err := r.Get("williams"); got != 2 || err != nil {
		t.Errorf("another: %v, %v", got, err)
	}
	if got := r.Names(); !slices.Equal(got, []string{"abate", "williams"}) {
		t.Errorf("names %v", got)
	}
	r.Register("", 4)
	if _, err := r.Get(""); err == nil || !strings.Contains(err.Error(), "without a name") || slices.Contains(r.Names(), "") {
		t.Errorf("an empty name: %v, names %q", err, r.Names())
	}
}

// To be run with -race.
func TestRegistryConcurrent(t *testing.T) {
	r := Registry[int]{Kind: "number"}
	var all sync.WaitGroup
	for i := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			for j := range 50 {
				name := fmt.Sprint(i, "-", j)
				r.Register(name, j)
				if got, err := r.Get(name); got != j || err != nil {
					t.Errorf("%s: %v, %v", name, got, err)
				}
				r.Names()
			}
		}()
	}
	all.Wait()
	if n := len(r.Names()); n != 400 {
		t.Errorf("%d names, want 400", n)
	}
}

func TestList(t *testing.T) {
	for want, names := range map[string][]string{"a": {"a"}, "a or b": {"a", "b"}, "a, b or c": {"a", "b", "c"}, "nothing: there is none": nil} {
		if got := List(names); got != want {
			t.Errorf("List(%q) = %q, want %q", names, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	known := []string{"adam", "adamw", "cosine", "linear", "sgd"}
	for name, want := range map[string]string{
		"adm":    "adam",   // a letter lost
		"adamm":  "adam",   // one more: adamw is as near, but later
		"Adam":   "adam",   // another case
		"lienar": "linear", // two swapped are two changes
		"cos":    "cosine", // a beginning
		"sgdm":   "sgd",
		"kosine": "cosine",
		"xyz":    "", // nothing in common
		"d":      "",
		"":       "",
		"daily":  "",
	} {
		if got, ok := Nearest(name, known); got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
	if got, ok := Nearest("k", []string{"z"}); ok {
		t.Errorf("Nearest of letters that differ: %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0},
		{"kitten", "sitting", 3}, // Jurafsky & Martin's and everyone's example
		{"intention", "execution", 5}, {"flaw", "lawn", 2}, {"µ", "m", 1},
	} {
		if got := distance([]rune(tt.a), []rune(tt.b)); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance([]rune(tt.b), []rune(tt.a)); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
