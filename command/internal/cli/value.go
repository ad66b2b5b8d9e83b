package cli

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
)

// value is a flag's value whose errors say what is wanted; package flag's say
// "parse error".
type value struct {
	flag.Value
	want string // such as "a whole number"
}

// wrap returns v as a value, if it is of a kind whose errors need words.
func wrap(v flag.Value) flag.Value {
	g, ok := v.(flag.Getter)
	if !ok {
		return v
	}
	switch g.Get().(type) {
	case int:
		return value{v, "a whole number"}
	case uint64:
		return value{v, "a whole number of at least 0"}
	case float64:
		return value{v, "a number"}
	case bool:
		return boolValue{value{v, "true or false"}}
	}
	return v
}

// Set implements flag.Value.
func (v value) Set(s string) error {
	err := v.Value.Set(s)
	if err != nil && err.Error() == "parse error" {
		return errors.New("want " + v.want)
	}
	return err
}

// boolValue is a value that may stand without an argument.
type boolValue struct{ value }

// IsBoolFlag marks it as such to package flag.
func (boolValue) IsBoolFlag() bool { return true }

// Ints is a flag of comma-separated whole numbers, such as 400,200.
type Ints []int

// String implements flag.Value.
func (v *Ints) String() string {
	if v == nil {
		return ""
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]int(*v)), " ", ","), "[]")
}

// Set implements flag.Value.
func (v *Ints) Set(s string) error {
	ints := Ints{}
	for _, word := range strings.Split(s, ",") {
		if s == "" {
			break
		}
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return fmt.Errorf("want whole numbers with commas between them, such as 400,200")
		}
		ints = append(ints, n)
	}
	*v = ints
	return nil
}

// Floats is a flag of comma-separated numbers, such as 0.5,1,4.
type Floats []float64

// String implements flag.Value.
func (v *Floats) String() string {
	if v == nil {
		return ""
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]float64(*v)), " ", ","), "[]")
}

// Set implements flag.Value.
func (v *Floats) Set(s string) error {
	floats := Floats{}
	for _, word := range strings.Split(s, ",") {
		f, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
		if err != nil {
			return fmt.Errorf("want numbers with commas between them, such as 0.5,1,4")
		}
		floats = append(floats, f)
	}
	*v = floats
	return nil
}
